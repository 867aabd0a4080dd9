"""TLS in the matrix: server certificates of both kinds, with and without a client's, full and resumed handshakes.

Besides what the matrix compares anyway, each recording is analysed once more without its keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from analyzer.analysis.connection.truth import compare
from tests.matrix.cases import TLS, Trial, tls_trials
from tests.matrix.running import Done, ServerRun, analyse
from tests.matrix.serverside import Json
from tests.servers import Server


class TlsRun(ServerRun):
    """The TLS sessions of one server with one kind of certificate."""

    def __init__(self, server: Server, certificate: str, folder: Path) -> None:
        super().__init__(server, folder, tls_trials)
        self.certificate = certificate
        self.sha256 = _sha256(server.server_certificate)
        self.client_sha256 = _sha256(server.client_certificate)

    def look_closer(self, done: Done, connection: Json) -> None:
        if not connection["tls"]["decrypted"]:
            done.problems.append("the recording was not decrypted with the keys inside it")
        done.problems += self._certificates(done.trial, connection, visible=True)
        (hidden,) = (msgspec.to_builtins(each) for each in analyse(done.recording, with_keys=False))
        done.problems += [f"without keys: {line}" for line in self.without_keys(done, hidden)]

    def without_keys(self, done: Done, connection: Json) -> list[str]:
        """The picture of a bystander: what is in the clear is right, and of the inside nothing is said."""
        lines = compare(connection, done.truth)
        if connection["outcome"] != "encrypted":
            lines.append(f"the outcome is {connection['outcome']}")
        tls = connection["tls"]
        if tls["decrypted"]:
            lines.append("it is said to be decrypted")
        if connection["login"] is not None or connection["commands"] or connection["error"] is not None:
            lines.append("something is said of what is inside")
        # In TLS 1.3 the certificates are encrypted too.
        return lines + self._certificates(done.trial, connection, visible=done.trial.tls == "TLSv1.2")

    def _certificates(self, trial: Trial, connection: Json, *, visible: bool) -> list[str]:
        """Each side's own comes first; it may send its authority's too. Who takes up a session sends none."""
        lines = []
        sent = visible and not trial.resumed
        for key, expected in (
            ("certificates", [self.sha256] if sent else []),
            ("client_certificates", [self.client_sha256] if sent and "ssl_cert" in trial.choices else []),
        ):
            found = connection["tls"][key]
            if [each["sha256"] for each in found[:1]] != expected:
                lines.append(f"{key}: {expected} expected, {found} found")
            elif expected and found[0]["key_type"] != self.certificate.upper():
                lines.append(f"{key}: a key of {self.certificate.upper()} expected, {found[0]['key']} found")
        return lines


def _sha256(path: Path) -> str:
    """Of a certificate in PEM, as it goes over the wire."""
    loaded = x509.load_pem_x509_certificate(path.read_bytes())
    return hashlib.sha256(loaded.public_bytes(Encoding.DER)).hexdigest()


def run_tls(servers: Iterable[tuple[Server, str]], folder: Path) -> list[TlsRun]:
    """All of (server, kind of certificate) at the same time. Raises CannotCapture."""
    runs = [TlsRun(server, kind, folder / f"{server.name}-{kind}") for server, kind in servers]
    with ThreadPoolExecutor(len(runs)) as pool:
        for future in [pool.submit(run.run) for run in runs]:
            future.result()
    return runs


def markdown(runs: Sequence[TlsRun]) -> str:
    """A table: one row for each server and certificate, agreed/cases without and with a client's certificate."""
    cells = [(tls, resumed) for tls in TLS[1:] for resumed in (False, True)]
    head = [f"{tls.replace('v', ' ')}, {'resumed' if resumed else 'full'}" for tls, resumed in cells]
    lines = [["server", "certificate", *head], ["---", "---", *["---:"] * len(head)]]
    for run in runs:
        counts = []
        for cell in cells:
            done = [each for each in run.done if (each.trial.tls, each.trial.resumed) == cell]
            counts.append(f"{sum(not each.problems for each in done)} of {len(done)}")
        lines.append([f"{run.server.flavor} {run.server.version.split('-')[0]}", run.certificate.upper(), *counts])
    every = [each for run in runs for each in run.done]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"{table}\n\n{len(every)} TLS sessions, half of them with a client's certificate; "
        f"{sum(not each.problems for each in every)} without a difference, with their keys "
        f"({sum(each.decrypted for each in every)} decrypted) and without.\n"
    )

"""Connections in TLS 1.3 whose every record is written here, with secrets of its own, and what is told of them."""

from __future__ import annotations

import random
import ssl
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric import ec

from analyzer.analysis import Alike, Analysis, AnalysisOptions
from analyzer.analysis.pipeline import Told
from analyzer.report.connection_lines import lines_of
from analyzer.report.jsonl import encode
from tests.bench.replay import Turn, turns_of
from tests.bench.tls import Contexts, around_tls, in_tls
from tests.corpus import REPOSITORY
from tests.tls.live import Writer13, make_certificate
from tests.wire.frames import Frame, batches

SAMPLE = "mysql97_cli_fast-auth.pcap"
# Records of application data, of a handshake, of an alert.
DATA, HANDSHAKE, ALERT = 23, 22, 21
# In a record with a hello: behind headers and version; of a ServerHello behind a session id of 32 bytes.
RANDOM = 5 + 4 + 2
SUITE = RANDOM + 32 + 33
AES_128 = b"\x13\x01"
CLOSE_NOTIFY = b"\1\0"
CHANGE_CIPHER_SPEC = b"\x14\3\3\0\1\1"


@cache
def hellos() -> tuple[bytes, bytes]:
    """Records with the hellos of both sides, which agree on AES-128-GCM."""
    with TemporaryDirectory() as folder:
        said = [data for _, data in in_tls(turns_of(REPOSITORY / "samples" / SAMPLE), Contexts(Path(folder)))]
    client, server = said[2], said[3]
    client = client[: 5 + int.from_bytes(client[3:5], "big")]
    server = server[: 5 + int.from_bytes(server[3:5], "big")]
    return client, server[:SUITE] + AES_128 + server[SUITE + 2 :]


@cache
def certificate() -> bytes:
    """One in DER."""
    with TemporaryDirectory() as folder:
        path = make_certificate(Path(folder), "db.example", ec.generate_private_key(ec.SECP256R1()))
        text = path.read_text()
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def sized(data: bytes, size: int) -> bytes:
    """Behind its length, in so many bytes."""
    return len(data).to_bytes(size, "big") + data


class Session:
    """One connection as it is written: `turns` so far, and `log`, which opens it."""

    def __init__(self, turns: Sequence[Turn], rng: random.Random) -> None:
        before, self.inside = around_tls(turns)
        client, server = hellos()
        self.rng = rng
        self.random = rng.randbytes(32)
        self.secrets = {
            label: rng.randbytes(32)
            for label in (
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_TRAFFIC_SECRET_0",
            )
        }
        made = [Writer13(secret) for secret in self.secrets.values()]
        self.handshake = {True: made[0], False: made[1]}
        self.writers = {True: made[2], False: made[3]}
        self.turns = [*before, (True, client[:RANDOM] + self.random + client[RANDOM + 32 :])]
        self.hello = server[:RANDOM] + rng.randbytes(32) + server[RANDOM + 32 :]

    @property
    def log(self) -> bytes:
        return b"".join(
            f"{label} {self.random.hex()} {secret.hex()}\n".encode() for label, secret in self.secrets.items()
        )

    def shake(
        self, *, resumes: bool = False, padding: int = 0, cuts: bool = False, certificates: int = 1, tickets: int = 2
    ) -> None:
        """The handshake; `cuts`: a message in two records."""
        chain = b"".join(sized(certificate(), 3) + sized(b"", 2) for _ in range(certificates))
        said = [message(8, sized(b"", 2))]
        if not resumes:
            said += [
                message(11, sized(b"", 1) + sized(chain, 3)),
                message(15, b"\4\3" + sized(self.rng.randbytes(71), 2)),
            ]
        said.append(message(20, self.rng.randbytes(32)))
        if cuts:
            said[1:2] = [said[1][:20], said[1][20:]]
        writer = self.handshake[False]
        records = [writer.record(one, HANDSHAKE, padding) for one in said]
        self.turns.append((False, self.hello + CHANGE_CIPHER_SPEC + b"".join(records)))
        finished = self.handshake[True].record(message(20, self.rng.randbytes(32)), HANDSHAKE, padding)
        self.turns.append((True, CHANGE_CIPHER_SPEC + finished))
        for _ in range(tickets):
            ticket = message(4, bytes(8) + sized(bytes(8), 1) + sized(self.rng.randbytes(64), 2) + sized(b"", 2))
            self.turns.append((False, self.writers[False].record(ticket, HANDSHAKE)))

    def say(self, from_client: bool, data: bytes, kind: int = DATA, padding: int = 0) -> None:
        """A record of its own."""
        self.turns.append((from_client, self.writers[from_client].record(data, kind, padding)))

    def say_all(self, padding: int = 0) -> None:
        """All that the conversation holds."""
        for from_client, data in self.inside:
            self.say(from_client, data, DATA, padding)


def told(frames: list[Frame], shapes: bool, size: int, log: bytes) -> list[bytes]:
    """The lines of all connections, those of kinds marked."""
    analysis = Analysis("capture", AnalysisOptions(shapes=shapes, keylogs=(log,)))
    analysis.look_ahead(list)
    found: list[Told] = []
    for batch in batches(frames, size):
        found += analysis.told(batch)
    lines = []
    for one in [*found, *analysis.told_last(False)]:
        if isinstance(one, Alike):
            line = lines_of([one])
            assert line == encode(one.connection())
            lines.append(b"~" + line)
        else:
            lines.append(encode(one[0]))
    return lines


def same(frames: list[Frame], log: bytes, size: int = 0) -> int:
    """How many were of a kind; all have to be what the whole way says of them."""
    lines = told(frames, True, size, log)
    assert [line.removeprefix(b"~") for line in lines] == told(frames, False, size, log)
    return sum(line.startswith(b"~") for line in lines)

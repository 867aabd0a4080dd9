"""The matrix's own comparisons do find differences: a matrix that can not fail proves nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from analyzer.analysis.connection.truth import compare
from tests.matrix.cases import Trial
from tests.matrix.running import Done, analyse, compare_captures
from tests.matrix.samples import analysed, capture_of, truth
from tests.matrix.serverside import compare_log
from tests.matrix.tls import TlsRun
from tests.servers.certificates import ECDSA, RSA

PAIR: Final = ("mysql97_raw_fast-auth", "mysql97_raw_tcpdump-fast-auth")
Json = dict[str, Any]
Change = Callable[[Json], object]


def view(connection: Json) -> Json:
    """What the server's log would have of a connection."""
    login = connection["login"]
    commands = {name: count for name, count in connection["commands"].items() if name != "ping"}
    encrypted = connection["tls"] is not None
    return {"user": login["user"], "database": login["database"], "encrypted": encrypted, "commands": commands}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda log: log.update(user="other"), "user"),
        (lambda log: log.update(database=None), "database"),
        (lambda log: log.update(encrypted=True), "tls"),
        (lambda log: log["commands"].update(query=7), "commands"),
    ],
)
def test_a_log_that_says_otherwise(change: Change, where: str) -> None:
    connection = analysed(PAIR[0])
    log = view(connection)
    assert compare_log(connection, log) == []
    change(log)
    (difference,) = compare_log(connection, log)
    assert difference.startswith(where)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda each: each.update(outcome="rejected"), "outcome"),
        (lambda each: each["commands"].update(ping=1), "commands"),
        (lambda each: each["login"].update(user="other"), "login.user"),
        (lambda each: each["authentication"]["steps"].pop(), "authentication.steps"),
        (lambda each: each["tcp"].update(bytes_from_server=1), "tcp.bytes_from_server"),
        (lambda each: each["findings"].append({"code": "capture-gap"}), "findings"),
    ],
)
def test_two_captures_that_differ(change: Change, where: str) -> None:
    recorded = analysed(PAIR[0])
    captured = copy.deepcopy(recorded)
    # Frame numbers are the capture's own.
    captured["greeting"]["frame"] += 10
    assert compare_captures(recorded, captured) == []
    change(captured)
    (difference,) = compare_captures(recorded, captured)
    assert difference.startswith(where)


def tls_run(certificate: str = RSA) -> TlsRun:
    """A run that knows the certificate of a sample, and made no connection."""
    run = object.__new__(TlsRun)
    run.certificate = certificate
    run.sha256 = run.client_sha256 = analysed("mysql97_raw_tls12")["tls"]["certificates"][0]["sha256"]
    return run


def tls_done(name: str, *, resumed: bool = False) -> Done:
    trial = Trial("app", "caching_sha2_password", "TLSv1.2", None, "accepted", resumed=resumed)
    return Done(trial, truth(name), capture_of(name))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda done, run: None, None),
        (lambda done, run: done.truth["tls"].update(resumed=True), "tls.resumed"),
        (lambda done, run: done.truth["tls"].update(version="TLSv1.3"), "tls.version"),
        (lambda done, run: setattr(run, "sha256", "00"), "certificates"),
        (lambda done, run: done.trial.choices.update(ssl_cert="mine"), "client_certificates"),
        (lambda done, run: setattr(run, "certificate", ECDSA), "certificates: a key of ECDSA expected"),
    ],
)
def test_a_session_without_keys(change: Callable[[Done, TlsRun], object], where: str | None) -> None:
    run, done = tls_run(), tls_done("mysql97_raw_tls12")
    done.truth = copy.deepcopy(done.truth) | {"tls": {**done.truth["tls"], "resumed": False}}
    change(done, run)
    run.look_closer(done, analysed("mysql97_raw_tls12"))
    found = [line.removeprefix("without keys: ") for line in done.problems]
    assert all(line.startswith(where or "-") for line in found)
    assert bool(found) == (where is not None)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda each: each.update(outcome="accepted"), "the outcome is accepted"),
        (lambda each: each["tls"].update(decrypted=True), "it is said to be decrypted"),
        (lambda each: each.update(commands={"query": 1}), "something is said of what is inside"),
    ],
)
def test_more_is_said_without_keys_than_can_be_known(change: Change, where: str) -> None:
    run, done = tls_run(), tls_done("mysql97_raw_tls12")
    (connection,) = (msgspec.to_builtins(each) for each in analyse(done.recording, with_keys=False))
    assert run.without_keys(done, connection) == []
    change(connection)
    assert where in run.without_keys(done, connection)


def test_a_truth_of_another_connection() -> None:
    differences = compare(analysed(PAIR[0]), truth(PAIR[1]))
    assert {line.split(":")[0] for line in differences} >= {"connection_id", "client.port"}

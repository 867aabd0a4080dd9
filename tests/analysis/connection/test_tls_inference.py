"""What is inferred of encrypted logins: held against captures with keys, and the rules one by one."""

from __future__ import annotations

import random

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.connection.tls_inference import Around, Seen, infer
from analyzer.analysis.model.connection import Inferred
from tests.analysis.connection import calibration
from tests.analysis.connection.calibration import RIGHT, SILENT, WRONG
from tests.analysis.traffic import results_of
from tests.corpus import REPOSITORY, captures, needs_corpus
from tests.wire.files import frames_in
from tests.wire.frames import Frame

SAMPLES = sorted((REPOSITORY / "samples").glob("*.pcap*"))
SECOND = 1_000_000_000
MYSQL = Around(True, True, 1 << 23, False, False, (9, 7))
LOGIN = ("c", 200)
TICKETS = (("s", 217), ("s", 217))


def records(*said: tuple[str, int], slack: int = 0) -> list[Seen]:
    return [
        Seen("cs".index(who), max(0, size - slack), size, number, number * 1000)
        for number, (who, size) in enumerate(said)
    ]


def around(by: str = "", after_ns: int = 100_000, **known: object) -> Around:
    """What is known; `by` closes."""
    values = {name: getattr(MYSQL, name) for name in MYSQL.__struct_fields__} | known
    if by:
        values["ended"] = ("cs".index(by), after_ns)
    return Around(**values)


def said(found: Inferred | None) -> tuple[str, str, str | None, int | None] | None:
    return None if found is None else (found.login, found.confidence, found.authentication, found.commands)


def test_samples_are_never_inferred_wrongly() -> None:
    rate = calibration.compare_encrypted(SAMPLES)
    assert (rate.logins[WRONG], rate.paths[WRONG]) == (0, 0), rate.problems
    assert rate.logins[RIGHT] >= 25
    assert rate.logins[SILENT] <= rate.logins.total() // 10


def test_plain_samples_as_they_would_look_in_tls() -> None:
    rate = calibration.compare_plain(SAMPLES, tls13=True)
    assert (rate.logins[WRONG], rate.paths[WRONG]) == (0, 0), rate.problems
    assert rate.logins[RIGHT] >= rate.logins.total() * 8 // 10
    rate = calibration.compare_plain(SAMPLES, tls13=False, block=16)
    assert (rate.logins[WRONG], rate.paths[WRONG]) == (0, 0), rate.problems
    # Rounded sizes tell little: what matters is that nothing is said wrongly.
    assert rate.logins[RIGHT] >= 5


@needs_corpus[0]
@needs_corpus[1]
def test_the_corpus_is_never_inferred_wrongly() -> None:
    rate = calibration.compare_encrypted(captures())
    assert (rate.logins[WRONG], rate.paths[WRONG], rate.logins[SILENT]) == (0, 0, 0), rate.problems
    assert rate.logins[RIGHT] >= 20
    plain = calibration.compare_plain(captures(), tls13=True)
    assert (plain.logins[WRONG], plain.paths[WRONG]) == (0, 0), plain.problems


# What is said in which order -> what is inferred: login, confidence, path, commands.
CASES = {
    "fast, commands, quit": (
        (LOGIN, *TICKETS, ("s", 6), ("s", 11), ("c", 39), ("s", 72), ("c", 5)),
        around("c"),
        ("accepted", "likely", "fast", 1),
    ),
    "full": (
        (*TICKETS, LOGIN, ("s", 6), ("c", 11), ("s", 21), ("c", 16), ("s", 80)),
        around(),
        ("accepted", "likely", "full", 1),
    ),
    "fast, refused": (
        (LOGIN, *TICKETS, ("s", 6), ("s", 79)),
        around("c"),
        ("rejected", "likely", "fast", None),
    ),
    "full, refused": (
        (LOGIN, *TICKETS, ("s", 6), ("c", 11), ("s", 77)),
        around("s"),
        ("rejected", "likely", "full", None),
    ),
    "refused, the server left first": ((*TICKETS, LOGIN, ("s", 42)), around("s"), ("rejected", "likely", None, None)),
    # An auth switch that the client does not like looks the same.
    "an error, or an auth switch": ((*TICKETS, LOGIN, ("s", 48)), around("c"), ("sent", "likely", None, None)),
    "an error, or a database's name": (
        (*TICKETS, LOGIN, ("s", 6), ("s", 40)),
        around("c"),
        ("sent", "likely", None, None),
    ),
    "an error that no OK can be": (
        (*TICKETS, LOGIN, ("s", 6), ("s", 40)),
        around("c", capabilities=0),
        ("rejected", "possible", "fast", None),
    ),
    "OK and nothing more": ((*TICKETS, LOGIN, ("s", 11)), around(), ("accepted", "likely", None, 0)),
    "no answer": ((LOGIN, *TICKETS), around("s"), ("sent", "likely", None, None)),
    "asked for more, and left": ((LOGIN, *TICKETS, ("s", 6)), around("c"), ("sent", "likely", None, None)),
    "a ticket, or an error": ((LOGIN, ("s", 217)), around("c"), ("sent", "likely", None, None)),
    "an error without tickets": ((LOGIN, ("s", 75)), around("c"), ("rejected", "likely", None, None)),
    "an answer long after the error": (
        (LOGIN, *TICKETS, ("s", 6), ("s", 79)),
        around("c", 30 * SECOND),
        ("sent", "likely", None, None),
    ),
    "ed25519": (
        (LOGIN, *TICKETS, ("s", 52), ("c", 68), ("s", 75)),
        around("s"),
        ("rejected", "likely", None, None),
    ),
    "parsec": (
        (LOGIN, *TICKETS, ("s", 44), ("c", 4), ("s", 25), ("c", 100), ("s", 235), ("c", 20), ("s", 60), ("c", 5)),
        around("c", mariadb=True, version=(11, 8)),
        ("accepted", "likely", None, 1),
    ),
    "old password": (
        (LOGIN, ("s", 5), ("c", 13), ("s", 77)),
        around("s", tls13=False),
        ("rejected", "likely", None, None),
    ),
    "a password switch, refused": (
        (LOGIN, *TICKETS, ("s", 42), ("c", 14), ("s", 79)),
        around("s"),
        ("sent", "likely", None, None),
    ),
    "a second factor, refused": (
        (LOGIN, *TICKETS, ("s", 6), ("c", 12), ("s", 27), ("c", 9), ("s", 79)),
        around("s"),
        ("sent", "likely", None, None),
    ),
    "a second factor, accepted": (
        (LOGIN, *TICKETS, ("s", 6), ("c", 12), ("s", 27), ("c", 9), ("s", 11), ("c", 30), ("s", 90), ("c", 5)),
        around("s"),
        ("accepted", "likely", "full", 2),
    ),
    "MariaDB's proof is as long as an error": (
        (LOGIN, *TICKETS, ("s", 77)),
        around("c", mariadb=True, version=(11, 8), capabilities=0),
        ("sent", "likely", None, None),
    ),
    "compression": (
        (LOGIN, *TICKETS, ("s", 6), ("s", 21), ("c", 12)),
        around("c", compressed=True),
        ("accepted", "likely", "fast", 0),
    ),
    "refused, and a client that takes its leave": (
        (LOGIN, *TICKETS, ("s", 6), ("s", 79), ("c", 5)),
        around("s"),
        ("sent", "likely", None, None),
    ),
    "too short for a login": ((("c", 20), ("s", 11)), around("c"), None),
    "the server begins in TLS 1.2": ((("s", 80), LOGIN, ("s", 11)), around("c", tls13=False), None),
    "nothing": ((), around("c"), None),
    "a gap before the login": ((LOGIN, ("s", 11)), around("c", lost_frame=0), None),
    "a gap after the login": ((LOGIN, ("s", 11)), around("c", lost_frame=1), ("sent", "likely", None, None)),
}


@pytest.mark.parametrize("name", CASES)
def test_rules(name: str) -> None:
    script, known, expected = CASES[name]
    assert said(infer(records(*script), known)) == expected


def test_many_turns_are_commands_even_where_sizes_are_vague() -> None:
    conversation = [LOGIN]
    for _ in range(10):
        conversation += [("s", 60), ("c", 31)]
    vague = around("c", tls13=False, exact=False)
    assert said(infer(records(*conversation, slack=15), vague)) == ("accepted", "likely", None, None)
    assert said(infer(records(*conversation[:7], slack=15), vague)) == ("sent", "likely", None, None)
    assert said(infer(records(*conversation), around("c", tls13=False, lost_frame=9))) == (
        "accepted",
        "likely",
        None,
        None,
    )


def test_outcome_stays_encrypted_and_it_is_a_finding() -> None:
    """On a sample with its keys left out; with them there is nothing to infer."""
    path = REPOSITORY / "samples" / "mysql97_raw_wrong-password-tls13.pcapng"
    ((blind, _),) = calibration.connections(path, None)
    assert blind.outcome == "encrypted"
    assert blind.login is None
    assert blind.tls is not None
    assert blind.tls.inferred is not None
    assert (blind.tls.inferred.login, blind.tls.inferred.authentication) == ("rejected", "full")
    (finding,) = [finding for finding in blind.findings if finding.code == "encrypted-login"]
    assert (finding.severity, finding.confidence, finding.frames) == ("info", "likely", [blind.tls.inferred.frame])
    assert "probably refused" in finding.message
    ((opened, _),) = calibration.connections(path, ())
    assert opened.outcome == "rejected"
    assert opened.tls is not None
    assert opened.tls.inferred is None
    assert "encrypted-login" not in {finding.code for finding in opened.findings}


def test_records_of_java_are_padded() -> None:
    """16 zeros behind the contents of each record of the client: its Finished shows it, and sizes are without them."""
    path = next((path for path in captures() if path.name == "m10_jdbc-mariadb2.7_tls.pcap"), None)
    if path is None:
        pytest.skip("no captures of the corpus")
    ((blind, _),) = calibration.connections(path, None)
    assert blind.tls is not None
    assert blind.tls.inferred is not None
    assert blind.tls.inferred.why.endswith("(COM_QUIT)")


def spoiled(frames: list[Frame], chance: random.Random, way: int) -> list[Frame]:
    """Begun late, ended early, or with frames missing: a tenth, one, or a third behind the TCP handshake."""
    place = chance.randrange(len(frames))
    if way < 2:
        return (frames[:place], frames[place:])[way]
    if way == 2:
        return frames[:place] + frames[place + 1 :]
    return [frame for number, frame in enumerate(frames) if number < 3 or chance.random() > (0.1 if way == 3 else 0.3)]


def test_lossy_captures_are_not_inferred_wrongly() -> None:
    right = 0
    for path in (path for path in SAMPLES if "tls1" in path.name or "client-cert" in path.name):
        keys = calibration.keys_of(path)
        truths = {connection.client.port: connection for connection, _ in calibration.connections(path, keys)}
        frames = frames_in(path.read_bytes())
        for seed in range(10):
            left = spoiled(frames, random.Random(seed), seed % 5)
            options = AnalysisOptions(ports=frozenset({3306, 33097, 31108, 31011}))
            for connection, _ in results_of(left, options)[0]:
                truth = truths[connection.client.port]
                found = connection.tls.inferred if connection.tls is not None else None
                if found is not None and found.login != "sent":
                    assert found.login == truth.outcome, (path.name, seed)
                    right += 1
                if truth.tls is not None and truth.tls.decrypted:
                    codes = {finding.code for finding in connection.findings}
                    assert not codes & {"malformed-packet", "sequence-error", "tls-handshake-failed"}, (path.name, seed)
    assert right >= 40

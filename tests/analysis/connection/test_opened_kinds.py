"""Connections in TLS 1.3 that a key log opens: those that are alike are told of as the whole way tells of each."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.connection import ordinary
from analyzer.analysis.connection.sealed_kinds import COVERED_OPENED, OF_KEY_OPENED, SAID_OPENED
from analyzer.analysis.conversation.sealed_session import MOST_SEGMENTS
from analyzer.analysis.findings.engine import OF_LOGIN, SESSION, asked_of
from analyzer.analysis.findings.signs import TLS
from tests.analysis.connection.opened import ALERT, CLOSE_NOTIFY, DATA, HANDSHAKE, SAMPLE, Session, message, same, told
from tests.analysis.conversation.copies import damaged
from tests.bench.replay import Turn, frames_of, turns_of
from tests.bench.tls import Contexts, in_tls
from tests.corpus import REPOSITORY
from tests.wire.frames import Frame

SAMPLES = (SAMPLE, "mysql97_cli_wrong-password.pcap", "mariadb1011_cli_native.pcap")
COPIES = 10
# Two teach what comes before TLS, the next two the login inside; of those that follow two are seen, and one proves the
# kind.
TEACH = 7
APART_NS = 10_000_000_000
DAY_NS = 24 * 3600 * 1_000_000_000
# Behind the day from which the certificate is valid.
BEGIN_NS = 1_790_000_000_000_000_000

Change = Callable[[Session], None]


def _usual(session: Session) -> None:
    session.shake()
    session.say_all()


def _sessions(change: Change = _usual, name: str = SAMPLE, copies: int = COPIES, seed: int = 1) -> list[Session]:
    turns, rng = turns_of(REPOSITORY / "samples" / name), random.Random(seed)
    made = [Session(turns, rng) for _ in range(copies)]
    for session in made:
        change(session)
    return made


def _frames(said: Sequence[Sequence[Turn]], apart_ns: int = APART_NS, begin_ns: int = BEGIN_NS) -> list[Frame]:
    rng = random.Random(3)
    frames: list[Frame] = []
    for number, turns in enumerate(said):
        made = frames_of(turns, number, begin_ns + number * apart_ns, rng)
        frames += [Frame(data, timestamp_ns=time_ns) for time_ns, data in made]
    return frames


def _same(sessions: Sequence[Session], size: int = 0, apart_ns: int = APART_NS) -> int:
    log = b"".join(session.log for session in sessions)
    return same(_frames([session.turns for session in sessions], apart_ns), log, size)


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("name", SAMPLES)
def test_all_but_the_first_are_of_a_kind(name: str, size: int) -> None:
    # (Segments that batches tear apart may make it another shape.)
    assert COPIES - TEACH - (size > 1) <= _same(_sessions(name=name), size) <= COPIES - TEACH


def test_several_kinds_side_by_side() -> None:
    sessions = [
        session
        for copies in zip(*(_sessions(name=name, seed=seed) for seed, name in enumerate(SAMPLES)), strict=True)
        for session in copies
    ]
    assert _same(sessions) >= len(SAMPLES) * (COPIES - TEACH)
    assert _same(sessions, 20, 100_000) > 0


def test_sessions_of_the_ssl_module(tmp_path: Path) -> None:
    contexts = Contexts(tmp_path)
    turns = turns_of(REPOSITORY / "samples" / SAMPLE)
    made = [[*in_tls(turns, contexts)] for _ in range(8 * COPIES)]
    log = contexts.keylog.read_bytes()
    # Some of the server's signatures are longer.
    assert same(_frames(made), log) >= 4 * COPIES
    older = Contexts(tmp_path, ssl.TLSVersion.TLSv1_2)
    made = [[*in_tls(turns, older)] for _ in range(COPIES)]
    assert same(_frames(made), older.keylog.read_bytes()) == 0


def test_what_is_told_is_of_what_was_opened() -> None:
    sessions = _sessions()
    log = b"".join(session.log for session in sessions)
    for line in told(_frames([session.turns for session in sessions]), True, 0, log):
        assert b'"decrypted":true' in line
        assert b'"outcome":"accepted"' in line
        assert b'"tls_ns":null' not in line


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda session: session.shake(resumes=True), id="resumed"),
        pytest.param(lambda session: session.shake(padding=16), id="padded"),
        pytest.param(lambda session: session.shake(certificates=2, tickets=0), id="chain"),
    ],
)
def test_other_handshakes_are_of_a_kind_too(change: Change) -> None:
    def changed(session: Session) -> None:
        change(session)
        session.say_all()

    assert _same(_sessions(changed)) == COPIES - TEACH


def test_sizes_of_records_are_each_sessions_own() -> None:
    def asking(session: Session) -> None:
        session.shake()
        size = session.rng.randrange(1, 200)
        for from_client, data in session.inside:
            if from_client and data[3:5] == b"\0\1":  # COM_QUIT: some statement comes before
                statement = b"\3\0\1do " + b"1" * size
                session.say(True, len(statement).to_bytes(3, "little") + b"\0" + statement)
                session.say(False, b"\7\0\0\1\0\0\0\2\0\0\0")
            session.say(from_client, data, DATA, session.rng.randrange(20))

    assert _same(_sessions(asking)) == COPIES - TEACH


def test_alerts_at_the_end_are_of_a_kind_too() -> None:
    def closing(session: Session) -> None:
        _usual(session)
        session.say(True, CLOSE_NOTIFY, ALERT)
        session.say(False, CLOSE_NOTIFY, ALERT)

    assert _same(_sessions(closing)) == COPIES - TEACH


@pytest.mark.parametrize(
    "what",
    [
        *("update", "cut", "fatal", "plain alert", "ticket of the client", "no contents", "wrong", "another record"),
        *("no login", "half a command", "no answer", "strange", "long", "behind quit"),
    ],
)
def test_something_else_goes_the_whole_way(what: str) -> None:
    sessions = _sessions(copies=COPIES - 1)
    (last,) = _sessions(lambda session: session.shake(cuts=what == "cut"), copies=1, seed=9)
    said = last.inside
    if what == "no login":
        pass
    elif what in ("half a command", "no answer"):
        for from_client, data in said[:-1]:
            last.say(from_client, data)
        last.say(True, b"\x09\0\0\0\3select 1"[: None if what == "no answer" else -3])
    elif what == "update":
        for number, (from_client, data) in enumerate(said):
            if number == len(said) // 2:
                last.turns += [(one, last.writers[one].key_update()) for one in (True, False)]
            last.say(from_client, data)
    else:
        last.say_all()
    if what == "fatal":
        last.say(False, b"\2\x28", ALERT)
    elif what == "plain alert":
        last.turns.append((False, b"\x15\3\3\0\2\2\x28"))
    elif what == "ticket of the client":
        last.say(True, message(4, bytes(80)), HANDSHAKE)
    elif what == "no contents":
        last.say(True, b"")
    elif what == "wrong":
        sender, data = last.turns[-2]
        last.turns[-2] = sender, data[:-1] + bytes([data[-1] ^ 1])
    elif what == "another record":
        last.say(True, b"\1", 20)
    elif what == "strange":
        last.say(True, b"\1\0\0\0\x77")
        last.say(False, b"\7\0\0\1\xff\x17\4HY000?")
    elif what == "long":
        for _ in range(MOST_SEGMENTS):
            last.say(True, b"\1\0\0\0\x0e")
            last.say(False, b"\7\0\0\1\0\0\0\2\0\0\0")
    elif what == "behind quit":
        last.say(True, b"\1\0\0\0\x0e")
    for size in (0, 1, 9):
        assert _same([*sessions, last], size) <= COPIES - 1 - TEACH
    assert _same([*sessions, last]) == COPIES - 1 - TEACH


@pytest.mark.parametrize("label", ["CLIENT_HANDSHAKE", "SERVER_HANDSHAKE", "CLIENT_TRAFFIC", "SERVER_TRAFFIC", ""])
@pytest.mark.parametrize("wrong", [False, True])
def test_secrets_that_are_missing_or_wrong(label: str, wrong: bool) -> None:
    sessions = _sessions()
    log = b"".join(session.log for session in sessions[:-1])
    for line in sessions[-1].log.splitlines(keepends=True):
        if not line.startswith(label.encode()):
            log += line
        elif wrong:
            log += line[:-65] + b"0" * 64 + b"\n"
    frames = _frames([session.turns for session in sessions])
    for size in (0, 1):
        assert same(frames, log, size) == COPIES - TEACH - 1


def test_certificates_are_told_of_by_the_day() -> None:
    # One each six hours; twelve are of the same day at most.
    sessions = _sessions(copies=3 * COPIES)
    assert 0 < _same(sessions, apart_ns=DAY_NS // 8) < 3 * COPIES - TEACH
    assert _same(sessions, apart_ns=2 * DAY_NS) == 0
    # Before it is valid, and after.
    log = b"".join(session.log for session in sessions)
    said = [session.turns for session in sessions]
    for begin_ns in (1_767_225_600_000_000_000 - 8 * DAY_NS, 1_767_225_600_000_000_000 + 36499 * DAY_NS):
        assert same(_frames(said, DAY_NS // 8, begin_ns), log) > 0


def test_the_key_and_what_is_ruled_out_are_all_that_rules_ask() -> None:
    assert COVERED_OPENED
    asked = {condition for _, condition in asked_of(TLS | SESSION)}
    assert asked - OF_LOGIN <= OF_KEY_OPENED | ordinary.RULED_OUT
    assert {"weak-tls", "access-denied", "plugin-switch"} <= SAID_OPENED


@given(
    changes=st.lists(
        st.tuples(st.integers(0, COPIES - 1), st.integers(0, 20), st.integers(0, 400), st.integers(0, 255)), max_size=3
    ),
    size=st.one_of(st.just(0), st.integers(1, 80)),
    lost=st.lists(st.integers(0, 400), max_size=2),
    swapped=st.lists(st.integers(0, 400), max_size=2),
    missing=st.lists(st.integers(0, 4 * COPIES - 1), max_size=2),
    apart_ns=st.sampled_from([0, 100_000, APART_NS]),
    name=st.sampled_from(SAMPLES),
)
def test_whatever_is_broken(
    changes: list[tuple[int, int, int, int]],
    size: int,
    lost: list[int],
    swapped: list[int],
    missing: list[int],
    apart_ns: int,
    name: str,
) -> None:
    sessions = _sessions(name=name)
    said = [list(session.turns) for session in sessions]
    for copy, turn, place, byte in changes:
        of = turn % len(said[copy])
        sender, data = said[copy][of]
        at = place % len(data)
        said[copy][of] = sender, data[:at] + bytes([byte]) + data[at + 1 :]
    frames = damaged(_frames(said, apart_ns), swapped, lost)
    lines = b"".join(session.log for session in sessions).splitlines(keepends=True)
    same(frames, b"".join(line for number, line in enumerate(lines) if number not in missing), size)

"""Honesty under loss: what a capture does not hold is not guessed, not shifted, and not blamed on a peer.

The sweep goes over `samples/`: every cut, every single frame dropped, every frame snapped, and pairs of frames. By
default a sample of them; HANDSHARK_EVERY_LOSS=1 takes all. Of sessions inside TLS much is lost with one record: there
no command has to be listed, and that they can not be read may be said.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.model.command import Command
from analyzer.engine.row_collector import RowCollector, RowRendering
from tests.analysis.conversation.loss import (
    frames_of,
    heard,
    keys_in,
    variants,
    wrong_commands,
    wrong_connections,
)
from tests.corpus import REPOSITORY
from tests.reading import collected
from tests.wire.frames import FIN, Frame, batches
from tests.wire.mysql import (
    CLIENT_FLAGS,
    COMPRESS,
    FAST,
    PING,
    QUIT,
    compressed,
    err,
    greeting,
    login,
    ok,
    packet,
    query,
)
from tests.wire.script import ACCEPTED, Say, Step, conversation

EVERY = os.environ.get("HANDSHARK_EVERY_LOSS") == "1"
MOST = 1 << 20 if EVERY else 4
LONGEST = 1 << 20 if EVERY else 60_000
SAMPLES = sorted(
    path
    for path in (REPOSITORY / "samples").iterdir()
    # What a broken peer did is not told apart from what a broken capture lacks. Of a burst of pipelined statements that
    # are all answered alike, one answer that is lost is taken to be the next: its time is not right then.
    if path.suffix in (".pcap", ".pcapng")
    and path.stat().st_size < LONGEST
    and "fault" not in path.name
    and "pipelined" not in path.name
)
PORTS = frozenset({3306})
COLUMN = b"\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00"
END = b"\xfe\x00\x00\x02\x00\x00\x00"


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples_made_worse(path: object) -> None:
    frames = frames_of(path)  # type: ignore[arg-type]
    keys = keys_in(path)  # type: ignore[arg-type]
    first = heard("whole", frames, keys, PORTS)
    ports = PORTS | {one.server.port for one in first.connections}
    whole = heard("whole", frames, keys, ports)
    if any(one.outcome != "accepted" or one.tcp.rst_from or "quit" not in one.commands for one in whole.connections):
        pytest.skip("a session that failed: a part of it may look like another failure")
    wrong: list[str] = []
    for variant in variants(frames, MOST):
        part = heard(variant.name, variant.frames, keys, ports)
        wrong += wrong_commands(whole, part, variant) + wrong_connections(whole, part, variant)
    assert wrong == []


# -- one by one --------------------------------------------------------------------------------------------------------


def result(rows: Sequence[bytes]) -> bytes:
    """A result set of one column, as CLIENT_DEPRECATE_EOF has it."""
    payloads = [b"\x01", COLUMN, *(bytes([len(row)]) + row for row in rows), END]
    return b"".join(packet(index & 0xFF, payload) for index, payload in enumerate(payloads, 1))


def listed(frames: Sequence[Frame]) -> list[Command]:
    return sorted(heard("made", frames, (), PORTS).commands, key=lambda one: one.frame)


def of(*steps: Step, login: bool = True) -> list[Command]:
    script = [*ACCEPTED, *steps] if login else list(steps)
    return listed(conversation(script, handshake=login))


def told(commands: Sequence[Command]) -> list[tuple[str | None, str, bool | None]]:
    return [(one.statement, one.response, one.complete) for one in commands]


def test_a_lost_request_shifts_nothing() -> None:
    """The answer of the missing one is nobody's."""
    lost = Say("c", query("SELECT 2"), lost=True)
    before, after = [("c", query("SELECT 1")), ("s", ok(1))], [("c", query("SELECT 3")), ("s", ok(1))]
    found = of(*before, lost, ("s", result([b"2"])), *after)
    assert told(found) == [("SELECT 1", "ok", True), ("SELECT 3", "ok", True)]


def test_a_lost_answer_is_missing_and_its_size_is_said() -> None:
    lost = Say("s", result([b"1"]), lost=True)
    one, two = of(("c", query("SELECT 1")), lost, ("c", query("SELECT 2")), ("s", ok(1)))
    assert told([one, two]) == [("SELECT 1", "missing", False), ("SELECT 2", "ok", True)]
    assert one.missing_bytes == len(result([b"1"]))


def test_an_answer_without_its_beginning_is_incomplete() -> None:
    """Its time goes to its last frame, nothing is said of the first."""
    answer = result([b"x" * 90] * 20)
    lost = Say("s", answer[:700], lost=True)
    one, two = of(("c", query("SELECT 1")), lost, ("s", answer[700:]), ("c", query("SELECT 2")), ("s", ok(1)))
    assert told([one, two]) == [("SELECT 1", "resultset", False), ("SELECT 2", "ok", True)]
    assert one.latency_ns is None
    assert one.duration_ns is not None
    assert one.missing_bytes == 700


def test_a_hole_inside_a_row_leaves_all_else_certain() -> None:
    answer = packet(1, b"\x01") + packet(2, COLUMN) + packet(3, b"\xfc\xd0\x07" + b"x" * 2000) + packet(4, END)
    head, hole, tail = answer[:500], answer[500:1500], answer[1500:]
    one, two = of(
        ("c", query("SELECT 1")), ("s", head), Say("s", hole, lost=True), ("s", tail), ("c", PING), ("s", ok(1))
    )
    assert (one.response, one.rows, one.complete, one.missing_bytes) == ("resultset", 1, False, len(hole))
    assert (two.command, two.response, two.complete) == ("ping", "ok", True)


def test_statements_cut_by_the_snap_length_are_listed_as_cut() -> None:
    text = "SELECT " + "x" * 400
    steps: list[Step] = []
    for _ in range(10):
        steps += [Say("c", query(text), cut=60), ("s", ok(1))]
    found = of(*steps)
    assert len(found) == 10
    for one in found:
        assert one.statement == text[:55]
        assert (one.statement_cut, one.missing_bytes, one.complete) == (len(text) - 55, len(text) - 55, False)
        assert one.response == "ok"


def test_statements_behind_a_login_that_is_cut_too() -> None:
    """What a snap length does to a whole session: greeting, login and every long statement."""
    script = [step if isinstance(step, Say) else Say(*step) for step in ACCEPTED]
    script = [*(step._replace(cut=60) for step in script[:2]), *script[2:]]
    text = "SELECT " + "x" * 400
    for _ in range(10):
        script += [Say("c", query(text), cut=60), Say("s", ok(1))]
    found = listed(conversation(script))
    assert [(one.statement, one.response, one.complete) for one in found] == [(text[:55], "ok", False)] * 10


@pytest.mark.parametrize("login", [False, True])
def test_an_answer_that_is_cut_is_its_command_s(login: bool) -> None:
    """With a small snap length all answers lack their ends, the first of the capture like the others."""
    steps: list[Step] = []
    for number in (1, 2, 3):
        steps += [("c", query(f"SELECT {number}")), Say("s", result([b"x" * 40]), cut=44)]
    found = of(*steps, ("c", QUIT), login=login)
    assert told(found[:3]) == [(f"SELECT {number}", "resultset", False) for number in (1, 2, 3)]
    assert {one.missing_bytes for one in found[:3]} == {len(result([b"x" * 40])) - 44}
    assert all(one.latency_ns is not None for one in found[:3])


def test_an_answer_to_a_command_refuses_no_login() -> None:
    """The verdict and the command are missing: an error with the login's own id answers no login."""
    script = [*ACCEPTED[:2], Say("s", ACCEPTED[2][1], lost=True), Say("c", query("SELECT $$"), lost=True)]
    script += [("s", err(1, 1064, "You have an error")), ("c", PING), ("s", ok(1)), ("c", PING), ("s", ok(1))]
    (connection,) = heard("made", conversation(script), (), PORTS).connections
    assert connection.outcome == "unknown"
    assert not [finding for finding in connection.findings if finding.code == "login-refused"]
    assert {one.response for one in listed(conversation(script))} == {"ok"}


def test_commands_in_one_segment_are_found_from_the_middle() -> None:
    asked = query("SELECT 1") + query("SELECT 2") + PING
    found = of(("c", asked), ("s", result([b"1"]) + result([b"2"]) + ok(1)), ("c", QUIT), login=False)
    assert told(found[:3]) == [("SELECT 1", "resultset", True), ("SELECT 2", "resultset", True), (None, "ok", True)]


@pytest.mark.parametrize("asked", [query("SELECT SLEEP(9)"), b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_under_way_at_the_end_of_a_session_without_its_start(asked: bytes) -> None:
    """It is told as of other sessions; of what is no command, that it hardly is MySQL's."""
    steps: list[Step] = [("c", asked), Say("s", flags=FIN, wait_ns=5_000_000_000), Say("c", flags=FIN)]
    if asked[3:5] == b"\0\x03":
        steps = [("c", query("SELECT 1")), ("s", ok(1)), *steps]
    (connection,) = heard("made", conversation(steps, handshake=False), (), PORTS).connections
    findings = {finding.code: finding.confidence for finding in connection.findings}
    if connection.commands:
        assert findings == {"capture-mid-stream": "likely", "command-cut-off": "likely"}
    else:
        assert findings == {"capture-mid-stream": "possible"}


def test_a_client_that_is_heard_alone_from_the_middle() -> None:
    """It acknowledges what is not in the capture."""
    frames = conversation(
        [("c", query("SELECT 1")), ("s", ok(1)), ("c", PING), ("s", ok(1))], only="c", handshake=False
    )
    assert told(listed(frames)) == [("SELECT 1", "missing", False), (None, "missing", False)]
    assert "capture-one-sided" in {found.code for found in heard("made", frames, (), PORTS).connections[0].findings}


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(("only", "login_is"), [("cs", False), ("s", None)])
def test_a_greeting_rests_on_nothing(only: str, login_is: bool | None, size: int) -> None:
    """Its connection's SYN is missing: whether its client is heard does not matter, nor in which batch that comes."""
    frames = conversation([*ACCEPTED, ("c", PING), ("s", ok(1))], handshake=False, only=only)
    doubts: dict[str, bool] = {}

    def tell(packets: Sequence[Dissection]) -> None:
        doubts.update({type(packet.record).__name__: packet.assumed for packet in packets if packet.record is not None})

    found = collected(batches(frames, size), RowCollector(RowRequest(None, frozenset(), True), RowRendering(tell)))
    assert found
    assert (doubts["HandshakeV10"], doubts.get("HandshakeResponse41")) == (False, login_is)
    assert doubts["OKPacket"] is (only == "s")


def test_a_client_that_is_heard_alone_and_compresses() -> None:
    """Its login says that it would: its frames are no packets."""
    steps: list[Step] = [("s", greeting()), ("c", login(flags=CLIENT_FLAGS | COMPRESS)), ("s", FAST + ok(3))]
    for number in (1, 2):
        steps += [("c", compressed(query(f"SELECT {number}"), 0)), ("s", compressed(ok(1), 0, 1))]
    frames = conversation(steps, only="c")
    assert told(listed(frames)) == [(f"SELECT {number}", "missing", False) for number in (1, 2)]


def test_a_capture_that_begins_in_the_middle() -> None:
    found = of(("s", result([b"9"])), ("c", query("SELECT 1")), ("s", result([b"1"])), ("c", QUIT), login=False)
    assert told(found) == [("SELECT 1", "resultset", True), (None, "none", True)]


def test_an_answer_that_acknowledges_less_than_the_command_is_another_s() -> None:
    """Two requests were sent together, the capture has the second: the first answer does not acknowledge it yet."""
    frames = conversation(
        [("c", query("SELECT 2")), ("s", ok(1)), ("s", result([b"2"])), ("c", PING), ("s", ok(1))], handshake=False
    )
    early = bytearray(frames[1].data)
    number = int.from_bytes(early[42:46], "big") - 13
    early[42:46] = number.to_bytes(4, "big")
    frames[1] = frames[1]._replace(data=bytes(early))
    one, *_ = listed(frames)
    assert (one.statement, one.response, one.complete) == ("SELECT 2", "missing", False)


def test_one_answer_too_many_takes_back_what_was_paired() -> None:
    """The client had sent two commands before the capture began; both answers follow the one that is there."""
    found = of(("c", query("SELECT 2")), ("s", ok(1)), ("s", result([b"2"])), ("c", PING), ("s", ok(1)), login=False)
    assert (found[0].statement, found[0].response, found[0].complete) == ("SELECT 2", "missing", False)


@pytest.mark.parametrize("apart", [False, True])
def test_a_compressed_session_from_the_middle(apart: bool) -> None:
    """Its frames have a header of 7 bytes, which some drivers send in a segment of its own."""
    steps: list[Step] = []
    for number in range(3):
        frame = compressed(query(f"SELECT {number}"), 0)
        steps += [("c", frame[:7]), ("c", frame[7:])] if apart else [("c", frame)]
        steps.append(("s", compressed(result([b"1"]), 0, 1)))
    found = of(*steps, login=False)
    assert told(found) == [(f"SELECT {number}", "resultset", True) for number in range(3)]
    (connection,) = heard("made", conversation(steps, handshake=False), (), PORTS).connections
    assert connection.compression != "none"
    assert not [finding for finding in connection.findings if finding.code == "malformed-packet"]


def test_an_error_first_ends_an_established_session() -> None:
    gone = err(0, 4031, "The client was disconnected by the server because of inactivity.")
    steps: list[Step] = [("s", gone), Say("s", flags=FIN), Say("c")]
    (connection,) = heard("made", conversation(steps, handshake=False), (), PORTS).connections
    assert connection.outcome == "unknown"
    assert connection.error is not None
    assert (connection.error.code, connection.error.phase) == (4031, "command")


def test_a_change_of_user_refused_in_the_middle_refuses_no_login() -> None:
    asked = packet(0, b"\x11bob\0\x00shop\0")
    steps = [("c", PING), ("s", ok(1)), ("c", asked), ("s", err(1, 1045, "Access denied", "28000"))]
    (connection,) = heard("made", conversation(steps, handshake=False), (), PORTS).connections
    assert connection.outcome == "unknown"


def test_a_lost_login_blames_nobody() -> None:
    script = [ACCEPTED[0], Say("c", ACCEPTED[1][1], lost=True), *ACCEPTED[2:], ("c", PING), ("s", ok(1))]
    (connection,) = heard("made", conversation(script), (), PORTS).connections
    assert {finding.code for finding in connection.findings} <= {"capture-gap"}


def test_statements_of_unknown_prepares_are_told_apart() -> None:
    steps: list[Step] = []
    for number in (7, 8):
        steps += [("c", packet(0, b"\x17" + bytes([number]) + bytes(4) + b"\x01\0\0\0")), ("s", ok(1))]
    assert [(one.statement, one.statement_id) for one in of(*steps, login=False)] == [(None, 7), (None, 8)]

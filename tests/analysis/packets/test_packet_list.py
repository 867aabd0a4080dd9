"""Packets as they are shown: what was worked out of one stands for others only where all of it is the same."""

from __future__ import annotations

from functools import partial

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.model.packet import PacketExcerpt
from tests.analysis.conversation.prepared import COLUMN
from tests.reading import results_of
from tests.wire.frames import Frame, batches
from tests.wire.mysql import CLIENT_FLAGS, DEPRECATE_EOF, FAST, err, greeting, login, ok, packet, query
from tests.wire.script import SECOND, START, Say, Step, conversation

FLAGS = CLIENT_FLAGS | DEPRECATE_EOF
LOGIN: tuple[Step, ...] = (("s", greeting(flags=FLAGS)), ("c", login(flags=FLAGS)), ("s", FAST + ok(3)))
LONG, LONGLONG = b"\x03\0", b"\x08\0"
EXECUTE = b"\x17\1\0\0\0\0\1\0\0\0"


def _shown(*scripts: tuple[Step, ...]) -> list[list[PacketExcerpt]]:
    """The packets of connections that follow each other."""
    frames: list[Frame] = []
    for number, script in enumerate(scripts):
        frames += conversation(script, client=(f"10.0.0.{number + 1}", 50000), start_ns=START + number * 10 * SECOND)
    results = results_of(batches(frames), AnalysisOptions(packets=100))
    return [detail.packets for _, detail in results if detail is not None]


def _said(packets: list[PacketExcerpt], record: str) -> PacketExcerpt:
    return [one for one in packets if one.record == record][-1]


def test_a_cut_command_says_its_own_length() -> None:
    """The bytes that are there are the same."""
    cut = partial(Say, "c", cut=14)
    found = _shown(*((*LOGIN, cut(packet(0, EXECUTE + bytes(more)))) for more in (169, 12, 169)))
    assert [_said(packets, "CutCommand").summary for packets in found] == [
        f"COM_STMT_EXECUTE of {size} bytes, 10 of them kept" for size in (179, 22, 179)
    ]


def test_an_execute_without_types_has_those_that_were_sent_before() -> None:
    """It says none, and its bytes are the same in all connections."""

    def session(types: bytes) -> tuple[Step, ...]:
        answer = packet(1, b"\0\1\0\0\0\0\0\2\0\0\0\0") + packet(2, COLUMN) + packet(3, COLUMN)
        steps: list[Step] = [("c", packet(0, b"\x16do ?, ?")), ("s", answer)]
        for head in (b"\0\1" + types, b"\0\0"):
            steps += [("c", packet(0, EXECUTE + head + bytes(12))), ("s", ok(1))]
        return (*LOGIN, *steps)

    first, second = LONG + LONGLONG, LONGLONG + LONG
    values = [
        [field.value for field in _said(packets, "ComStmtExecute").fields if field.name == "parameter_value"]
        for packets in _shown(*map(session, (first, second, first)))
    ]
    short, long = "00 00 00 00", "00 00 00 00 00 00 00 00"
    assert values == [[short, long], [long, short], [short, long]]


@pytest.mark.parametrize("first", [False, True])
def test_a_message_that_quotes_a_statement_which_is_cut_is_masked(first: bool) -> None:
    """Of a statement that is whole, and has no secret, it is shown."""
    message = "You have an error in your SQL syntax; use near '$$' at line 1"
    asked = query("select $$")
    answered = ("s", err(1, 1064, message, "42000"))
    whole, cut = (*LOGIN, ("c", asked), answered), (*LOGIN, Say("c", asked, cut=12), answered)
    found = [_said(packets, "ErrPacket").summary for packets in _shown(*((cut, whole) if first else (whole, cut)))]
    assert ["'***'" in summary for summary in found] == [first, not first]
    assert ["'$$'" in summary for summary in found] == [not first, first]

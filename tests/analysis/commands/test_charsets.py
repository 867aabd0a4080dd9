"""Names, statements and errors in the character sets of the session: the same text whichever way a command is taken."""

from __future__ import annotations

import pytest

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.observer import BaseObserver, Observer
from analyzer.analysis.model.command import Command
from analyzer.net.tcp.reassembly import TcpConnection
from tests.analysis.findings.making import any_login
from tests.reading import results_of
from tests.wire.frames import batches
from tests.wire.mysql import FAST, err, greeting, ok, packet, query
from tests.wire.script import GOODBYE, Step, conversation

COLLATIONS = {"gbk": (28, "gbk"), "sjis": (13, "shift_jis"), "big5": (1, "big5"), "cp932": (95, "cp932")}
# Each holds a character whose second byte is a backslash.
NAMES = {"gbk": "誠", "sjis": "表", "big5": "功", "cp932": "能"}
TRACKED = 1 << 23
STATE_CHANGED = 0x4000


def commands(script: list[Step], *, short: bool, split: int = 0) -> list[Command]:
    sink: Sink = []

    def log(tcp: TcpConnection) -> Observer:
        return CommandTracker(tcp, sink)

    observe = (log,) if short else (log, lambda tcp: BaseObserver())
    results_of(batches(conversation(script, split=split)), AnalysisOptions(observe=observe))
    return [one.command("script", pending) for _, one, pending in sink]


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("charset", COLLATIONS)
def test_what_is_in_force(charset: str, short: bool) -> None:
    collation, codec = COLLATIONS[charset]
    name = NAMES[charset]
    said = any_login(collation=collation, user="app")
    broken = err(1, 1064, f"near '{name}'".encode(codec))
    script: list[Step] = [
        *(("s", greeting()), ("c", said), ("s", FAST + ok(3))),
        *(("c", query(f"select '{name}', 'x' from {name}".encode(codec))), ("s", broken)),
        *(("c", query("SET NAMES utf8mb4")), ("s", ok(1))),
        *(("c", query(f"select '{name}'")), ("s", broken)),
        *(("c", query(f"/* a */ set names {charset}")), ("s", ok(1))),
        *(("c", query(f"do '{name}'".encode(codec))), ("s", ok(1))),
        *(("c", query("SET NAMES latin1")), ("s", ok(1))),
        *(("c", query(b"do 'caf\xe9'")), ("s", ok(1))),
        *GOODBYE,
    ]
    found = commands(script, short=short)
    texts = [one.statement for one in found]
    assert texts[0] == f"select '{name}', 'x' from {name}"
    assert texts[2] == f"select '{name}'"
    assert (texts[4], texts[6]) == (f"do '{name}'", "do 'café'")
    assert found[0].error is not None
    assert found[0].error.message == f"near '{name}'"


@pytest.mark.parametrize("short", [True, False])
def test_session_tracking_says_what_is_in_force(short: bool) -> None:
    """A procedure has set it: no statement of the client did, and the server says so."""
    change = b"\x14character_set_client\x03gbk"
    entry = b"\x00" + bytes([len(change)]) + change
    tracked = packet(
        1, b"\x00\x00\x00" + (2 | STATE_CHANGED).to_bytes(2, "little") + b"\x00\x00\x00" + bytes([len(entry)]) + entry
    )
    script: list[Step] = [
        *(("s", greeting(flags=0x81FF_F7FF)), ("c", any_login(0x018F_A685 | TRACKED)), ("s", FAST + ok(3))),
        *(("c", query("call p()")), ("s", tracked)),
        *(("c", query("do '誠'".encode("gbk"))), ("s", ok(1))),
        *GOODBYE,
    ]
    assert [one.statement for one in commands(script, short=short)][1] == "do '誠'"

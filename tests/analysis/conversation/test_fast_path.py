"""Plain turns, taken many at once where a connection goes on over several batches, against the state machine."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.facts import MOST_OPENING
from analyzer.analysis.conversation.observer import BaseObserver
from analyzer.analysis.model.command import Command
from analyzer.batches import FrameBatch
from analyzer.capture import open_capture
from tests.bench import recorded
from tests.bench.oltp import oltp
from tests.corpus import REPOSITORY
from tests.reading import connections_of
from tests.wire.frames import FIN, batch_of
from tests.wire.mysql import CLIENT_FLAGS, DEPRECATE_EOF, FAST, PING, QUIT, eof, greeting, login, ok, packet, query
from tests.wire.script import Say, conversation

SAMPLES = REPOSITORY / "samples"
# With commands of several kinds, one after the other.
KINDS = ("prepared", "several-results", "eof-packets", "change-user", "cli_fast-auth", "killed", "zlib")
OLTP = "oltp"
# What drivers sent: statements that are prepared and closed, pings.
RECORDED = {path.name: path for path in recorded.MIXED.values()}


@cache
def _frames(name: str) -> FrameBatch:
    if name in RECORDED:
        return _read(RECORDED[name])
    if name != OLTP:
        return _read(SAMPLES / name)
    with TemporaryDirectory() as place:
        oltp(SAMPLES, path := Path(place, "oltp.pcap"), 2, 4)
        return _read(path)


def _read(capture: Path) -> FrameBatch:
    with open_capture(str(capture)) as source:
        (batch,) = list(source)
        return replace(batch, data=bytes(batch.data))


BUSY = [
    OLTP,
    *RECORDED,
    *sorted(path.name for path in SAMPLES.glob("*.pcap*") if any(kind in path.name for kind in KINDS)),
]


def _told(batch: FrameBatch, step: int, observers: int) -> tuple[list[Command], list[Connection]]:
    """Commands and connections; with a second observer nothing is taken the short way."""
    sink: Sink = []
    observe = (lambda tcp: CommandTracker(tcp, sink), lambda tcp: BaseObserver())[:observers]
    parts = [batch.part(slice(at, at + step)) for at in range(0, len(batch), step)]
    connections = connections_of(parts, AnalysisOptions(observe=observe))
    exchanges = [log.command("x", pending) for _, log, pending in sink]
    return sorted(exchanges, key=lambda one: (one.stream, one.number)), connections


def _same(batch: FrameBatch, step: int) -> None:
    exchanges, connections = _told(batch, step, 1)
    expected, slowly = _told(batch, len(batch), 2)
    assert exchanges == expected
    assert connections == slowly
    assert _told(batch, step, 0)[1] == slowly


@pytest.mark.parametrize("step", [1, 5, 17])
@pytest.mark.parametrize("capture", BUSY)
def test_batches_of_any_size_say_the_same(capture: str, step: int) -> None:
    _same(_frames(capture), step)


@given(
    capture=st.sampled_from(BUSY),
    step=st.integers(1, 60),
    changes=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=4),
)
def test_whatever_is_broken(capture: str, step: int, changes: list[tuple[int, int]]) -> None:
    batch = _frames(capture)
    data = bytearray(batch.data)
    for place, byte in changes:
        # In a frame's payload, not in its headers.
        row = place % len(batch)
        size = int(batch.captured[row]) - 70
        if size > 0:
            data[int(batch.offset[row]) + 70 + place // len(batch) % size] = byte
    _same(replace(batch, data=bytes(data)), step)


COLUMN = b"\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00"
CURSOR = 0x40
# An integer and a text; with the wrong length; a type that nobody knows.
VALUES = (*[b"\x07\0\0\0\x02hi"] * 3, b"\x07\0\0\0\x09hi", b"\x07\0\0")
TYPES = (*[b"\x03\x00\xfd\x00"] * 3, b"\xfd\x00\xfd\x00", b"\x03\x80\x99\x00")


def _prepared(number: int, params: int, columns: int, between: int | None) -> bytes:
    """The answer to a prepare; `between`: the status of the EOF packets, None where there are none."""
    head = b"\0" + number.to_bytes(4, "little") + columns.to_bytes(2, "little") + params.to_bytes(2, "little")
    parts = [packet(1, head + bytes(3))]
    for count in (params, columns):
        parts += [packet(len(parts) + 1 + nth, COLUMN) for nth in range(count)]
        if count and between is not None:
            parts.append(eof(len(parts) + 1, between))
    return b"".join(parts)


def _numbered(code: int, number: int, rest: bytes = b"") -> bytes:
    return packet(0, bytes([code]) + number.to_bytes(4, "little") + rest)


def _execute(number: int, block: bytes) -> bytes:
    return _numbered(0x17, number, b"\0" + (1).to_bytes(4, "little") + block)


@st.composite
def _asked(draw: st.DrawFn, deprecated: bool) -> tuple[bytes, bytes]:
    """A command and its answer."""
    number, answer = draw(st.integers(1, 2)), ok(1)
    between = None if deprecated else draw(st.sampled_from([2, 2, 2, CURSOR]))
    kind = draw(st.sampled_from(["prepare", "prepare", "execute", "execute", "reset", "all", "ping", "query", "close"]))
    closes = b"".join(_numbered(0x19, one) for one in draw(st.lists(st.integers(1, 2), max_size=2)))
    if kind == "prepare":
        sizes = draw(st.sampled_from([(2, 1), (2, 1), (2, 1), (0, 0), (1, 300)]))
        return closes + packet(0, b"\x16select ?, ?"), _prepared(number, *sizes, between)
    if kind == "execute":
        block = draw(st.sampled_from([b"\0\1" + types for types in TYPES] + 3 * [b"\0\0"] + [b"\0\2" + TYPES[0], b""]))
        return closes + _execute(number, block + draw(st.sampled_from(VALUES)) if block else b""), answer
    said = {
        "reset": _numbered(0x1A, number),
        "all": packet(0, b"\x1f"),
        "ping": PING,
        "query": query("use a"),
        "close": b"",
    }
    return (closes + said[kind], answer) if said[kind] else (_numbered(0x19, number), b"")


@given(some=st.data(), deprecated=st.booleans(), step=st.integers(1, 60), split=st.sampled_from([0, 9, 30]))
def test_prepared_statements_in_any_order(some: st.DataObject, deprecated: bool, step: int, split: int) -> None:
    steps = some.draw(st.lists(_asked(deprecated), min_size=3, max_size=14))
    flags = CLIENT_FLAGS | DEPRECATE_EOF if deprecated else CLIENT_FLAGS & ~DEPRECATE_EOF
    script = [("s", greeting()), ("c", login(flags=flags)), ("s", FAST), ("s", ok(3))]
    for asked, answer in [(PING, ok(1))] * MOST_OPENING + steps:
        script += [("c", asked), *([("s", answer)] if answer else [])]
    _same(batch_of(conversation([*script, ("c", QUIT), Say("c", flags=FIN)], split=split)), step)

"""Plain turns, taken many at once where a connection goes on over several batches, against the state machine."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.observer import BaseObserver
from analyzer.analysis.model.command import Command
from analyzer.batches import FrameBatch
from analyzer.capture import open_capture
from tests.analysis.conversation.prepared import talks
from tests.bench import recorded
from tests.bench.oltp import oltp
from tests.corpus import REPOSITORY
from tests.reading import connections_of
from tests.wire.frames import Frame, batch_of

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
        return _over(batch, bytes(batch.data))


def _over(batch: FrameBatch, data: bytes) -> FrameBatch:
    """The same frames in other bytes."""
    other = batch.part(slice(None))
    other.data = data
    return other


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
@example(capture="mixed-mysql97.pcap.zst", step=2, changes=[(12, 1)])  # commands behind a COM_QUIT that is longer
def test_whatever_is_broken(capture: str, step: int, changes: list[tuple[int, int]]) -> None:
    batch = _frames(capture)
    data = bytearray(batch.data)
    for place, byte in changes:
        # In a frame's payload, not in its headers.
        row = place % len(batch)
        size = int(batch.captured[row]) - 70
        if size > 0:
            data[int(batch.offset[row]) + 70 + place // len(batch) % size] = byte
    _same(_over(batch, bytes(data)), step)


@given(frames=talks(), step=st.integers(1, 60))
def test_prepared_statements_in_any_order(frames: list[Frame], step: int) -> None:
    _same(batch_of(frames), step)

"""The second step: the frames of a share, of all files, in the order of time; and what an analysis makes of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.keylogs import load_rsa_key
from analyzer.analysis.memory import Memory
from analyzer.analysis.options import CapturePart
from analyzer.analysis.pipeline import CaptureTotals
from analyzer.batches import I64, U8, FrameBatch
from analyzer.capture.pieces import Block, blocks_of
from analyzer.cluster.deal import PARTS, REST, piece_name
from analyzer.cluster.order import FilePlace, Share, numbers_name
from analyzer.cluster.scratch import Scratch
from analyzer.engine.collectors import Collector
from analyzer.net.clock_steps import ClockStep, ClockSteps
from analyzer.tables.collector import Entry, SharePiece

if TYPE_CHECKING:
    from analyzer.net.tcp.reassembly import TcpConnection

# Frames that an analysis gets at once, where a share has only a few of each file.
AT_ONCE: Final = 4 << 20
# What a share has of a file, or of files that overlap, is read at once where it is no more.
WHOLE_BYTES: Final = 16 << 20


class WholeSet(NamedTuple):
    """What every share has to know of the whole set."""

    name: str
    options: AnalysisOptions
    rsa_pem: bytes | None
    secrets: tuple[bytes, ...]
    places: list[FilePlace]
    blocks: dict[int, list[Block]]
    steps: list[ClockStep]
    refused: list[tuple[tuple[str, int], int, int]]
    last_ns: int
    cut_short: bool
    collect: Callable[[], Collector[Any]]


@dataclass
class Analysed:
    """What came out of a share, beside the rows that wait in the scratch folder.

    found  what its collector gave that is no SharePiece: statistics
    """

    number: int
    totals: CaptureTotals
    memory: Memory
    rows: int = 0
    found: list[Any] = field(default_factory=list)


def rows_name(share: int, table: str) -> str:
    """The file with a share's rows of a table: their streams are those of the share."""
    return f"rows/{share}/{table}"


def begun_name(share: int) -> str:
    """The file with the first frames of the connections of a share, in the order of their numbers."""
    return f"begun/{share}"


def entries_name(share: int) -> str:
    """The file with what other connections need to know of those of a share."""
    return f"entries/{share}"


def analyse(share: Share, known: WholeSet, scratch: Scratch) -> Analysed:
    """Analyses a share; its rows, its entries and the first frames of its connections go to the scratch folder."""
    begun = _FirstFrames(share.part)
    options = replace(
        known.options,
        part=CapturePart(begun.is_mine, begun.opened),
        keylogs=(*known.options.keylogs, *known.secrets),
        rsa_key=None if known.rsa_pem is None else load_rsa_key(known.rsa_pem),
    )
    collector = known.collect()
    analysis = Analysis(known.name, collector.options(options))
    analysis.evidence.clock = _Fixed(known.steps)
    if known.refused:
        analysis.evidence.refused = known.refused
    done = Analysed(share.number, analysis.totals, analysis.memory)
    with _ShareOutput(share.number, scratch) as out:
        for batch in frames_of(share, known, scratch):
            for _, piece in collector.take(analysis, analysis.feed(batch), last=False):
                out.put(piece)
        analysis.evidence.last_ns = max(analysis.evidence.last_ns, known.last_ns)
        for _, piece in collector.take(analysis, analysis.finish(known.cut_short), last=True):
            out.put(piece)
        done.rows, done.found = out.rows, out.others
    with scratch.writing(begun_name(share.number)) as file:
        np.save(file, begun.frames())
    return done


class _Fixed(ClockSteps):
    """Steps of the clock that are known already: a share sees only some of the frames."""

    def __init__(self, steps: Sequence[ClockStep]) -> None:
        super().__init__()
        self.know(list(steps))

    def feed(self, number: memoryview, time_ns: memoryview) -> None:
        return None


class _FirstFrames:
    """First frames of connections, in the order of their numbers. Those of other parts are -frame."""

    def __init__(self, part: int | None) -> None:
        self._part = part
        self._frames: list[I64] = []

    def is_mine(self, tcp: TcpConnection) -> bool:
        return self._part is None or sum(port for _, port in tcp.endpoints) % PARTS == self._part

    def opened(self, connections: list[TcpConnection]) -> None:
        mine = self._part is None
        self._frames.append(
            np.array(
                [tcp.first_frame if mine or self.is_mine(tcp) else -tcp.first_frame for tcp in connections], np.int64
            )
        )

    def frames(self) -> I64:
        return np.concatenate(self._frames) if self._frames else np.zeros(0, np.int64)


class _ShareOutput:
    """Rows as Arrow streams, entries as pickles one after the other."""

    def __init__(self, share: int, scratch: Scratch) -> None:
        self._share = share
        self._scratch = scratch
        self._stack = ExitStack()
        self._streams: dict[str, Any] = {}
        self._entries: BinaryIO | None = None
        self.rows = 0
        self.others: list[Any] = []

    def __enter__(self) -> _ShareOutput:
        self._entries = self._stack.enter_context(self._scratch.writing(entries_name(self._share)))
        return self

    def __exit__(self, *error: Any) -> None:
        for stream in self._streams.values():
            stream.close()
        self._stack.__exit__(*error)

    def put(self, item: Any) -> None:
        """Writes a piece; keeps what is none."""
        if isinstance(item, SharePiece):
            self._write(item)
        else:
            self.others.append(item)

    def _write(self, piece: SharePiece) -> None:
        from analyzer.tables.stores.stream import open_writer

        for table, batch in piece.rows.items():
            stream = self._streams.get(table)
            if stream is None:
                file = self._stack.enter_context(self._scratch.writing(rows_name(self._share, table)))
                stream = self._streams[table] = open_writer(file, batch.schema)
            stream.write_batch(batch)
            self.rows += len(batch)
        if piece.entries:
            assert self._entries is not None
            pickle.dump(piece.entries, self._entries, pickle.HIGHEST_PROTOCOL)


def entries_of(share: int, scratch: Scratch) -> Iterator[Entry]:
    """The entries of a share, in the order of its numbers."""
    with scratch.reading(entries_name(share)) as file:
        while True:
            try:
                entries: list[Entry] = pickle.load(file)
            except EOFError:
                return
            yield from entries


def frames_of(share: Share, known: WholeSet, scratch: Scratch) -> Iterator[FrameBatch]:
    """The frames of a share in the order of the whole set, numbered so."""
    waiting: list[FrameBatch] = []
    size = 0
    for batch in _merged(share, known, scratch):
        waiting.append(batch)
        size += int(batch.captured.sum())
        if size >= AT_ONCE:
            yield _joined(waiting)
            waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _merged(share: Share, known: WholeSet, scratch: Scratch) -> Iterator[FrameBatch]:
    """Batches whose numbers rise. Files that overlap are looked at together, all others one by one."""
    for group in _groups(known.places):
        with ExitStack() as open_files:
            tracks = [track for place in group for track in _tracks(place, share, known, scratch, open_files)]
            if _bytes_of(group, share, known) <= WHOLE_BYTES:
                whole = [track.take(None) for track in tracks for _ in iter(track.fill, False)]
                if whole:
                    yield _sorted(_joined(whole))
                continue
            while tracks := [track for track in tracks if track.fill()]:
                bound = min(track.last for track in tracks)
                parts = [part for track in tracks if len(part := track.take(bound))]
                if parts:
                    yield _sorted(_joined(parts))


def _bytes_of(group: Sequence[FilePlace], share: Share, known: WholeSet) -> int:
    blocks = (block for place in group for block in known.blocks.get(place.index, ()))
    return sum(block.bytes for block in blocks if block.bucket in share.buckets or block.bucket == REST)


def _groups(places: Sequence[FilePlace]) -> Iterator[list[FilePlace]]:
    group: list[FilePlace] = []
    for place in sorted(places, key=lambda one: (one.first, one.index)):
        if group and (place.base is not None or group[-1].base is not None):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _tracks(
    place: FilePlace, share: Share, known: WholeSet, scratch: Scratch, stack: ExitStack
) -> Iterator[_BucketFrames]:
    """One for each bucket of a file that is the share's."""
    blocks: dict[int, list[Block]] = {}
    for block in known.blocks.get(place.index, ()):
        if block.bucket in share.buckets or block.bucket == REST:
            blocks.setdefault(block.bucket, []).append(block)
    if not blocks:
        return
    file = stack.enter_context(scratch.reading(piece_name(place.index)))
    numbers: I64 | None = None
    if place.base is None:
        with scratch.reading(numbers_name(place.index)) as whole:
            numbers = np.frombuffer(whole.read(), np.int64)
    for chosen in blocks.values():
        yield _BucketFrames(blocks_of(file, chosen), place.base or 0, numbers, share.part)


class _BucketFrames:
    """The frames of one bucket of a file, with their numbers in the whole set."""

    def __init__(
        self, blocks: Iterator[tuple[FrameBatch, U8]], base: int, numbers: I64 | None, part: int | None
    ) -> None:
        self._blocks = blocks
        self._base = base
        self._numbers = numbers
        self._part = part
        self._batch: FrameBatch | None = None

    def fill(self) -> bool:
        """Whether there are more frames."""
        while self._batch is None or not len(self._batch):
            found = next(self._blocks, None)
            if found is None:
                return False
            batch, part = found
            if self._part is not None:
                batch = batch.part(np.flatnonzero((part == self._part) | (part >= PARTS)))
            batch.number = batch.number + self._base if self._numbers is None else self._numbers[batch.number - 1]
            self._batch = batch
        return True

    @property
    def last(self) -> int:
        assert self._batch is not None
        return int(self._batch.number.max())

    def take(self, bound: int | None) -> FrameBatch:
        """Frames up to a number; None: all that are there."""
        batch = self._batch
        assert batch is not None
        ready = batch.number <= (batch.number if bound is None else bound)
        if bool(ready.all()):
            self._batch = None
            return batch
        self._batch = batch.part(np.flatnonzero(~ready))
        return batch.part(np.flatnonzero(ready))


def _sorted(batch: FrameBatch) -> FrameBatch:
    """Frames in the order of their numbers."""
    if len(batch) and bool((np.diff(batch.number) < 0).any()):
        return batch.part(np.argsort(batch.number, kind="stable"))
    return batch


def _joined(parts: Sequence[FrameBatch]) -> FrameBatch:
    """Several batches as one; bytes that no frame has are left behind."""
    if len(parts) == 1:
        return parts[0]
    data: list[bytes] = []
    for part in parts:
        view = memoryview(part.data)
        spans = zip(part.offset.tolist(), part.captured.tolist(), strict=True)
        data += [view[offset : offset + captured] for offset, captured in spans]  # type: ignore[misc]
    captured = np.concatenate([part.captured for part in parts])
    interfaces = [np.zeros(len(part), np.int32) if part.interface is None else part.interface for part in parts]
    return FrameBatch(
        data=b"".join(data),
        number=np.concatenate([part.number for part in parts]),
        timestamp_ns=np.concatenate([part.timestamp_ns for part in parts]),
        link_type=np.concatenate([part.link_type for part in parts]),
        offset=np.cumsum(captured) - captured,
        captured=captured,
        original=np.concatenate([part.original for part in parts]),
        interface=None if all(part.interface is None for part in parts) else np.concatenate(interfaces),
    )

"""Packets of a capture as rows: what a filter lets through, rendered.

What comes out is in the order of frames, batch by batch; a packet of a frame long past (its connection was recognised
late, its keys came late) comes when it is known. Fields of a whole connection are known when it is over: where they are
asked for, its packets wait for that; more than MOST_WAITING of them end the analysis with an error.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.dissection.computed_fields import OF_EACH_FRAME, OF_FRAME, REQUEST_FIELDS, FrameView
from analyzer.analysis.dissection.dissector import NO_BOUND, PacketWatcher, RowRequest, RowsOfTurns, is_late, watcher_of
from analyzer.analysis.dissection.fields.connection import ConnectionFields
from analyzer.analysis.dissection.filters import FilterSubject
from analyzer.analysis.dissection.frame_index import FrameIndex
from analyzer.analysis.dissection.known_groups import InFrame, KnownGroup, KnownGroups
from analyzer.analysis.dissection.packet import Dissection, FrameGroup
from analyzer.analysis.dissection.prefilter import Sieve
from analyzer.analysis.dissection.row_lines import FrameParts, FramesInHand, RowLines, RowParts, RowsInHand
from analyzer.analysis.dissection.turn_writer import TurnWriter, takes_turns
from analyzer.engine.collectors import AT_ONCE
from analyzer.engine.lines import in_pieces, joined
from analyzer.engine.packed import Key
from analyzer.errors import CaptureError

T = TypeVar("T")
W = TypeVar("W", bound=PacketWatcher)

MOST_WAITING: Final = 200_000
TOO_MANY: Final = (
    f"over {MOST_WAITING:,} packets wait for the end of their connections, because this is known only then"
)
_Candidate = tuple[int, list[Dissection]]
# Of a row (frame, stream, number, what is shown).
_FRAME: Final = itemgetter(0)

Render = Callable[[Sequence[Dissection]], T]
# Makes of packets what makes rows of others that differ from them in nothing but their frame.
Repeat = Callable[[Sequence[Dissection]], Callable[[FrameView], T]]


class RowRendering(NamedTuple, Generic[T]):
    """What makes rows, and what may be made of many at once.

    row      makes a row of packets
    repeat   what makes rows of others that differ from them in nothing but their frame
    between  stands between rows, which are bytes, where many of them may be one item
    parts    what rows of single packets are joined from, where they are bytes
    frames   the same of rows of frames
    """

    row: Render[T]
    repeat: Repeat[T] | None = None
    between: bytes | None = None
    parts: RowParts | None = None
    frames: FrameParts | None = None


class RowCollector(Generic[T]):
    """A collector of rows: keys are (batch, frame, stream, number of the row).

    Rows with something `between` are one item for each batch; one process of several gives `Lines`.
    """

    def __init__(self, wanted: RowRequest, rendering: RowRendering[T], most: int | None = None) -> None:
        """With `most`, no more rows than the first so many are asked for."""
        self.wanted = wanted
        self.rendering = rendering
        self.frames = FrameIndex()
        self.repeated = KnownGroups(wanted.asked)
        # Most packets can be passed over: they can not match, or say nothing of what is asked of their frame.
        keep = wanted.filter
        self.sieve: Sieve | None = None
        if keep is None or wanted.skim is not None:
            pass  # all are looked at, or another way is taken
        elif not wanted.by_frame:
            self.sieve = Sieve(keep, None, wanted.fields is None or bool(wanted.fields & REQUEST_FIELDS))
        elif wanted.fields is not None and not keep.can_hold(OF_FRAME.__contains__):
            self.sieve = Sieve(keep, wanted.asked)
        # Rows that are no bytes, or of which each is an item of its own; all others.
        self._rows: list[tuple[int, int, int, T]] = []
        self._lines = RowLines(rendering.between or b"")
        self.turns: RowsOfTurns | None = None
        if rendering.between is not None and most is None and takes_turns(wanted):
            self._take_turns()
        self._batch = 0
        self._most = most
        # Frames of the first `most` rows so far, negative: a heap whose first is the last of them.
        self._firsts: list[int] = []
        self.bound = NO_BOUND
        # Groups, with the outcomes of the filter's tests, that wait: for their connection's number, or its end.
        self._fresh: list[tuple[int, KnownGroup | list[Dissection], FrameView]] = []
        self._held: list[_Candidate] = []
        self._waiting: dict[int, list[_Candidate]] = {}
        self._waits = 0
        self._watchers: dict[int, PacketWatcher] = {}
        # Connections whose logins may be held back.
        self._young: list[PacketWatcher] = []
        # Whether the filter asks something of each frame.
        self._of_frames = keep is not None and not keep.fields.isdisjoint(OF_EACH_FRAME)

    def _take_turns(self) -> None:
        """Has packets of plain turns written together, where rows are made of parts."""
        wanted, parts, frames = self.wanted, self.rendering.parts, self.rendering.frames
        if wanted.by_frame and frames is not None:
            self.turns = TurnWriter(wanted, frames, FramesInHand(self._lines, frames), self.sieve)
        elif not wanted.by_frame and parts is not None:
            self.turns = TurnWriter(wanted, parts, RowsInHand(self._lines, parts), self.sieve)

    @property
    def at_once(self) -> int:
        """Items that one process of several sends together."""
        return AT_ONCE if self.rendering.between is None else 1

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The options with what this needs."""
        observe = (*options.observe, lambda tcp: self._followed(watcher_of(self, self.frames, tcp)))
        return replace(options, observe=observe, on_frames=self.frames.take, connections=self.wanted.late)

    def _followed(self, watcher: W) -> W:
        self._young.append(watcher)
        return watcher

    def _let_on(self) -> None:
        """Looks at logins that are held back in frames whose rows are due."""
        young, self._young = self._young, []
        for watcher in young:
            conversation = watcher.scene.tcp.handler
            if not isinstance(conversation, Conversation):
                continue
            since = conversation.waits_since
            if 0 < since <= self.frames.settled:
                conversation.look_closely()
            elif conversation.is_young:
                self._young.append(watcher)

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, T]]:
        """Rows that are complete, after the connections that a batch completed."""
        done = [connection for connection, _ in results]
        self._let_on()
        for watcher in list(self._watchers.values()):
            watcher.flush()
        fresh, self._fresh = self._fresh, []
        for bits, of_frame, view in fresh:
            if isinstance(of_frame, KnownGroup):
                self._decide_known(bits, of_frame, view)
            else:
                self._decide(bits, of_frame, of_frame[0])
        if self.wanted.late:
            for bits, group in self._held:
                self._waiting.setdefault(group[0].scene.tcp.number, []).append((bits, group))
            self._held.clear()
            for connection in done:
                self._over(connection)
        # All processes see the same batches: what comes out after one can be put in one order.
        self._batch += 1
        if self.rendering.between is not None:
            yield from cast("Iterator[tuple[Key, T]]", self._as_text(analysis.options.share is not None, last))
            return
        rows = self._rows
        rows.sort()  # no two have one count: what is shown is never compared
        ready = len(rows) if last else bisect_left(rows, self.frames.settled + 1, key=_FRAME)
        self._rows = rows[ready:]
        for frame, stream, count, row in rows[:ready]:
            yield (self._batch, frame, stream, count), row

    def _as_text(self, shared: bool, last: bool) -> Iterator[tuple[Any, object]]:
        """Rows that are complete, together."""
        self._lines.settle(self.rendering.frames if self.wanted.by_frame else self.rendering.parts)
        lines = self._lines.taken(self.frames.settled, last)
        if shared:
            yield from in_pieces(self._batch, lines)
        elif lines.count:
            text = lines.gathered(0, lines.count)
            del text[len(text) - len(self.rendering.between or b"") :]
            yield (self._batch, 0, 0, 0), text

    def join(self, items: Iterator[Any]) -> Iterator[T]:
        """The rows of several processes, which come in the order of their keys."""
        between = self.rendering.between
        if between is None:
            return items
        # It stands behind each, and at the end too.
        rows = joined(items) if not between else (row[: -len(between)] for row in joined(items))
        return cast("Iterator[T]", rows)

    def begun(self, watcher: PacketWatcher) -> None:
        """The watcher's connection is MySQL's."""
        self._watchers[id(watcher)] = watcher

    def ended(self, watcher: PacketWatcher) -> None:
        self._watchers.pop(id(watcher), None)

    def group(self, group: list[Dissection]) -> None:
        """Takes packets that are shown together."""
        wanted = self.wanted
        keep = wanted.filter
        bits = 0
        if keep is not None:
            source = FrameGroup(group) if len(group) > 1 else group[0]
            if keep.needs_connection:
                bits = keep.packet_bits(source)
            elif not keep.matches(source):
                return
        for one in group:
            if one.context is not None:
                one.settle(wanted.decodes(one), wanted.raw)
        tcp = group[0].scene.tcp
        if not wanted.late:
            # A connection gets its number when the batch is over that it began in.
            if tcp.number < 0:
                self._fresh.append((bits, group, group[0]))
            else:
                self._decide(bits, group, group[0])
        else:
            self._waits += len(group)
            if self._waits > MOST_WAITING:
                raise CaptureError("dissect", f"{TOO_MANY}: {', '.join(sorted(filter(is_late, wanted.asked)))}")
            self._held.append((bits, group))

    def known(self, group: KnownGroup, view: FrameView) -> None:
        """The same, of which all but their frame is known."""
        keep = self.wanted.filter
        if self.rendering.repeat is None or self.wanted.late:
            self.group(group.again(view))
            return
        bits = 0
        if keep is not None and keep.needs_connection:
            bits = keep.packet_bits(InFrame(group, view))
        elif keep is not None:
            passes = group.passes
            if passes is None:
                passes = keep.matches(InFrame(group, view))
                if not self._of_frames:
                    group.passes = passes
            if not passes:
                return
        if view.scene.tcp.number < 0:
            self._fresh.append((bits, group, view))
        else:
            self._decide_known(bits, group, view)

    def _decide_known(self, bits: int, group: KnownGroup, view: FrameView) -> None:
        keep = self.wanted.filter
        if keep is not None and keep.needs_connection and not keep.decide(bits, InFrame(group, view)):
            return
        if self._most is None or self._is_due(view.frame):
            make = group.row
            if make is None:
                assert self.rendering.repeat is not None
                make = group.row = self.rendering.repeat(group.packets)
            self._add(view, make(view))

    def _over(self, connection: Connection) -> None:
        """A connection is over: what waited for it is decided."""
        for bits, group in self._waiting.pop(connection.stream, ()):
            self._waits -= len(group)
            for one in group:
                one.connection = connection
            self._decide(bits, group, ConnectionFields(connection))

    def _decide(self, bits: int, group: Sequence[Dissection], facts: FilterSubject) -> None:
        keep = self.wanted.filter
        if keep is not None and keep.needs_connection and not keep.decide(bits, facts):
            return
        first = group[0]
        if self._is_due(first.frame):
            self._add(first, self.rendering.row(group))

    def _add(self, view: FrameView, row: T) -> None:
        stream, between = view.scene.tcp.number, self.rendering.between
        if between is not None:
            self._lines.add(view.frame, stream, cast("bytes", row))
        else:
            self._lines.count += 1
            self._rows.append((view.frame, stream, self._lines.count, row))

    def _is_due(self, frame: int) -> bool:
        """Whether a row of the frame may be among the first; counts it."""
        if self._most is None:
            return True
        if frame > self.bound:
            return False
        heapq.heappush(self._firsts, -frame)
        if len(self._firsts) > self._most:
            heapq.heappop(self._firsts)
        if len(self._firsts) == self._most:
            self.bound = -self._firsts[0]
        return True

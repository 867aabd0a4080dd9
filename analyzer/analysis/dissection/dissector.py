"""Packets of a capture one by one: looks on while connections are followed, and hands out what a filter lets through.

What comes out is in the order of frames, batch by batch; a packet of a frame long past (its connection was recognised
late, its keys came late) comes when it is known. Fields of a whole connection are known when it is over: where they are
asked for, its packets wait for that; more than MOST_WAITING of them end the analysis with an error.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Final, Generic, TypeVar

from analyzer.analysis.conversation.observer import BaseObserver, Skimmer
from analyzer.analysis.dissection.computed_fields import OF_FRAME, REQUEST_FIELDS
from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.fields.base import CONNECTION
from analyzer.analysis.dissection.fields.connection import EARLY, ConnectionFields
from analyzer.analysis.dissection.filters import Filter, FilterSubject
from analyzer.analysis.dissection.frame_index import FrameIndex
from analyzer.analysis.dissection.packet import Dissection, FrameGroup, RequestTracker
from analyzer.analysis.dissection.prefilter import Sieve, Skim, in_rows
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.pipeline import Analysis, AnalysisOptions
from analyzer.errors import CaptureError
from analyzer.net.tcp.payload_runs import Runs
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.commands.text import ComQuery
from analyzer.protocol.tables.commands import COM_QUERY
from analyzer.protocol.wire.framing import HEADER, RawPacket

T = TypeVar("T")

MOST_WAITING: Final = 200_000
TOO_MANY: Final = (
    f"over {MOST_WAITING:,} packets wait for the end of their connections, because this is known only then"
)
NO_BOUND: Final = 1 << 62
_Candidate = tuple[int, list[Dissection]]
# Of a row (frame, stream, number, what is shown).
_ORDER: Final = itemgetter(0, 1, 2)
_FRAME: Final = itemgetter(0)

Render = Callable[[Sequence[Dissection]], T]


def is_late(name: str) -> bool:
    """Whether a field is known only when its connection is over."""
    info = FIELDS.get(name)
    return info is not None and info.scope == CONNECTION and name not in EARLY


class RowRequest:
    """What is asked of each packet.

    fields      display fields that are shown or filtered by; None for all of a packet's own
    by_frame    packets of one frame are filtered and shown together, as Wireshark does
    raw         bytes of packets are shown
    """

    def __init__(
        self,
        keep: Filter | None,
        fields: frozenset[str] | None,
        by_frame: bool,
        raw: bool = False,
        show_secrets: bool = False,
    ) -> None:
        self.filter = keep
        self.fields = fields
        self.by_frame = by_frame
        self.raw = raw
        self.show_secrets = show_secrets
        self.filtered = keep.fields if keep is not None else frozenset()
        self.asked = self.filtered | (fields or frozenset())
        self.late = any(map(is_late, self.asked))
        # Rows of result sets: whether one may be shown, or belongs to what is shown of a frame.
        shown = by_frame and (fields is None or any(name not in OF_FRAME and in_rows(name) for name in fields))
        # By name of the record: decided once for each.
        self._shown: dict[str, bool] = {}
        self._tested: dict[str, bool] = {}
        # A row may be the first answer to a command (COM_STMT_FETCH), which then has the latency.
        timed = fields is None or bool(self.asked & REQUEST_FIELDS)
        self.rows = keep is None or shown or timed or keep.can_hold(in_rows)
        self.timed = timed
        self.statements = fields is not None and "mysql.query" in fields
        self.skim: Skim | None = None
        if by_frame and fields and not raw and not self.late:
            self.skim = Skim.of(keep, fields)

    def decodes(self, one: Dissection) -> bool:
        """Whether the packet's own fields are needed to show it."""
        if self.fields is None:
            return True
        return self._any(self._shown, self.fields, one) or (self.statements and one.holds_secret)

    def tests(self, one: Dissection) -> bool:
        """Whether its own fields are needed to filter it."""
        return self._any(self._tested, self.filtered, one)

    @staticmethod
    def _any(known: dict[str, bool], fields: frozenset[str], one: Dissection) -> bool:
        name = one.name
        found = known.get(name)
        if found is None:
            found = known[name] = any(map(one.must_decode, fields))
        return found


class RowCollector(Generic[T]):
    """A harvest (see `analyzer.cli.harvest`): keys are (batch, frame, stream, number of the row)."""

    def __init__(self, wanted: RowRequest, render: Render[T], most: int | None = None) -> None:
        """With `most`, no more rows than the first so many are asked for."""
        self.wanted = wanted
        self.render = render
        self.frames = FrameIndex()
        # Most packets can be passed over: they can not match, or say nothing of what is asked of their frame.
        keep = wanted.filter
        self.sieve: Sieve | None = None
        if keep is None or wanted.skim is not None:
            pass  # all are looked at, or another way is taken
        elif not wanted.by_frame:
            self.sieve = Sieve(keep, None, wanted.fields is None or bool(wanted.fields & REQUEST_FIELDS))
        elif wanted.fields is not None and not keep.can_hold(OF_FRAME.__contains__):
            self.sieve = Sieve(keep, wanted.asked)
        self._rows: list[tuple[int, int, int, T]] = []
        self._count = 0
        self._batch = 0
        self._most = most
        # Frames of the first `most` rows so far, negative: a heap whose first is the last of them.
        self._firsts: list[int] = []
        self.bound = NO_BOUND
        # Groups, with the outcomes of the filter's tests, that wait: for their connection's number, or its end.
        self._fresh: list[_Candidate] = []
        self._held: list[_Candidate] = []
        self._waiting: dict[int, list[_Candidate]] = {}
        self._waits = 0
        self._watchers: dict[int, _Watching[T]] = {}

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The options with what this needs."""
        watch = (*options.observe, self._watch)
        return replace(options, observe=watch, on_frames=self.frames.take, connections=self.wanted.late)

    def take(
        self, analysis: Analysis, results: Iterator[tuple[Connection, ConnectionDetail | None]], last: bool
    ) -> Iterator[tuple[tuple[int, ...], T]]:
        """Rows that are complete, after the connections that a batch completed."""
        done = [connection for connection, _ in results]
        for watcher in list(self._watchers.values()):
            watcher.flush()
        fresh, self._fresh = self._fresh, []
        for bits, group in fresh:
            self._decide(bits, group, group[0])
        if self.wanted.late:
            for bits, group in self._held:
                self._waiting.setdefault(group[0].scene.tcp.number, []).append((bits, group))
            self._held.clear()
            for connection in done:
                self._over(connection)
        # All processes see the same batches: what comes out after one can be put in one order.
        self._batch += 1
        settled = self.frames.settled
        rows = self._rows
        rows.sort(key=_ORDER)
        ready = len(rows) if last else bisect_left(rows, settled + 1, key=_FRAME)
        self._rows = rows[ready:]
        batch = self._batch
        for frame, stream, count, row in rows[:ready]:
            yield (batch, frame, stream, count), row

    def _watch(self, tcp: TcpConnection) -> _PacketObserver[T] | _Skimming[T]:
        scene = RequestTracker(tcp, self.frames, self.wanted.show_secrets)
        skim = self.wanted.skim
        return _PacketObserver(self, scene) if skim is None else _Skimming(self, scene, skim)

    def begun(self, watcher: _Watching[T]) -> None:
        """The watcher's connection is MySQL's."""
        self._watchers[id(watcher)] = watcher

    def ended(self, watcher: _Watching[T]) -> None:
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
                self._fresh.append((bits, group))
            else:
                self._decide(bits, group, group[0])
        else:
            self._waits += len(group)
            if self._waits > MOST_WAITING:
                raise CaptureError("dissect", f"{TOO_MANY}: {', '.join(sorted(filter(is_late, wanted.asked)))}")
            self._held.append((bits, group))

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
        if self._most is not None:
            if first.frame > self.bound:
                return
            heapq.heappush(self._firsts, -first.frame)
            if len(self._firsts) > self._most:
                heapq.heappop(self._firsts)
            if len(self._firsts) == self._most:
                self.bound = -self._firsts[0]
        self._count += 1
        self._rows.append((first.frame, first.scene.tcp.number, self._count, self.render(group)))


class _Watching(Generic[T]):
    """Puts the packets of one connection together that are shown together."""

    __slots__ = ("_group", "_last", "owner", "scene")

    def __init__(self, owner: RowCollector[T], scene: RequestTracker) -> None:
        self.owner = owner
        self.scene = scene
        self._group: list[Dissection] = []
        self._last = 0  # frame of the last packet

    def begin(self, client: int) -> None:
        self.scene.client = client
        self.owner.begun(self)

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        """A TLS message."""
        one = Dissection(self.scene, role, frame, time_ns)
        one.event = (record, summary, length)
        one.encrypted = True
        self._take(one)

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        """Gaps are no packets."""
        self.flush()

    def close(self) -> None:
        self.flush()
        self.owner.ended(self)

    def flush(self) -> None:
        """Hands on the packets of the frame in hand."""
        if self._group:
            group, self._group = self._group, []
            self.owner.group(group)

    def _take(self, one: Dissection) -> None:
        if not self.owner.wanted.by_frame:
            self.owner.group([one])
            return
        group = self._group
        if group and (group[0].frame != one.frame or group[0].role != one.role):
            self.flush()
        # Later packets of the frame may change what is negotiated: what they need is worked out first.
        wanted = self.owner.wanted
        one.settle(wanted.decodes(one) or wanted.tests(one), wanted.raw)
        self._group.append(one)


class _PacketObserver(_Watching[T], BaseObserver):
    """The observer of one connection: of each of its packets, and what is in it."""

    __slots__ = ()

    @property
    def full(self) -> bool:
        return not self.owner.wanted.rows or self._last > self.owner.bound

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        owner = self.owner
        self._last = packet.frame
        if packet.frame > owner.bound:
            return
        sieve = owner.sieve
        if sieve is None or sieve.passes(self.scene, role, packet, record, machine):
            self._take(Dissection.of(self.scene, role, packet, record, machine, before, owner.wanted.timed))


class _Skimming(_Watching[T], Skimmer):
    """The same where most packets can be passed over."""

    __slots__ = ("executes", "frames", "skim", "turns")

    def __init__(self, owner: RowCollector[T], scene: RequestTracker, skim: Skim) -> None:
        super().__init__(owner, scene)
        self.skim = skim
        self.frames = skim.frames
        self.turns = skim.turns
        self.executes = skim.executes

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if packet.frame > self.owner.bound:
            return
        if self.skim.wants(record):
            self._take(Dissection.of(self.scene, role, packet, record, machine, before, False))
        elif self.frames:
            self._unread(role, packet.frame, packet.time_ns)

    def passed(self, before: str, count: int, length: int, frame: int, time_ns: int) -> None:
        if self.frames:
            self._unread(SERVER, frame, time_ns)

    def turn(self, code: int, request: bytes, response: bytes, runs: Runs, run: int, machine: Machine) -> None:
        begin, middle, stop = runs.start[run : run + 3]
        frames, times = runs.frame, runs.time
        if frames[begin] > self.owner.bound:
            return
        if code == COM_QUERY and self.skim.queries:
            payload = request[HEADER:]
            last = middle - 1
            size = len(payload)
            one = Dissection(self.scene, CLIENT, frames[last], times[last])
            one.packet = RawPacket(0, payload, size, frames[last], times[last], frames[begin], times[begin], 0)
            one.record = ComQuery.from_bytes(payload, machine.context)
            one.context, one.before = machine.context, st.COMMAND
            one.encrypted = machine.context.secure
            self._take(one)
        elif self.frames:
            self._unread(CLIENT, frames[middle - 1], times[middle - 1])
        if self.frames:
            if stop == middle + 1:
                self._unread(SERVER, frames[middle], times[middle])
            else:
                for index in frames_with_ends(response, runs.ends, middle):
                    self._unread(SERVER, frames[index], times[index])

    def _unread(self, role: int, frame: int, time_ns: int) -> None:
        """Packets of a frame that hold nothing of what is asked."""
        group = self._group
        if group:
            if group[0].frame != frame or group[0].role != role:
                self.flush()
            elif group[-1].event is None:
                return
        if frame <= self.owner.bound:
            self._group.append(Dissection.passed(self.scene, role, frame, time_ns))


def frames_with_ends(response: bytes, ends: Sequence[int], first: int) -> Iterator[int]:
    """Of the payloads from `first` on, which make up a whole response, those in which packets end."""
    stop, index, told = 0, first, -1
    while stop < len(response):
        stop += HEADER + (response[stop] | response[stop + 1] << 8 | response[stop + 2] << 16)
        while ends[index] < stop:
            index += 1
        if index != told:
            yield index
            told = index

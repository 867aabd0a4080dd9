"""Packets of a capture one by one: looks on while connections are followed, and hands out what a filter lets through.

What comes out is in the order of frames, batch by batch; a packet of a frame long past (its connection was recognised
late, its keys came late) comes when it is known. Fields of a whole connection are known when it is over: where they are
asked for, its packets wait for that; more than MOST_WAITING of them end the analysis with an error.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Generic, TypeVar

from analyzer.analysis.dissection import OF_FRAME, REQUEST_FIELDS, Dissection, Scene, Sieve, Together, in_rows
from analyzer.analysis.fields import FIELDS
from analyzer.analysis.fields.base import CONNECTION
from analyzer.analysis.fields.connection import EARLY, ConnectionFields
from analyzer.analysis.filters import Filter, Source
from analyzer.analysis.frames import Frames
from analyzer.analysis.model import Connection, ConnectionDetail
from analyzer.analysis.observe import Onlooker
from analyzer.analysis.pipeline import Analysis, Options
from analyzer.errors import CaptureError
from analyzer.net.reassembly import TcpConnection
from analyzer.protocol.framing import Packet
from analyzer.protocol.machine import AnyRecord, Machine

T = TypeVar("T")

MOST_WAITING: Final = 200_000
TOO_MANY: Final = (
    f"over {MOST_WAITING:,} packets wait for the end of their connections, because this is known only then"
)
_Candidate = tuple[int, list[Dissection]]

Render = Callable[[Sequence[Dissection]], T]


def is_late(name: str) -> bool:
    """Whether a field is known only when its connection is over."""
    info = FIELDS.get(name)
    return info is not None and info.scope == CONNECTION and name not in EARLY


class Wanted:
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

    def decodes(self, one: Dissection) -> bool:
        """Whether the packet's own fields are needed to show it."""
        if self.fields is None:
            return True
        return self._any(self._shown, self.fields, one)

    def tests(self, one: Dissection) -> bool:
        """Whether its own fields are needed to filter it."""
        return self._any(self._tested, self.filtered, one)

    @staticmethod
    def _any(known: dict[str, bool], fields: frozenset[str], one: Dissection) -> bool:
        name = one.name
        found = known.get(name)
        if found is None:
            found = known[name] = any(map(one.may_hold, fields))
        return found


class Dissecting(Generic[T]):
    """A harvest (see `analyzer.cli.harvest`): keys are (batch, frame, stream, number of the row)."""

    def __init__(self, wanted: Wanted, render: Render[T]) -> None:
        self.wanted = wanted
        self.render = render
        self.frames = Frames()
        # Most packets can be passed over: they can not match, or say nothing of what is asked of their frame.
        keep = wanted.filter
        self.sieve: Sieve | None = None
        if keep is not None and not wanted.by_frame:
            self.sieve = Sieve(keep, None, wanted.fields is None or bool(wanted.fields & REQUEST_FIELDS))
        elif keep is not None and wanted.fields is not None and not keep.can_hold(OF_FRAME.__contains__):
            self.sieve = Sieve(keep, wanted.asked)
        self._rows: list[tuple[int, int, int, T]] = []
        self._count = 0
        self._batch = 0
        # Groups, with the outcomes of the filter's tests, that wait: for their connection's number, or its end.
        self._fresh: list[_Candidate] = []
        self._held: list[_Candidate] = []
        self._waiting: dict[int, list[_Candidate]] = {}
        self._waits = 0
        self._watchers: dict[int, _Watcher[T]] = {}

    def options(self, options: Options) -> Options:
        """The options with what this needs."""
        return replace(options, observe=(*options.observe, self._watch), on_frames=self.frames.take)

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
        while self._rows and (last or self._rows[0][0] <= settled):
            frame, stream, count, row = heapq.heappop(self._rows)
            yield (self._batch, frame, stream, count), row

    def _watch(self, tcp: TcpConnection) -> _Watcher[T]:
        watcher = _Watcher(self, Scene(tcp, self.frames, self.wanted.show_secrets))
        return watcher

    def begun(self, watcher: _Watcher[T]) -> None:
        """The watcher's connection is MySQL's."""
        self._watchers[id(watcher)] = watcher

    def ended(self, watcher: _Watcher[T]) -> None:
        self._watchers.pop(id(watcher), None)

    def group(self, group: list[Dissection]) -> None:
        """Takes packets that are shown together."""
        wanted = self.wanted
        keep = wanted.filter
        bits = 0
        if keep is not None:
            source = Together(group) if len(group) > 1 else group[0]
            if keep.needs_connection:
                bits = keep.packet_bits(source)
            elif not keep.matches(source):
                return
        for one in group:
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

    def _decide(self, bits: int, group: Sequence[Dissection], facts: Source) -> None:
        keep = self.wanted.filter
        if keep is not None and keep.needs_connection and not keep.decide(bits, facts):
            return
        self._count += 1
        stream = group[0].scene.tcp.number
        heapq.heappush(self._rows, (group[0].frame, stream, self._count, self.render(group)))


class _Watcher(Onlooker, Generic[T]):
    """The observer of one connection."""

    __slots__ = ("_group", "owner", "scene")

    def __init__(self, owner: Dissecting[T], scene: Scene) -> None:
        self.owner = owner
        self.scene = scene
        self._group: list[Dissection] = []

    @property
    def full(self) -> bool:
        return not self.owner.wanted.rows

    def begin(self, client: int) -> None:
        self.scene.client = client
        self.owner.begun(self)

    def packet(self, role: int, packet: Packet, record: AnyRecord, machine: Machine, before: str) -> None:
        sieve = self.owner.sieve
        if sieve is None or sieve.passes(self.scene, role, packet, record, machine):
            self._take(Dissection.of(self.scene, role, packet, record, machine, before))

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

"""Display filters over connections and commands: one is shown if any of its packets matches.

Packets are only decoded for the filter, and only until one matches; a filter of a connection's own fields decodes none.
Where a filter asks for both, the outcomes of its tests of packets are noted (as few bits as it has tests) until the
connection is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.conversation.observer import BaseObserver, Observer, ObserverGroup
from analyzer.analysis.dissection.computed_fields import FRAME_FIELDS, REQUEST_FIELDS
from analyzer.analysis.dissection.fields.base import Value
from analyzer.analysis.dissection.fields.connection import ConnectionFields
from analyzer.analysis.dissection.filters import Filter
from analyzer.analysis.dissection.frame_index import FrameIndex
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.prefilter import Sieve, in_rows
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.options import AnalysisOptions
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.wire.framing import RawPacket

# Fields that every frame of a side has, those that hold no MySQL packet too (SYN, ACK, FIN).
OF_ENDS: Final = frozenset(
    {"tcp.srcport", "tcp.dstport"}
    | {f"{ip}.{end}{form}" for ip in ("ip", "ipv6") for end in ("src", "dst") for form in ("", "_host")}
)
# Different outcomes of one connection's packets that are told apart.
MOST_OUTCOMES: Final = 4096


class _SelectionObserver(BaseObserver):
    """Looks on without taking anything; subclasses take packets."""

    __slots__ = ("keep", "rows", "scene", "sieve")

    def __init__(self, keep: Filter, scene: RequestTracker, rows: bool) -> None:
        self.keep = keep
        self.sieve = Sieve(keep)
        self.scene = scene
        self.rows = rows  # whether a row of a result set may match

    @property
    def full(self) -> bool:
        return not self.rows

    def begin(self, client: int) -> None:
        self.scene.client = client

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if self.sieve.passes(self.scene, role, packet, record, machine):
            self.take(Dissection.of(self.scene, role, packet, record, machine, before))

    def take(self, one: Dissection) -> None:
        """A packet."""

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        one = Dissection(self.scene, role, frame, time_ns)
        one.event = (record, summary, length)
        one.encrypted = True
        self.take(one)


class _ConnectionWatcher(_SelectionObserver):
    """Finds out whether any packet of a connection matches."""

    __slots__ = ("matched", "outcomes")

    def __init__(self, keep: Filter, scene: RequestTracker, rows: bool) -> None:
        super().__init__(keep, scene, rows)
        self.matched = False
        self.outcomes: set[int] = set()

    @property
    def full(self) -> bool:
        return self.matched or not self.rows

    def take(self, one: Dissection) -> None:
        if self.matched:
            return
        if not self.keep.needs_connection:
            self.matched = self.keep.matches(one)
        elif len(self.outcomes) < MOST_OUTCOMES:
            self.outcomes.add(self.keep.packet_bits(one))

    def decide(self, facts: ConnectionFields) -> bool:
        if self.matched or not self.keep.needs_connection:
            return self.matched
        return any(self.keep.decide(bits, facts) for bits in self.outcomes)


class _FrameEnds:
    """Any frame that one side of a connection sent: its addresses and ports."""

    def __init__(self, connection: Connection, client: bool) -> None:
        ends = connection.client, connection.server
        self._ends = ends if client else ends[::-1]

    def values(self, name: str) -> Sequence[Value]:
        layer, _, field = name.partition(".")
        end = self._ends["dst" in field]
        if layer == "tcp":
            return (end.port,)
        return (end.address,) if (":" in end.address) == (layer == "ipv6") else ()


class Matching:
    """Chooses the connections of one capture."""

    def __init__(self, keep: Filter) -> None:
        self.keep = keep
        # Where nothing but addresses and ports is asked of packets, any frame counts, as in Wireshark.
        self._ends_only = keep.packet_fields <= OF_ENDS
        self._rows = keep.can_hold(in_rows) or bool(keep.fields & REQUEST_FIELDS)
        self._frames = FrameIndex()
        self._begun: list[_ConnectionWatcher] = []
        self._by_stream: dict[int, _ConnectionWatcher] = {}

    @property
    def needs_packets(self) -> bool:
        """Whether packets have to be looked at: a connection alone does not tell."""
        return self.keep.needs_packets and not self._ends_only

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The options with what this needs; as they are for a filter that asks nothing of packets."""
        if not self.needs_packets:
            return options
        made = replace(options, observe=(*options.observe, self._watch))
        return _with_frames(made, self.keep, self._frames)

    def keeps(self, connection: Connection, *, over: bool = True) -> bool:
        """Whether a connection is to be shown: asked once for each that is over, and at any time before."""
        facts = ConnectionFields(connection)
        if not self.keep.needs_packets:
            return self.keep.matches(facts)
        if self._ends_only:
            return any(self.keep.decide(self.keep.packet_bits(frame), facts) for frame in _frames_of(connection))
        for watcher in self._begun:
            self._by_stream[watcher.scene.tcp.number] = watcher
        self._begun.clear()
        number = connection.stream
        found = self._by_stream.pop(number, None) if over else self._by_stream.get(number)
        return found is not None and found.decide(facts)

    def _watch(self, tcp: TcpConnection) -> Observer:
        return _Begun(self.keep, RequestTracker(tcp, self._frames, None), self._rows, self._begun.append)


def _frames_of(connection: Connection) -> Iterator[_FrameEnds]:
    """A frame of each side that has one in the capture."""
    tcp = connection.tcp
    one_sided = any(finding.code == "capture-one-sided" for finding in connection.findings)
    if tcp.bytes_from_client or not one_sided:
        yield _FrameEnds(connection, True)
    if tcp.bytes_from_server or not one_sided:
        yield _FrameEnds(connection, False)


class _Begun(_ConnectionWatcher):
    """Says so when its connection turns out to be MySQL's."""

    __slots__ = ("_tell",)

    def __init__(
        self, keep: Filter, scene: RequestTracker, rows: bool, tell: Callable[[_ConnectionWatcher], None]
    ) -> None:
        super().__init__(keep, scene, rows)
        self._tell = tell

    def begin(self, client: int) -> None:
        super().begin(client)
        self._tell(self)


class Choosing:
    """Chooses the commands of one capture: beside a CommandTracker, notes to which of them a packet belongs."""

    def __init__(self, keep: Filter) -> None:
        self.keep = keep
        self._rows = keep.can_hold(in_rows) or bool(keep.fields & REQUEST_FIELDS)
        self._frames = FrameIndex()
        # Outcomes of the filter's tests for the packets of a command, by its id: it lives until it is chosen.
        self._outcomes: dict[int, set[int]] = {}
        self._waiting: dict[int, list[tuple[int, CommandTracker, PendingCommand]]] = {}

    def options(self, options: AnalysisOptions, sink: Sink) -> AnalysisOptions:
        """The options with a CommandTracker into `sink`, and what notes beside it."""

        def watch(tcp: TcpConnection) -> Observer:
            log = CommandTracker(tcp, sink)
            return ObserverGroup(
                (log, _CommandWatcher(self.keep, RequestTracker(tcp, self._frames, None), self._rows, log, self))
            )

        return _with_frames(replace(options, observe=(*options.observe, watch)), self.keep, self._frames)

    def note(self, command: PendingCommand, one: Dissection) -> None:
        """A packet of a command."""
        outcomes = self._outcomes.setdefault(id(command), set())
        if self.keep.needs_connection:
            if len(outcomes) < MOST_OUTCOMES:
                outcomes.add(self.keep.packet_bits(one))
        elif not outcomes and self.keep.matches(one):
            outcomes.add(0)

    def chosen(self, sink: Sink, done: list[Connection]) -> Sink:
        """What of a batch's commands is to be shown; those that wait come when their connection is over."""
        if not self.keep.needs_connection:
            return [item for item in sink if self._outcomes.pop(id(item[2]), None)]
        for item in sink:
            self._waiting.setdefault(item[1].tcp.number, []).append(item)
        found: Sink = []
        for connection in done:
            facts = ConnectionFields(connection)
            for item in self._waiting.pop(connection.stream, ()):
                outcomes = self._outcomes.pop(id(item[2]), set())
                if any(self.keep.decide(bits, facts) for bits in outcomes):
                    found.append(item)
        return found


class _CommandWatcher(_SelectionObserver):
    """Told of each packet after the log, which knows what the packet belongs to."""

    __slots__ = ("log", "owner")

    def __init__(self, keep: Filter, scene: RequestTracker, rows: bool, log: CommandTracker, owner: Choosing) -> None:
        super().__init__(keep, scene, rows)
        self.log = log
        self.owner = owner

    def take(self, one: Dissection) -> None:
        command = self.log.touched
        if command is not None and one.packet is not None:
            self.owner.note(command, one)


def _with_frames(options: AnalysisOptions, keep: Filter, frames: FrameIndex) -> AnalysisOptions:
    """Has frames looked at where the filter asks for what is only known of them."""
    return replace(options, on_frames=frames.take) if keep.fields & FRAME_FIELDS else options

"""From frames to connections: the straight line of one capture, in order and with bounded memory."""

from __future__ import annotations

import heapq
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import IO, TYPE_CHECKING, ClassVar, Final, TypeAlias

import msgspec
from msgspec.structs import replace

from analyzer.analysis.connection.kinds import Alike
from analyzer.analysis.conversation.classifier import MYSQL, OTHER, X_PROTOCOL
from analyzer.analysis.conversation.conversation import Conversation, Settings
from analyzer.analysis.conversation.login_shapes import LoginShapes
from analyzer.analysis.conversation.observer import Observer, ObserverGroup
from analyzer.analysis.conversation.recognition import begins_connection
from analyzer.analysis.conversation.tls_layer import Secrets
from analyzer.analysis.findings.bursts import Bursts
from analyzer.analysis.findings.rule import Evidence
from analyzer.analysis.memory import Memory
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.options import AnalysisOptions, Result
from analyzer.batches import FrameBatch, span, total
from analyzer.errors import UnsupportedLinkType
from analyzer.net.link.decode import SegmentDecoder
from analyzer.net.link.unfollowed import Counts, sentences
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.net.tcp.twins import Twin
from analyzer.protocol.wire.compression import Allowance
from analyzer.tls.keylog import KeyLog

if TYPE_CHECKING:
    from analyzer.analysis.commands.excerpt import Shown
    from analyzer.analysis.connection.builder import Builder
    from analyzer.analysis.findings.cross_connection import Held
    from analyzer.analysis.packets.packet_list import PacketList, PacketMemo

# Connections that wait in memory for an earlier one to end; more wait in a temporary file.
WAITING: Final = 1000
WAITING_PACKETS: Final = 50_000  # kept for showing with them: a hundred megabytes
PACKETS_SHOWN: Final = 200
# So many connections that are over are told of at once.
TOLD_AT_ONCE: Final = 64
# Streams that a note names.
MOST_NAMED: Final = 20


# A connection that is over, as an analysis tells of it.
Told: TypeAlias = Result | Alike


class CaptureTotals(msgspec.Struct):
    """What is counted over a whole capture.

    slow_frames  were decoded one by one, not in columns
    turns        commands that were taken without a record for each packet
    sealed       TLS sessions that were told of by their outlines, opened or not
    """

    frames: int = 0
    tcp_connections: int = 0
    mysql_connections: int = 0
    encrypted: int = 0  # MySQL connections that went into TLS, and that no key opened
    answers_only: int = 0  # MySQL connections of which nothing that the client sent was captured
    first_ns: int | None = None
    last_ns: int | None = None
    x_protocol: list[int] = []
    x_protocol_count: int = 0
    # Port -> connections on it that look like MySQL from their middle on.
    middles: dict[int, int] = {}
    undecodable: int = 0
    unknown_link_types: dict[int, int] = {}
    segments: int = 0
    unfollowed: Counts = {}
    evicted: int = 0
    slow_frames: int = 0
    turns: int = 0
    sealed: int = 0

    def add_share(self, other: CaptureTotals) -> None:
        """Takes what another process counted of its share of the connections; of frames all count the same."""
        self.mysql_connections += other.mysql_connections
        self.encrypted += other.encrypted
        self.answers_only += other.answers_only
        self.x_protocol_count += other.x_protocol_count
        self.turns += other.turns
        self.sealed += other.sealed
        self.x_protocol = sorted(self.x_protocol + other.x_protocol)[:MOST_NAMED]
        for port, count in other.middles.items():
            self.note_middle(port, count)

    def forget_share(self) -> None:
        """What was counted of connections is another process's."""
        self.mysql_connections = self.encrypted = self.answers_only = self.x_protocol_count = 0
        self.turns = self.sealed = 0
        self.x_protocol, self.middles = [], {}

    def note_middle(self, port: int | None, count: int = 1) -> None:
        """Counts connections on a port where nobody looks for MySQL; None: it looks like something else."""
        if port is not None and (port in self.middles or len(self.middles) < MOST_NAMED):
            self.middles[port] = self.middles.get(port, 0) + count


class Analysis:
    """One capture: feed it batches, take its connections in the order of their first frames.

    Raises UnsupportedLinkType when no frame so far has a link type that is known.
    """

    conversation: ClassVar[type[Conversation]] = Conversation

    def __init__(self, name: str, options: AnalysisOptions) -> None:
        self.name = name
        self.options = options
        self.totals = CaptureTotals()
        self.evidence = Evidence(password=options.password)
        self._decoder = SegmentDecoder()
        self._flows = FlowTable(self._follow, columns=options.columns, on_rows=options.on_rows, opens=begins_connection)
        self.evidence.refused = self._flows.refused
        self._builder: Builder | None = None
        # Each of several processes has its share of the memory too.
        self.memory = Memory(options.memory // (1 if options.share is None else options.share[1]))
        secrets = Secrets(KeyLog(), options.rsa_key)
        self._settings = Settings(options.ports, options.keep, {}, secrets, Allowance())
        for content in options.keylogs:
            self.add_keys(content)
        self.shapes = LoginShapes() if options.shapes and options.password is None else None
        self.order = InOrder()
        self._memo: PacketMemo | None = None
        self._waiting: Held[Told] | None = None
        self._holds_back = True
        self._bursts = Bursts()
        self._shown: dict[TcpConnection, PacketList | Shown] = {}
        self._begun = 0  # connections; the same in every process
        # Connections of MySQL, and turns, since `totals` was last brought up to date.
        self._followed = self._turns = 0

    def _follow(self, tcp: TcpConnection) -> Conversation | None:
        options = self.options
        begun = self._begun
        self._begun += 1
        share = options.share
        if share is not None and share[1] > 1 and _turn(begun, share[1]) != share[0]:
            return None
        if options.only is not None and tcp.first_frame not in options.only:
            return None
        if options.part is not None and not options.part.mine(tcp):
            return None
        observer: Observer | None = None
        if options.observe or options.packets:
            observers: list[Observer] = [make(tcp) for make in options.observe]
            if options.packets:
                shown = self._shown[tcp] = self._show(tcp)
                observers.append(shown)
            observer = observers[0] if len(observers) == 1 else ObserverGroup(observers)
        shapes = self.shapes if observer is None or not observer.logins else None
        return self.conversation(tcp, self._settings, observer, shapes)

    def _show(self, tcp: TcpConnection) -> PacketList | Shown:
        """Who keeps what is shown of a connection."""
        from analyzer.analysis.packets.packet_list import PacketList, PacketMemo

        if self._memo is None:
            self._memo = PacketMemo()
        options = self.options
        shown = PacketList(options.packets, options.show_secrets, tcp.first_ns, self._memo)
        if not options.commands:
            return shown
        from analyzer.analysis.commands.excerpt import Shown

        return Shown(tcp, shown)

    def begin_share(self, index: int, processes: int) -> None:
        """From here on this process is one of several that know all of this, and follows its share of the connections.

        `totals` and `memory` of all but the first are what their shares add.
        """
        self.options = replace(self.options, share=(index, processes))
        self.memory.limit //= processes
        self._settings.allowance.left //= processes
        self.keys.share(processes)
        for tcp in self._flows.connections_open():
            if _turn(tcp.number, processes) != index:
                tcp.handler = None
        if index:
            self.totals.forget_share()

    @property
    def bounded(self) -> bool:
        """Whether something was given up, or not looked at, for there was no room."""
        memory, keys = self.memory, self.keys
        return bool(memory.given_up or memory.ended or keys.refused or self._settings.allowance.refused)

    def add_keys(self, content: bytes) -> None:
        """Adds a whole key log (NSS format): a file's, or that of a capture's decryption secrets block."""
        self.keys.add(content, final=True)

    def look_ahead(self, more: Callable[[], Iterable[bytes]], *, every: bool = False) -> None:
        """Names who can look for key logs further on in the capture: asked once, when a session's keys are missing.

        `every`: no others will come.
        """
        self.keys.more, self.keys.complete = more, every

    def hold_nothing_back(self) -> None:
        """Hands each connection on at once, though later ones may have more to say of it: somebody watches."""
        self._holds_back = False

    @property
    def builder(self) -> Builder:
        """Works out connections. All rules come with it: it is loaded with the first."""
        if self._builder is None:
            from analyzer.analysis.connection.builder import Builder

            self._builder = Builder(self.name, self.options.show_secrets)
        return self._builder

    @property
    def _held(self) -> Held[Told]:
        if self._waiting is None:
            from analyzer.analysis.findings.cross_connection import Across, Held

            self._waiting = Held(Across()) if self._holds_back else Held(Across(), 0)
        return self._waiting

    @property
    def fragments(self) -> dict[int, tuple[int, ...]]:
        """Of the last batch: frame that completed a datagram -> frames of its other fragments."""
        return self._decoder.fragments

    @property
    def keys(self) -> KeyLog:
        """All secrets so far; may grow at any time."""
        return self._settings.secrets.keys

    def feed(self, batch: FrameBatch) -> Iterator[Result]:
        """Takes a batch of frames; gives the connections that are complete and whose turn it is."""
        return results(self.told(batch))

    def finish(self, cut_short: bool) -> Iterator[Result]:
        """The capture is over. `cut_short`: its file ended in the middle."""
        return results(self.told_last(cut_short))

    def told(self, batch: FrameBatch) -> Iterator[Told]:
        """As `feed`, of connections of known kinds what is their own."""
        totals = self.totals
        totals.frames += len(batch)
        segments = self._decoder.decode(batch)
        unknown = self._decoder.unknown_link_types
        if unknown and sum(unknown.values()) == self._decoder.frames:
            raise UnsupportedLinkType(next(iter(unknown)))
        if len(batch):
            times = batch.column("timestamp_ns")
            first, last = span(times)
            totals.first_ns = first if totals.first_ns is None else min(first, totals.first_ns)
            totals.last_ns = last if totals.last_ns is None else max(last, totals.last_ns)
            self.evidence.last_ns = totals.last_ns
            self.evidence.clock.feed(batch.column("number"), times)
        if self.options.on_frames is not None:
            self.options.on_frames(batch, segments)
        finished = self._flows.feed(segments)
        finished += self.memory.bound(self._flows, total(batch.column("captured")))
        opened = self._flows.take_opened()
        if opened and self.options.part is not None:
            self.options.part.on_opened(opened)
        self._bursts.opened(opened)
        self.order.opened(opened)
        finished.sort(key=attrgetter("number"), reverse=True)
        while finished:  # each is let go of when it was told of
            if self._finished(finished.pop()) and not len(finished) % TOLD_AT_ONCE:
                yield from self.judged(self.order.ready())
        self.count_up()
        yield from self.judged(self.order.ready())

    def told_last(self, cut_short: bool) -> Iterator[Told]:
        """As `finish`, of connections of known kinds what is their own."""
        self.evidence.cut_short = cut_short
        totals = self.totals
        totals.tcp_connections = self._flows.connections
        totals.undecodable = self._decoder.undecodable
        totals.unknown_link_types = self._decoder.unknown_link_types
        totals.segments, totals.unfollowed = self._decoder.segments, self._decoder.unfollowed
        totals.slow_frames = self._decoder.slow_frames
        totals.evicted = self._flows.evicted
        for tcp in self._flows.finish():
            if self._finished(tcp):
                yield from self.judged(self.order.ready())
        self.count_up()
        yield from self.judged(self.order.rest())
        if self._waiting is not None:
            yield from self._waiting.rest()

    def judged(self, told: Iterator[Told]) -> Iterator[Told]:
        """Completes findings that rest on earlier connections, where nobody joins these with others."""
        if self.options.share is not None or self.options.part is not None:
            yield from told
            return
        held: Held[Told] | None = None
        for one in told:
            if held is None:
                held = self._held
            if isinstance(one, Alike):
                alike = one.passed(held.across)
                yield from held.put(alike, alike.outline)
            else:
                held.across.judge(one[0])
                yield from held.put(one, one[0], _packets_in(one))

    def _finished(self, tcp: TcpConnection) -> bool:
        """Takes a connection that is over; False where it was not followed."""
        conversation = tcp.handler
        tcp.handler = None
        twins = self.evidence.twins
        twin = twins.see(tcp)
        if not isinstance(conversation, Conversation):
            return False
        shown = self._shown.pop(tcp, None) if self._shown else None
        self._resolved(tcp, conversation, shown, twin)
        conversation.release()
        return True

    def count_up(self) -> None:
        """Brings `totals` up to date."""
        self.totals.mysql_connections += self._followed
        self.totals.turns += self._turns
        self._followed = self._turns = 0

    def _resolved(
        self, tcp: TcpConnection, conversation: Conversation, shown: PacketList | Shown | None, twin: Twin | None
    ) -> None:
        """Counts a conversation that is over, and works out what is told of it."""
        conversation.resolve()
        if conversation.kind != MYSQL:
            if conversation.kind == X_PROTOCOL:
                self.totals.x_protocol_count += 1
                insort(self.totals.x_protocol, tcp.number)
                del self.totals.x_protocol[MOST_NAMED:]
            self.totals.note_middle(conversation.middle_port)
            self.order.none(tcp.number)
            return
        self._followed += 1
        self._turns += conversation.turns()
        plain = conversation.plain
        if plain is None or plain.sealed is not None:
            self.totals.encrypted += conversation.encrypted
            self.totals.answers_only += tcp.halves[conversation.client].next < 0
            self.totals.sealed += conversation.sealed is not None
        if not self.options.connections:
            self.order.none(tcp.number)
            return
        if twin is not None:
            self.evidence.twin = twin
        told = self.builder.told(tcp, conversation, self.evidence)
        if twin is not None:
            self.evidence.twin = None
        if isinstance(told, Alike):
            if shown is None:
                self.order.add(tcp.number, told)
                return
            told = told.connection()
        wanted = shown is not None and (self.options.wanted is None or self.options.wanted(told))
        detail = shown.detail() if shown is not None and wanted else None
        self.order.add(tcp.number, (told, detail))

    def so_far(self, tcp: TcpConnection, conversation: Conversation) -> Connection:
        """A connection that goes on, without what only its end can tell."""
        from analyzer.analysis.findings.cross_connection import OPEN

        connection = self.builder.connection(tcp, conversation, self.evidence)
        connection.findings = [finding for finding in connection.findings if finding.code not in OPEN]
        return connection

    @property
    def open_connections(self) -> list[TcpConnection]:
        """The TCP connections that are followed at present, those that have just ended included."""
        return list(self._flows.connections_open())

    @property
    def settled(self) -> int:
        """All connections below this number have been given, or have no result."""
        floor = self.order.floor()
        return self._begun if floor is None else floor

    @property
    def memory_notes(self) -> list[str]:
        """What was given up for want of memory, in words."""
        return list(self.memory.notes())

    def source(self, source_format: str, warnings: list[str]) -> Source:
        """The capture as a whole, for the reports' head and foot."""
        return source_of(self.name, source_format, self.totals, self.memory, warnings)


def source_of(name: str, source_format: str, totals: CaptureTotals, memory: Memory, warnings: list[str]) -> Source:
    """A capture as a whole: what was counted, and notes of what was left alone or could not be read."""
    notes = []
    if totals.x_protocol_count:
        streams = ", ".join(map(str, totals.x_protocol))
        notes.append(f"{totals.x_protocol_count} X Protocol connections (not decoded): stream {streams}")
    for port, count in sorted(totals.middles.items()):
        them = "1 connection looks" if count == 1 else f"{count} connections look"
        notes.append(f"{them} like MySQL from the middle on, on port {port}: --port {port} shows what was said")
    for number, count in sorted(totals.unknown_link_types.items()):
        notes.append(f"{count} frames of link type {number} can not be read")
    notes += sentences(totals.unfollowed, totals.frames, totals.segments)
    if totals.answers_only:
        of = "1 connection" if totals.answers_only == 1 else f"{totals.answers_only:,} connections"
        notes.append(f"of {of} only what the server sent was captured: answers, and no commands")
    if totals.undecodable:
        notes.append(f"{totals.undecodable} frames have broken or cut headers")
    notes += memory.notes()
    if totals.evicted:
        notes.append(f"{totals.evicted} idle connections were ended early to bound memory")
    return Source(
        name,
        source_format,
        totals.frames,
        totals.tcp_connections,
        totals.mysql_connections,
        totals.first_ns,
        totals.last_ns,
        warnings,
        notes,
        totals.encrypted,
    )


def _turn(number: int, processes: int) -> int:
    """Whose connection it is: the Thue-Morse sequence, fair also where connections of different kinds take turns."""
    total = 0
    while number:
        total += number % processes
        number //= processes
    return total % processes


def load_rules() -> None:
    """Loads what works out connections, once for all processes that are started later."""
    import analyzer.analysis.connection.builder
    import analyzer.analysis.findings.cross_connection  # noqa: F401


def results(told: Iterator[Told]) -> Iterator[Result]:
    """Those of known kinds as whole connections, too."""
    for one in told:
        yield (one.connection(), None) if isinstance(one, Alike) else one


def _packets_in(told: Told) -> int:
    """Packets that are kept for showing."""
    return 0 if isinstance(told, Alike) or told[1] is None else len(told[1].packets)


class InOrder:
    """Puts results in the order of their connections' numbers. What must wait long waits on disk."""

    def __init__(self) -> None:
        # No result yet, in order. A plain dict gets slower and slower where its first items are removed one by one.
        self._open: OrderedDict[int, TcpConnection] = OrderedDict()
        self._heap: list[int] = []  # numbers of the results that wait
        self._waiting: dict[int, Told] = {}
        self._packets = 0  # of those that wait in memory
        self._on_disk: dict[int, tuple[int, int]] = {}
        self._spool: IO[bytes] | None = None

    @property
    def in_memory(self) -> int:
        """Results that wait in memory."""
        return len(self._waiting)

    @property
    def on_disk(self) -> int:
        """Results that wait on disk."""
        return len(self._on_disk)

    def opened(self, connections: list[TcpConnection]) -> None:
        for tcp in connections:
            if tcp.handler is not None:
                self._open[tcp.number] = tcp

    def none(self, number: int) -> None:
        """The connection has no result."""
        self._open.pop(number, None)

    def add(self, number: int, result: Told) -> None:
        self._open.pop(number, None)
        heapq.heappush(self._heap, number)
        packets = _packets_in(result)
        if len(self._waiting) < WAITING and self._packets + packets <= WAITING_PACKETS:
            self._waiting[number] = result
            self._packets += packets
            return
        import pickle
        import tempfile

        if self._spool is None:
            self._spool = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this object
        # Not msgpack: text that is not UTF-8 (lone surrogates) has to survive.
        whole = (result.connection(), None) if isinstance(result, Alike) else result
        raw = pickle.dumps(whole, pickle.HIGHEST_PROTOCOL)
        try:
            self._on_disk[number] = (self._spool.seek(0, 2), len(raw))
            self._spool.write(raw)
        except OSError as error:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error

    def ready(self) -> Iterator[Told]:
        """Results before which no connection is open that may still have one."""
        floor = self.floor()
        while self._heap and (floor is None or self._heap[0] < floor):
            yield self._take(heapq.heappop(self._heap))

    def floor(self) -> int | None:
        """The first connection that may still have a result; None where none is open."""
        while self._open:
            number, tcp = next(iter(self._open.items()))
            handler = tcp.handler
            if isinstance(handler, Conversation) and handler.kind == OTHER:
                del self._open[number]
                continue
            return number
        return None

    def _take(self, number: int) -> Told:
        if number in self._waiting:
            result = self._waiting.pop(number)
            self._packets -= _packets_in(result)
            return result
        offset, size = self._on_disk.pop(number)
        assert self._spool is not None
        import pickle

        self._spool.seek(offset)
        spooled: Told = pickle.loads(self._spool.read(size))
        return spooled

    def rest(self) -> Iterator[Told]:
        self._open.clear()
        yield from self.ready()
        if self._spool is not None:
            self._spool.close()

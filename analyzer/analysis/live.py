"""An analysis that follows a capture while it goes on: tells of a connection when its login is decided, and at its end.

Memory is bounded by what is open: connections that have ended are forgotten, idle ones end by number and by age.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Final

from analyzer.analysis.conversation.classifier import MYSQL
from analyzer.analysis.conversation.conversation import Conversation, Settings
from analyzer.analysis.conversation.login_shapes import PlainSession
from analyzer.analysis.conversation.recognition import begins_connection
from analyzer.analysis.conversation.tls_layer import Secrets
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.analysis.model.connection import Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.options import AnalysisOptions
from analyzer.analysis.pipeline import Analysis, InOrder, Told, results
from analyzer.batches import FrameBatch
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.pieces import Pieces
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.tls.keylog import (
    CLIENT_APPLICATION,
    CLIENT_HANDSHAKE,
    HELD_BYTES,
    SERVER_APPLICATION,
    SERVER_HANDSHAKE,
    KeyLog,
)

# Connections followed at one time; past that the longest idle are told of and forgotten.
MOST_OPEN: Final = 20_000
# So long may a connection be silent before it is told of and forgotten.
IDLE_NS: Final = 3600 * 1_000_000_000
# With a key log that grows: how long the verdict of a login inside TLS may wait for its keys, and its records.
KEYS_DUE_NS: Final = 3_000_000_000
KEYS_LATE_NS: Final = 120_000_000_000

# Servers on other ports that are told apart.
MOST_ELSEWHERE: Final = 100

# What is known of a login.
_OPEN: Final = 0
_SEALED: Final = 1  # it went into TLS, and there is no key yet
_DECIDED: Final = 2

# The secrets that open a session of TLS 1.3.
_TRAFFIC: Final = frozenset({CLIENT_HANDSHAKE, SERVER_HANDSHAKE, CLIENT_APPLICATION, SERVER_APPLICATION})

# (connection, its packets where they are wanted, whether it has ended)
News = tuple[Connection, ConnectionDetail | None, bool]


class Watched(Conversation):
    """Calls `tell` when its login is decided, or when it goes into TLS that nobody can open."""

    __slots__ = ("known", "tell")

    known: int
    tell: Callable[[Watched], None]

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        super().data(sender, data, ends, frames, times)
        self._went_on()

    def pieces(self, pieces: Pieces, first: int, last: int) -> None:
        super().pieces(pieces, first, last)
        self._went_on()  # a login of a known shape is taken whole

    def seal(self, plain: PlainSession, pieces: Pieces, first: int, last: int) -> int:
        """Nothing is taken: it matters when the handshake ends."""
        return first

    def _went_on(self) -> None:
        if self.known != _DECIDED and self.kind == MYSQL:
            self.look()

    def look(self) -> None:
        """Whether the login is decided now."""
        if self.known == _OPEN and self.plain is not None and self.plain.shape.steps:
            self.known = _DECIDED
            self.tell(self)
            return
        facts = self.facts
        if facts.auth.verdict is not None or facts.commands:
            # Commands without a verdict: the login is not in the capture.
            self.known = _DECIDED
            self.tell(self)
            return
        tls = self.tls
        if self.known == _OPEN and tls is not None and tls.handshake.done_frame is not None and not tls.decrypted:
            self.known = _SEALED
            self.tell(self)

    def more_keys(self) -> None:
        """The key log has grown: opens what was kept."""
        if self.tls is not None:
            super().more_keys()
            if self.known != _DECIDED:
                self.look()

    def let_go(self) -> None:
        """No key has come: keeps nothing more for it."""
        if self.tls is not None:
            self.tls.close()


class _WholeSessions(KeyLog):
    """A key log that is being written: of TLS 1.3 it gives no secret of a session before it has both directions' all.

    Whoever writes it learns the secrets one after the other, the last when the client's Finished has come: a session
    opened with some of them would be read in one direction only. `partial`: gives what there is.
    """

    __slots__ = ("partial",)

    def __init__(self) -> None:
        super().__init__()
        self.partial = False

    def find(self, label: str, belongs_to: bytes) -> bytes | None:
        if label in _TRAFFIC and not self.partial and not all(self.has(one, belongs_to) for one in _TRAFFIC):
            return None
        return super().find(label, belongs_to)


class _AtOnce(InOrder):
    """Connections as they end: who waits for an earlier one to end may wait for ever."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: list[Told] = []

    def opened(self, connections: list[TcpConnection]) -> None:
        """The order of opening does not matter."""

    def none(self, number: int) -> None:
        """A connection without a result holds nobody up."""

    def add(self, number: int, result: Told) -> None:
        self._ended.append(result)

    def ready(self) -> Iterator[Told]:
        ended, self._ended = self._ended, []
        yield from ended

    def rest(self) -> Iterator[Told]:
        return self.ready()


class DecidedAnalysis(Analysis):
    """Somebody watches while a capture is made: connections come as they end, and logins as they are decided."""

    conversation: ClassVar[type[Conversation]] = Watched

    def __init__(self, name: str, options: AnalysisOptions) -> None:
        super().__init__(name, options)
        self.hold_nothing_back()
        self.order = _AtOnce()
        self._told: list[Watched] = []

    def _follow(self, tcp: TcpConnection) -> Conversation | None:
        conversation = super()._follow(tcp)
        if isinstance(conversation, Watched):
            conversation.known = _OPEN
            conversation.tell = self._told.append
        return conversation

    def decided(self) -> Iterator[Connection]:
        """Connections that are open, and whose login was decided since the last time."""
        told = self._told.copy()
        self._told.clear()  # the list itself stays: conversations hold on to it
        for conversation in dict.fromkeys(told):
            if conversation.tcp.handler is conversation:
                yield self.so_far(conversation.tcp, conversation)


class LiveAnalysis(DecidedAnalysis):
    """Feed it batches with `take`, call `tick` when time has passed, and `end` once.

    follow_keys  the key log grows: verdicts inside TLS wait for their keys for a while
    shown_ports  connections of servers on other ports are only noted in `elsewhere`; None: all are shown
    elsewhere    (address, port) of such servers -> greetings that were seen
    open_now     connections that are followed at present
    """

    def __init__(
        self,
        name: str,
        options: AnalysisOptions,
        *,
        follow_keys: bool = False,
        most_open: int = MOST_OPEN,
        idle_ns: int = IDLE_NS,
        shown_ports: frozenset[int] | None = None,
    ) -> None:
        super().__init__(name, options)
        self._flows = FlowTable(self._follow, max_open=most_open, opens=begins_connection)
        self._idle_ns = idle_ns
        self.elsewhere: dict[tuple[str, int], int] = {}
        self._shown_ports = shown_ports
        self._aside: list[TcpConnection] = []
        self._follow_keys = follow_keys
        self._growing: _WholeSessions | None = None
        if follow_keys:
            self._growing = _WholeSessions()
            ports, keep, ends, _, allowance = self._settings
            self._settings = Settings(ports, keep, ends, Secrets(self._growing, options.rsa_key), allowance)
            for content in options.keylogs:
                self.add_keys(content)
        elif not options.keylogs and options.rsa_key is None:
            # No key will come: nothing is kept for one.
            self.keys.reserve(HELD_BYTES)
        # Inside TLS, without keys so far: (when that began, whether it was told), longest first.
        self._sealed: OrderedDict[Watched, tuple[int, bool]] = OrderedDict()

    @property
    def open_now(self) -> int:
        return len(self._flows)

    def _follow(self, tcp: TcpConnection) -> Conversation | None:
        conversation = super()._follow(tcp)
        if self._shown_ports is not None and self._shown_ports.isdisjoint(port for _, port in tcp.endpoints):
            self._aside.append(tcp)
        return conversation

    def _note_elsewhere(self) -> None:
        """Notes whose greetings came from ports that nobody asked for, and lets go of them."""
        for tcp in self._aside:
            conversation = tcp.handler
            tcp.handler = None
            self._flows.end_early(tcp)
            if isinstance(conversation, Watched) and conversation.kind == MYSQL:
                server = tcp.endpoints[1 - conversation.client]
                if server in self.elsewhere or len(self.elsewhere) < MOST_ELSEWHERE:
                    self.elsewhere[server] = self.elsewhere.get(server, 0) + 1
        self._aside.clear()

    def take(self, batch: FrameBatch) -> Iterator[News]:
        """What a batch brings: logins decided, then connections ended."""
        ended = list(self.feed(batch))
        self._note_elsewhere()
        yield from self._decided(self.evidence.last_ns)
        for connection, detail in ended:
            yield connection, detail, True

    def _decided(self, now_ns: int) -> Iterator[News]:
        told = self._told.copy()
        self._told.clear()  # the list itself stays: conversations hold on to it
        # Once each: within one batch a session may go into TLS and be opened.
        for conversation in dict.fromkeys(told):
            if conversation.known == _SEALED and self._follow_keys:
                self._sealed[conversation] = (now_ns, False)
                continue
            self._sealed.pop(conversation, None)
            yield self.so_far(conversation.tcp, conversation), None, False

    def _finished(self, tcp: TcpConnection) -> bool:
        if isinstance(tcp.handler, Watched):
            self._sealed.pop(tcp.handler, None)  # no key is awaited for it any more
        growing = self._growing
        if growing is None:
            return super()._finished(tcp)
        # What has not come by now is not awaited any more.
        growing.partial = True
        followed = super()._finished(tcp)
        growing.partial = False
        return followed

    def poll_keys(self, files: Iterable[KeyLogFile]) -> Iterator[News]:
        """Key logs may have grown: sessions whose records were kept are opened then."""
        grown = [file.poll(self.keys) for file in files]
        if not any(grown):
            return
        for conversation in list(self._sealed):
            conversation.more_keys()
            if conversation.tls is not None and conversation.tls.decrypted:
                self._sealed.pop(conversation, None)
        yield from self._decided(self.evidence.last_ns)

    def tick(self, now_ns: int) -> Iterator[News]:
        """`now_ns` has come: idle connections end, and verdicts no longer wait for keys."""
        for conversation, (since, told) in list(self._sealed.items()):
            if conversation.tcp.handler is None:
                del self._sealed[conversation]  # it has ended
            elif not told and now_ns - since >= KEYS_DUE_NS:
                self._sealed[conversation] = (since, True)
                yield self.so_far(conversation.tcp, conversation), None, False
            elif now_ns - since >= KEYS_LATE_NS:
                conversation.let_go()
                del self._sealed[conversation]
        ended = self._flows.expire(now_ns, self._idle_ns)
        if ended:
            self.evidence.last_ns = max(self.evidence.last_ns, now_ns)
        for tcp in ended:
            self._finished(tcp)
        self.count_up()
        # What was held back for lost segments came out at the end.
        yield from self._decided(now_ns)
        for connection, detail in results(self.judged(self.order.ready())):
            yield connection, detail, True

    def end(self) -> Iterator[News]:
        """The capture is over: what is still open is told of."""
        ended = list(self.finish(cut_short=False))
        yield from self._decided(self.evidence.last_ns)
        for connection, detail in ended:
            yield connection, detail, True

"""What a TCP connection is: holds back its first bytes until they, or its port, tell."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from analyzer.analysis.conversation import recognition as recognise
from analyzer.analysis.conversation.resync import begins_in_the_middle
from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.records.proxy import decode_proxy

# What is known of the connection.
UNDECIDED: Final = 0
MYSQL: Final = 1
OTHER: Final = 2
X_PROTOCOL: Final = 3

# Bytes of each direction that are kept until it is known what the connection is.
UNDECIDED_BYTES: Final = 1 << 17
# Bytes of a direction that said NO: enough for the X Protocol's first message.
REFUSED_BYTES: Final = 64

Chunk = tuple[int, bytes, list[int], list[int], list[int]]


class HeldBytes(msgspec.Struct, frozen=True):
    """Bytes of a side: the number of their first, and what each of their segments acknowledges."""

    chunk: Chunk
    seq: int
    acks: list[int]


class LostBytes(NamedTuple):
    """Bytes of a side that are missing, up to the sequence number `number`."""

    sender: int
    length: int
    reason: str
    frame: int
    time_ns: int
    number: int


class Undecided:
    """Takes stream events until `kind` is not UNDECIDED; then `client` is the index of the client's endpoint.

    `assumed`: only the port says that it is MySQL. `chunks` are the events that were held back, for whoever goes on,
    with the numbers of their segments.
    """

    __slots__ = ("_first", "_lost", "_ports", "_said_no", "_tcp", "assumed", "chunks", "client", "kind", "middle_port")

    def __init__(self, tcp: TcpConnection, ports: frozenset[int]) -> None:
        self._tcp = tcp
        self._ports = ports
        self._first: list[bytes] = [b"", b""]
        self._said_no = [False, False]
        self._lost = [False, False]
        self.chunks: list[HeldBytes | LostBytes] = []
        self.kind = UNDECIDED
        self.client = 0
        self.assumed = False
        # The server's port where both sides look like MySQL from its middle on, and the port is not one of MySQL's.
        self.middle_port: int | None = None

    @property
    def held(self) -> int:
        """Bytes of memory that are kept until it is known what the connection is."""
        held = (len(one.chunk[1]) for one in self.chunks if isinstance(one, HeldBytes))
        return sum(held) + sum(map(len, self._first))

    @property
    def greeting_lost(self) -> bool:
        """The client's login was recognised, and the greeting before it is not in the capture."""
        server = 1 - self.client
        return not self._first[server] or (self._lost[server] and self._said_no[server])

    def first_of(self, sender: int) -> bytes:
        """What a side said in its first segment; empty where nothing was held back of it."""
        for one in self.chunks:
            if isinstance(one, HeldBytes) and one.chunk[0] == sender:
                return one.chunk[1][: one.chunk[2][0]]
        return b""

    @property
    def lost(self) -> bool:
        """Bytes were missing among those that were held back."""
        return any(self._lost)

    def data(self, chunk: Chunk, seq: int, acks: list[int]) -> None:
        """Takes bytes: the number of their first, and what each of their segments acknowledges, go with them."""
        self.chunks.append(HeldBytes(chunk, seq, acks))
        self._first[chunk[0]] += chunk[1][:UNDECIDED_BYTES]
        self._decide()
        if self.kind == UNDECIDED and sum(map(len, self._first)) > UNDECIDED_BYTES:
            self.give_up()

    def gap(self, lost: LostBytes) -> None:
        """Bytes are missing: what is cut there may be told from what came before."""
        sender = lost.sender
        self.chunks.append(lost)
        self._lost[sender] = True
        first = self._first[sender]
        initiator = self._tcp.initiator
        if initiator != sender and recognise.is_cut_greeting(first):
            self._is_mysql(client=1 - sender)
        elif initiator in (None, sender) and recognise.is_cut_login(first):
            self._is_mysql(client=sender)

    def _decide(self) -> None:
        """Looks at each direction that has not been ruled out."""
        initiator = self._tcp.initiator
        for sender in (0, 1):
            first = self._first[sender]
            if not first or self._said_no[sender]:
                continue
            verdicts: list[int] = []
            if initiator != sender:
                greets = recognise.is_greeting(first)
                verdict = greets if greets == recognise.YES else recognise.is_early_error(first, initiator is not None)
                if verdict == recognise.YES:
                    self._is_mysql(client=1 - sender)
                    return
                verdicts += (greets, verdict)
            if initiator in (None, sender):
                verdict = recognise.is_login(self._without_proxy(first))
                if verdict == recognise.YES:
                    self._is_mysql(client=sender)
                    return
                verdicts.append(verdict)
            if self._proxied(first):
                verdicts.append(recognise.MORE)
            if recognise.MORE not in verdicts:
                self._said_no[sender] = True
        if self._is_x():
            self.kind = X_PROTOCOL
            self.chunks.clear()
        elif (
            all(self._said_no)
            or (any(self._said_no) and self._server_port() is not None)
            or (any(self._said_no) and sum(map(len, self._first)) > REFUSED_BYTES * 64)
        ):
            self.give_up()

    def _is_x(self) -> bool:
        for server in (0, 1):
            if self._tcp.initiator == server:
                continue
            port = self._tcp.endpoints[server][1]
            if recognise.is_x_protocol(self._first[1 - server], self._first[server], port):
                self.client = 1 - server
                return True
        return False

    @staticmethod
    def _without_proxy(first: bytes) -> bytes:
        try:
            header = decode_proxy(first)
        except DecodeError:
            return first
        return first[header.length :] if header is not None else first

    @staticmethod
    def _proxied(first: bytes) -> bool:
        try:
            return decode_proxy(first) is not None
        except Truncated:
            return True
        except BadValue:
            return False

    def _server_port(self) -> int | None:
        """The endpoint whose port is one of MySQL's, None where neither or both are."""
        ports = self._ports
        a, b = (endpoint[1] in ports for endpoint in self._tcp.endpoints)
        initiator = self._tcp.initiator
        if initiator is not None:
            server = 1 - initiator
            return server if (a, b)[server] else None
        return None if a == b else 0 if a else 1

    def give_up(self) -> None:
        """No start of a MySQL connection is there: assumed where the port is MySQL's, else something else."""
        server = self._server_port()
        if server is None:
            self.kind = OTHER
            if self._tcp.syn_ns is None and not self.lost:
                sides = [self.first_of(0), self.first_of(1)]
                likely = [one for one in (0, 1) if begins_in_the_middle(sides[1 - one], sides[one])]
                self.middle_port = self._tcp.endpoints[likely[0]][1] if likely else None
            self.chunks.clear()
            self._first = [b"", b""]
            return
        self._is_mysql(client=1 - server, assumed=True)

    def _is_mysql(self, client: int, assumed: bool = False) -> None:
        self.kind = MYSQL
        self.client = client
        self.assumed = assumed

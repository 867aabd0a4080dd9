"""The plain text of connections in TLS or compression: what was said, without what was around it.

What is inside becomes a connection without TLS and compression: the SSLRequest goes, the ids of the login's packets
close up, and the client's flags no longer ask for what is gone.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from typing import Final, NamedTuple

from analyzer.analysis.conversation.conversation import Conversation
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320, SSLRequest, SSLRequest320
from analyzer.protocol.tables.capabilities import (
    CLIENT_COMPRESS,
    CLIENT_SSL,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
)
from analyzer.protocol.wire.framing import RawPacket, encode_packet
from analyzer.sharing.appended_file import AppendedFile
from analyzer.sharing.rows_on_disk import RowsOnDisk
from analyzer.sharing.watched import ConversationObserver

LAYERS: Final = CLIENT_SSL | CLIENT_COMPRESS | CLIENT_ZSTD_COMPRESSION_ALGORITHM
# Bytes of packets that wait until it is known whether anything is around them.
MOST_WAITING: Final = 1 << 20
# Of a packet so many bytes are kept.
KEEP: Final = 1 << 26
_NEVER: Final = 1 << 62  # no frame has this number


class Piece(NamedTuple):
    """Plain text that a frame completed. `missing` bytes that nobody has follow it."""

    frame: int
    side: int
    data: bytes
    missing: int


class _Waiting:
    """Text of a connection that has no number yet."""

    __slots__ = ("data", "frame", "missing", "sender")

    def __init__(self, sender: int, frame: int, data: bytes | bytearray, missing: int) -> None:
        self.sender = sender
        self.frame = frame
        self.data = bytearray(data)
        self.missing = missing


class PlainSpool:
    """Plain text of all connections, on disk. `settle` after each batch; `opened` are the connections it is of."""

    def __init__(self) -> None:
        self._file = AppendedFile()
        self._pending: list[tuple[TcpConnection, list[_Waiting]]] = []
        self._index = RowsOnDisk(5)  # frame, side, offset, length, missing
        self.opened: set[int] = set()

    def add(self, tcp: TcpConnection, pieces: list[_Waiting]) -> None:
        """Text of a connection, in order."""
        self._pending.append((tcp, pieces))

    def settle(self) -> None:
        """A batch is over, and its connections have their numbers."""
        if not self._pending:
            return
        rows = array("q")
        at = self._file.add(b"".join([one.data for _, pieces in self._pending for one in pieces]))
        for tcp, pieces in self._pending:
            self.opened.add(tcp.number)
            for one in pieces:
                rows.extend((one.frame, 2 * tcp.number + one.sender, at, len(one.data), one.missing))
                at += len(one.data)
        self._pending.clear()
        self._index.add(rows)

    def read(self) -> PlainReader:
        """All of it, in the order of frames."""
        return PlainReader(self._file, self._index.sorted())

    @property
    def files(self) -> tuple[AppendedFile, ...]:
        """What several processes may add to."""
        return self._file, self._index.file

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()
        self._index.close()


class PlainReader:
    """Gives the text again, as far as it is asked for. `due` is the frame that the next piece is of."""

    def __init__(self, file: AppendedFile, index: list[memoryview]) -> None:
        self._number = file.fileno()
        self._index = index
        self._next = 0
        self.due = self._frame()

    def _frame(self) -> int:
        frame: int = self._index[0][self._next]
        return frame if frame >= 0 else _NEVER

    def up_to(self, frame: int) -> list[Piece]:
        """What the frames up to this one completed and was not given before."""
        found: list[Piece] = []
        while self.due <= frame:
            number, side, offset, length, missing = (column[self._next] for column in self._index)
            found.append(Piece(number, side, os.pread(self._number, length, offset), missing))
            self._next += 1
            self.due = self._frame()
        return found


class PlainWatcher(ConversationObserver):
    """Hands the text of one connection to a spool, once it is known to have been in TLS or compressed.

    `redacted` makes of a packet's payload what is written in its place.
    """

    __slots__ = ("_client", "_conversation", "_shift", "_size", "_spool", "_tcp", "_waiting", "opened", "over")

    def __init__(self, tcp: TcpConnection, spool: PlainSpool) -> None:
        self._tcp = tcp
        self._spool = spool
        self._conversation: Conversation | None = None
        self._client = 0
        self._waiting: list[_Waiting] = []
        self._size = 0
        self._shift = 0
        self.over = False
        self.opened = False

    @property
    def full(self) -> bool:
        return self.over

    @property
    def held(self) -> int:
        return self._size

    def follow(self, conversation: Conversation) -> None:
        """The conversation that it looks on at."""
        self._conversation = conversation

    def begin(self, client: int) -> None:
        self._client = client

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        self.take(role, packet, record, machine, before, packet.payload)

    def take(
        self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str, payload: bytes
    ) -> bytes:
        """A packet, with the payload that is to be written; what is written then."""
        if self.over:
            return b""
        self._decide(machine)
        data = plain_packet(packet, record, payload, self._shift)
        missing = max(packet.length - len(packet.payload), 0)
        if isinstance(record, SSLRequest | SSLRequest320):
            self._shift = 1
        elif before not in st.CONNECTION_PHASE or machine.state not in st.CONNECTION_PHASE:
            self._shift = 0  # ids begin anew with each command
        if data:
            self._put(role, packet.frame, data, missing)
        return data

    def reveal(self, pieces: list[tuple[int, int, bytes | bytearray]]) -> None:
        """All that TLS held: who said it, its frame, and its packets as they are to be written."""
        self.opened = True
        for role, frame, data in pieces:
            self._put(role, frame, data, 0)

    def ask(self, frame: int, greeting: bytes) -> None:
        """A greeting, its packet as it is to be written, and an SSLRequest."""
        self._shift = 1
        self._put(SERVER, frame, greeting, 0)

    def rows(self, frame: int, packets: bytes | bytearray) -> None:
        """Rows that end in one frame, their packets as they are to be written."""
        self._put(SERVER, frame, packets, 0)

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        if not self.over:
            self._put(role, frame, b"", max(length, 1))

    def close(self) -> None:
        if not self.opened:
            self._waiting.clear()
        self._flush()
        self._conversation = None

    def _decide(self, machine: Machine) -> None:
        """Whether anything is around the packets."""
        if self.opened:
            return
        conversation = self._conversation
        session = conversation.tls if conversation is not None else None
        if (session is not None and session.decrypted) or machine.compression is not None:
            self.opened = True
        elif session is None and machine.login_done and machine.state not in st.CONNECTION_PHASE:
            self.over = True
            self._waiting.clear()
            self._size = 0

    def _put(self, role: int, frame: int, data: bytes | bytearray, missing: int) -> None:
        sender = self._client if role == CLIENT else 1 - self._client
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last.frame == frame and last.sender == sender and not last.missing:
            last.data += data
            last.missing = missing
        else:
            self._waiting.append(_Waiting(sender, frame, data, missing))
        self._size += len(data)
        if self._size > MOST_WAITING:
            if self.opened:
                self._flush()
            else:
                self.over = True  # whatever it is: a login has not so many bytes
                self._waiting.clear()
                self._size = 0

    def _flush(self) -> None:
        if self._waiting:
            self._spool.add(self._tcp, self._waiting)
        self._waiting = []
        self._size = 0


def watcher_for(spool: PlainSpool) -> Callable[[TcpConnection], PlainWatcher]:
    """Makes a watcher for each connection."""
    return lambda tcp: PlainWatcher(tcp, spool)


def plain_packet(packet: RawPacket, record: AnyRecord, payload: bytes, shift: int) -> bytes:
    """A packet as it goes over the wire without TLS and compression; empty for one that only asks for them.

    `shift` is what the packets before it are fewer.
    """
    if isinstance(record, SSLRequest | SSLRequest320):
        return b""
    if isinstance(record, HandshakeResponse41) and len(payload) >= 4:
        flags = int.from_bytes(payload[:4], "little") & ~LAYERS
        end = len(payload)
        if record.zstd_compression_level is not None and not record.trailing:
            end -= 1
        payload = flags.to_bytes(4, "little") + payload[4:end]
    elif isinstance(record, HandshakeResponse320) and len(payload) >= 2:
        flags = int.from_bytes(payload[:2], "little") & ~LAYERS & 0xFFFF
        payload = flags.to_bytes(2, "little") + payload[2:]
    first = (packet.first_sequence_id - shift) & 0xFF
    if packet.length > len(packet.payload):
        # Its end is not there: the head says how long it is, and the rest is missing.
        return min(packet.length, 0xFF_FFFF).to_bytes(3, "little") + bytes([first]) + payload
    return encode_packet(payload, first)

"""MySQL packets over a transport, strictly: what the server sends has to be what the state table awaits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from analyzer.errors import BadValue, DecodeError, ProtocolError
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine, SequenceError
from analyzer.protocol.records.authentication import AuthMoreData
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.wire.compression import CompressedFramer, encode_compressed
from analyzer.protocol.wire.framing import HEADER, PacketFramer, RawPacket, encode_packet
from live_client.errors import ClosedByServer, TimedOut
from live_client.listener import Listener
from live_client.service_detection import LONGEST, PROBE, stranger
from live_client.transport import Transport

# Bytes of a packet that are waited for: a login has few, a row may be as long as servers allow by default.
LONGEST_OF_LOGIN: Final = 1 << 20
LONGEST_PAYLOAD: Final = 1 << 26
# Bytes a second that a long packet has to come with at least, on top of the time for a step.
SLOWEST: Final = 1 << 16
# Content of one compressed frame; a longer one would not fit its header.
COMPRESSED_PART: Final = 1 << 20
TLS_HEADER: Final = 5
PROBE_TIMEOUT: Final = 2.0

# What is due in each state, for messages. All other states: the response to the command.
AWAITED: Final[dict[str, str]] = {
    st.GREETING: "its greeting",
    st.LOGIN: "its word on what was sent in place of a login",
    st.TLS_HANDSHAKE: "the TLS handshake",
    st.SECURE_LOGIN: "its word on the login",
    st.AUTHENTICATION: "its answer to the login",
    st.COMMAND: "anything (no command is open)",
    st.LOCAL_INFILE: "its word on the file",
}

R = TypeVar("R", bound=Record)


class Channel:
    """Sends and receives packets.

    `machine` is the connection's state, `framer` what cuts the server's bytes into packets, `received` how many came.
    """

    def __init__(
        self,
        transport: Transport,
        listener: Listener,
        note: Callable[[AnyRecord, str], None],
        timeout: float = 10.0,
    ) -> None:
        self.transport = transport
        self.listener = listener
        self._note = note  # is told each record of the server and the state it came in, in order or not
        self._timeout = timeout
        self.now = time.monotonic
        self.machine = Machine()
        self.received = 0  # packets
        self.change_wire: Callable[[bytes], bytes] | None = None  # a fault's: applied to one packet, then forgotten
        self.framer = PacketFramer(LONGEST_PAYLOAD)
        self._framer_at = 0  # stream bytes of the server before the packet that comes next
        self._opener: CompressedFramer | None = None
        self._compressed_sequence = 0
        self._first = b""
        self._records = b""
        self._put_back = b""

    @property
    def awaited(self) -> str:
        """What the server is to send next, in words."""
        return AWAITED.get(self.machine.state, "its response")

    # -- out --------------------------------------------------------------------------------------------------------

    def send(self, record: Record, sequence: int | None = None) -> None:
        """Sends a record as the next packet of the exchange; a command begins a new one (`sequence` 0)."""
        self.send_payload(record.to_bytes(self.machine.context), sequence)

    def send_payload(self, payload: bytes, sequence: int | None = None) -> None:
        machine = self.machine
        if sequence is None:
            sequence = max(machine.next_sequence, 0)
        if sequence == 0:
            self._compressed_sequence = 0
        wire = encode_packet(payload, sequence)
        if self.change_wire is not None:
            # A fault: the machine is told what really goes out, unless it is no whole packet.
            wire, self.change_wire = self.change_wire(wire), None
            sequence, payload = wire[3], wire[HEADER:]
            if len(payload) < int.from_bytes(wire[:3], "little"):
                self._write(wire)
                return
        last = (sequence + len(payload) // 0xFF_FFFF) & 0xFF
        packet = RawPacket(last, payload, len(payload), 0, 0, 0, 0, sequence)
        record = machine.feed(CLIENT, packet)
        self.listener.packet(CLIENT, packet, record, machine.detail)
        self._write(wire)

    def send_raw(self, data: bytes) -> None:
        """Bytes that are no packet (a PROXY header, a fault)."""
        self.transport.send(data)

    def _write(self, wire: bytes) -> None:
        if self._opener is None:
            self.transport.send(wire)
            return
        for start in range(0, len(wire), COMPRESSED_PART):
            part = wire[start : start + COMPRESSED_PART]
            self.transport.send(encode_compressed(part, self._compressed_sequence, self._opener.algorithm))
            self._compressed_sequence = (self._compressed_sequence + 1) & 0xFF

    def put_back(self, data: bytes) -> None:
        """Bytes that were taken from the transport and are to be read here."""
        self._put_back += data

    # -- in ---------------------------------------------------------------------------------------------------------

    def receive(self) -> AnyRecord:
        """The server's next packet. Raises ProtocolError with the byte where it is not what has to come now."""
        machine = self.machine
        packet = self.framer.next()
        if packet is None:
            begun = self.now()
            while packet is None:
                self._read()
                packet = self.framer.next()
                if packet is None:
                    self._bound(self.now() - begun)
        at = self._framer_at
        self._framer_at += packet.length + HEADER * (1 + packet.length // 0xFF_FFFF)
        self.received += 1
        before = machine.state
        record = machine.feed(SERVER, packet)
        self.listener.packet(SERVER, packet, record, machine.detail)
        self._note(record, before)
        self._check(record, packet, at, before)
        if machine.compression is not None and self._opener is None:
            self._opener = CompressedFramer(machine.compression)
        return record

    def _bound(self, waited: float) -> None:
        """A packet is on its way: no longer and no larger than a server in its right mind makes it."""
        pending = self.framer.pending
        longest = LONGEST_OF_LOGIN if self.machine.state in st.CONNECTION_PHASE else LONGEST_PAYLOAD
        if pending > longest:
            raise ProtocolError(f"a packet of more than {longest} bytes where {self.awaited} is due")
        if waited > self._timeout + pending / SLOWEST:
            raise TimedOut(f"no whole packet came in {waited:.1f} s; awaited was {self.awaited}{self._pending()}")

    def nothing_behind(self) -> None:
        """Raises ProtocolError for bytes behind the last packet: TLS begins, and they would pass for what it brings."""
        size = self.framer.pending + len(self._put_back)
        if size:
            raise ProtocolError(
                f"{size} bytes came behind the greeting, before TLS: somebody in between may have put them there"
            )

    def _check(self, record: AnyRecord, packet: RawPacket, at: int, before: str) -> None:
        machine = self.machine
        where = f"packet {self.received} from the server, awaited was {AWAITED.get(before, 'its response')}"
        wrong = machine.sequence_error
        if wrong is None and before == st.GREETING and packet.first_sequence_id != 0:
            # The analyzer takes a connection up anywhere; a client is there from the first packet on.
            wrong = SequenceError(SERVER, 0, packet.first_sequence_id)
        if wrong is not None:
            raise ProtocolError(
                f"{where}: byte 3 of its header (byte {at + 3} of the stream) is the sequence id: "
                f"{wrong.expected} expected, {wrong.found} found"
            )
        if isinstance(record, Malformed):
            raise ProtocolError(
                f"{where}: {record.record_type}.{record.field} at byte {record.offset} of the payload "
                f"(byte {at + HEADER + record.offset} of the stream): {record.reason}"
            )
        if isinstance(record, AuthMoreData) and not record.has_mark and not machine.context.mariadb:
            first = f"0x{packet.payload[0]:02x}" if packet.payload else "nothing"
            raise ProtocolError(
                f"{where}: byte 0 of the payload (byte {at + HEADER} of the stream): "
                f"0x00, 0x01, 0xfe or 0xff expected, {first} found"
            )

    def decode(self, kind: type[R], payload: bytes) -> R:
        """A record whose place the state machine only counts (a column, a row). Raises ProtocolError."""
        try:
            return kind.from_bytes(payload, self.machine.context)
        except DecodeError as error:
            raise self.broken(error) from error

    def broken(self, error: DecodeError) -> ProtocolError:
        at = self._framer_at - error.offset
        return ProtocolError(f"packet {self.received} from the server (it ends at byte {at} of the stream): {error}")

    def _read(self) -> None:
        """Takes bytes from the transport. Raises ConnectionFailed where there are none."""
        try:
            data, self._put_back = self._put_back or self.transport.receive(), b""
        except TimedOut as error:
            if self.machine.state == st.GREETING and not self._first:
                self._probe(error)
            raise TimedOut(f"{error}; awaited was {self.awaited}{self._pending()}") from error
        except ClosedByServer as error:
            raise ClosedByServer(f"{error}; awaited was {self.awaited}{self._pending()}") from error
        if not data:
            raise ClosedByServer(f"the server closed the connection; awaited was {self.awaited}{self._pending()}")
        if self.machine.state == st.GREETING and len(self._first) < LONGEST:
            self._first += data
            found = stranger(self._first)
            if found is not None:
                raise found
        if self.machine.state == st.TLS_HANDSHAKE:
            data = self._after_tls_records(data)
        if self._opener is not None:
            try:
                data = self._opener.push(data)
                if self._opener.sequence_id is not None:
                    # An answer within an exchange (a file, a password) goes on where the server's frames ended.
                    self._compressed_sequence = (self._opener.sequence_id + 1) & 0xFF
            except BadValue as error:
                raise ProtocolError(
                    f"the server's compressed stream breaks at byte {error.offset}: {error.reason}"
                ) from error
        if not data:
            return
        self.framer.push(data, [len(data)], [0], [0])

    def _after_tls_records(self, data: bytes) -> bytes:
        """What follows TLS records in plain text: a server says in an alert and in an error that there is no TLS."""
        data, self._records = self._records + data, b""
        while data[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and data[1:2] in (b"", b"\x03"):
            size = TLS_HEADER + int.from_bytes(data[3:TLS_HEADER], "big")
            if len(data) < max(size, TLS_HEADER):
                self._records = data
                return b""
            data = data[size:]
        return data

    def _pending(self) -> str:
        pending = self.framer.pending + (self._opener.pending if self._opener is not None else 0)
        return f", {pending} bytes of a packet have come" if pending else ""

    def _probe(self, timeout: TimedOut) -> None:
        """A server that says nothing: MySQL speaks first, others wait. Raises NotMySQL if it can be made to speak."""
        self.listener.step("nothing came, and a MySQL server speaks first: ask in HTTP what is there")
        self.transport.set_timeout(PROBE_TIMEOUT)
        try:
            self.transport.send(PROBE)
            answer = self.transport.receive()
        except (TimedOut, ClosedByServer):
            answer = b""
        found = stranger(answer)
        if found is not None:
            raise found from timeout

    def secured(self, transport: Transport) -> None:
        """TLS is on: packets go through `transport` from here on. Raises ProtocolError for bytes in front of it."""
        self.nothing_behind()
        self.transport = transport
        self.machine.secured()

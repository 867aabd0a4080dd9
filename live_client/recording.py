"""Writes the client's own conversation as pcapng: the bytes are those that went over the wire, the frames are made.

Addresses and times are real. TCP's own packets (SYN, FIN, sequence numbers) are made up to fit the bytes: what the
kernel sent beside them (acknowledgements, retransmissions) is not known here. Needs no privileges.
"""

from __future__ import annotations

import ipaddress
import struct
import time
from collections.abc import Callable
from typing import BinaryIO, Final

from analyzer.capture import PcapngWriter
from live_client.errors import ClosedByServer
from live_client.transport import Address, Transport
from live_client.wrapped_transport import WrappedTransport

RAW_IP: Final = 101
CLIENT: Final = 0
SERVER: Final = 1
# An Ethernet segment's worth of payload.
SEGMENT: Final = 1448
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_WINDOW: Final = 0xFFFF
_MAXIMUM_SEGMENT_SIZE: Final = struct.pack("!BBH", 2, 4, SEGMENT)


class Recorder:
    """One connection as a capture. Written as it goes, so that a crash leaves what was there before it.

    `hold` keeps frames back until `secrets` has their keys: readers want the keys before the frames.
    """

    def __init__(self, file: BinaryIO, now: Callable[[], int] = time.time_ns) -> None:
        self._file = file
        self._writer = PcapngWriter(file, link_type=RAW_IP)
        self._now = now
        self._held: list[tuple[bytes, int]] | None = None
        self._ends: tuple[Address, Address] = (("0.0.0.0", 0), ("0.0.0.0", 0))
        # Initial sequence numbers that are easy to read.
        self._next = [1000, 5000]
        self._ended = [False, False]
        self._last_ns = 0
        self._identification = 0

    def connected(self, local: Address, peer: Address, begun_ns: int) -> None:
        """The TCP connection came about; its SYN was sent at `begun_ns`."""
        # A host name's zone (%eth0) is no part of the address in a frame.
        self._ends = ((local[0].split("%")[0], local[1]), (peer[0].split("%")[0], peer[1]))
        now = self._now()
        self._frame(CLIENT, SYN, b"", begun_ns, options=_MAXIMUM_SEGMENT_SIZE)
        self._frame(SERVER, SYN | ACK, b"", now, options=_MAXIMUM_SEGMENT_SIZE)
        self._frame(CLIENT, ACK, b"", now)

    def data(self, sender: int, data: bytes) -> None:
        now = self._now()
        for start in range(0, len(data), SEGMENT):
            part = data[start : start + SEGMENT]
            last = start + SEGMENT >= len(data)
            self._frame(sender, ACK | PSH if last else ACK, part, now)

    def ended(self, sender: int) -> None:
        """`sender` says that it sends no more (FIN)."""
        if not self._ended[sender]:
            self._ended[sender] = True
            self._frame(sender, FIN | ACK, b"", self._now())
            if all(self._ended):
                self._frame(1 - sender, ACK, b"", self._now())

    def reset(self, sender: int) -> None:
        """`sender` ended the connection at once (RST)."""
        if not all(self._ended):
            self._frame(sender, RST | ACK, b"", self._now())
            self._ended = [True, True]

    def hold(self) -> None:
        if self._held is None:
            self._held = []

    def secrets(self, keylog: bytes) -> None:
        """Writes the keys, and the frames that were held back for them."""
        if keylog:
            self._writer.secrets(keylog)
        held, self._held = self._held or [], None
        for frame, time_ns in held:
            self._writer.write(frame, time_ns)
        self._file.flush()

    def finish(self) -> None:
        self.secrets(b"")

    def _frame(self, sender: int, flags: int, payload: bytes, time_ns: int, *, options: bytes = b"") -> None:
        # The clock may be set back in the middle; a capture's order is its frames' order.
        time_ns = self._last_ns = max(time_ns, self._last_ns)
        source, target = self._ends[sender], self._ends[1 - sender]
        acknowledged = self._next[1 - sender] if flags & ACK else 0
        self._identification = (self._identification + 1) & 0xFFFF
        segment = _tcp((source, target), (self._next[sender], acknowledged), flags, options, payload)
        frame = _ip(source[0], target[0], self._identification, segment)
        self._next[sender] = (self._next[sender] + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFF_FFFF
        if self._held is not None:
            self._held.append((frame, time_ns))
        else:
            self._writer.write(frame, time_ns)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\x00"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _tcp(ends: tuple[Address, Address], numbers: tuple[int, int], flags: int, options: bytes, payload: bytes) -> bytes:
    """RFC 9293, section 3.1."""
    (source, source_port), (target, target_port) = ends
    head = struct.pack(
        "!HHIIBBHHH", source_port, target_port, *numbers, (20 + len(options)) // 4 << 4, flags, _WINDOW, 0, 0
    )
    segment = head + options + payload
    pseudo = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed
    pseudo += struct.pack(
        "!HH" if len(pseudo) == 8 else "!IxxxB", *((6, len(segment)) if len(pseudo) == 8 else (len(segment), 6))
    )
    return segment[:16] + struct.pack("!H", _checksum(pseudo + segment)) + segment[18:]


def _ip(source: str, target: str, identification: int, segment: bytes) -> bytes:
    """RFC 791 or RFC 8200."""
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(target)
    if a.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + a.packed + b.packed + segment
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), identification, 0x4000, 64, 6, 0) + a.packed + b.packed
    return head[:10] + struct.pack("!H", _checksum(head)) + head[12:] + segment


class TapedTransport(WrappedTransport):
    """Tells a Recorder all that goes through it."""

    def __init__(self, inner: Transport, recorder: Recorder) -> None:
        super().__init__(inner)
        self._recorder = recorder

    def send(self, data: bytes) -> None:
        # Noted first: the answer must not be older than the question.
        self._recorder.data(CLIENT, data)
        self.inner.send(data)

    def receive(self) -> bytes:
        try:
            data = self.inner.receive()
        except ClosedByServer:
            self._recorder.reset(SERVER)
            raise
        if data:
            self._recorder.data(SERVER, data)
        else:
            self._recorder.ended(SERVER)
        return data

    def end(self) -> None:
        self._recorder.ended(CLIENT)
        self.inner.end()

    def abort(self) -> None:
        self._recorder.reset(CLIENT)
        self.inner.abort()

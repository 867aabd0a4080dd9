"""Frames from scapy's socket, one at a time: where the system has no packet ring.

Only scapy's way to the raw bytes is used (recv_raw), never its dissection.
"""

from __future__ import annotations

import ctypes
import errno
import select
import socket
import struct
import time
from typing import Any, Final

import numpy as np

from analyzer.capture.live.errors import NoPermission
from analyzer.capture.live.frames import FrameBuffer
from analyzer.capture.live.interfaces import LINUX, Port
from analyzer.capture.live.programs import Program
from analyzer.capture.live.ring import PACKET_STATISTICS, SO_ATTACH_FILTER, SOL_PACKET, why
from analyzer.errors import CaptureError

AT_ONCE: Final = 1000
SECOND_NS: Final = 1_000_000_000


class GeneralSource:
    """One interface captured through scapy's listening socket. Raises as RingSource does.

    `text` is the filter in libpcap's language, for systems whose sockets take that; Linux gets `program`.
    """

    def __init__(
        self, port: Port, program: Program, text: str, *, number: int, buffer: int, snaplen: int, promiscuous: bool
    ) -> None:
        import scapy.arch  # noqa: F401 - sets conf.L2listen
        from scapy.config import conf
        from scapy.error import Scapy_Exception

        self.port = port
        self.number = number
        self.down: str | None = None
        self._snaplen = snaplen
        self._received = self._dropped = self._given = 0
        self._kept: list[bytes] = []
        if port.cooked:
            raise CaptureError(port.name, "is not captured this way; name interfaces with an Ethernet or IP header")
        try:
            self._scapy: Any = conf.L2listen(
                iface=port.name, promisc=promiscuous, filter=None if LINUX else text or None
            )
        except PermissionError as error:
            raise NoPermission(port.name) from error
        except OSError as error:
            raise CaptureError(port.name, why(error)) from error
        except Scapy_Exception as error:
            if "permission" in str(error).lower() or "root" in str(error).lower():
                raise NoPermission(port.name) from error
            raise CaptureError(port.name, str(error)) from error
        if LINUX:
            sock = self._scapy.ins
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            sock.setblocking(False)
            self._attach(program)
            # What came in before the filter was there.
            while self._one() is not None:
                self._kept.clear()
            sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)

    def _attach(self, program: Program) -> None:
        code = ctypes.create_string_buffer(program.code, len(program.code))
        fprog = struct.pack("@HP", len(program.code) // 8, ctypes.addressof(code))
        self._scapy.ins.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)

    def fileno(self) -> int:
        number: int = self._scapy.fileno()
        return number

    def _one(self) -> tuple[bytes, int] | None:
        """(bytes, time in ns) of the next frame, None where there is none."""
        try:
            _, data, seconds = self._scapy.recv_raw()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno in (errno.ENETDOWN, errno.ENODEV, errno.ENXIO):
                self.down = "went down"
            else:
                self.down = f"can not be read: {why(error)}"
            return None
        if data is None:
            return None
        return data, time.time_ns() if seconds is None else int(seconds * SECOND_NS)

    def take(self) -> FrameBuffer | None:
        """The frames that have come, up to AT_ONCE."""
        found: list[tuple[bytes, int]] = []
        while len(found) < AT_ONCE and (one := self._one()) is not None:
            found.append(one)
        if not found:
            return None
        self._given += len(found)
        lengths = np.array([len(data) for data, _ in found], dtype=np.int64)
        return FrameBuffer(
            memoryview(b"".join([data for data, _ in found])),
            np.full(len(found), self.number, dtype=np.int64),
            np.array([time_ns for _, time_ns in found], dtype=np.int64),
            np.cumsum(lengths) - lengths,
            np.minimum(lengths, self._snaplen),
            lengths,
            None,
            {},
        )

    def release(self) -> None:
        """Nothing to give back: frames were copied."""

    def statistics(self) -> tuple[int, int]:
        """As RingSource's; without counters of the system, what was given."""
        if not LINUX:
            return self._given, 0
        received, dropped = struct.unpack("=II", self._scapy.ins.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._received += received
        self._dropped += dropped
        return self._received, self._dropped

    def failed(self) -> None:
        """See RingSource: here the next `take` finds out."""

    def stop(self) -> None:
        if LINUX:
            self._attach(Program.nothing())

    def drain_seconds(self) -> float:
        return 0.0

    def pending(self) -> bool:
        """Never: what has come can be taken."""
        return False

    def wait(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll(seconds * 1000)

    def close(self) -> None:
        self._scapy.close()

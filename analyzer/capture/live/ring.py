"""Frames from Linux's packet ring: an AF_PACKET socket whose buffer (TPACKET_V3) is shared with the kernel.

The kernel fills blocks of many frames; a block's headers are read as columns and its frames copied, nothing else is
done for each frame. Sources: packet(7), Documentation/networking/packet_mmap.rst, <linux/if_packet.h>.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import select
import socket
import struct
from typing import Final

import numpy as np

from analyzer.batches import I64, U32
from analyzer.capture.live.errors import NoPermission
from analyzer.capture.live.frames import FrameBuffer
from analyzer.capture.live.interfaces import ANY, Port
from analyzer.capture.live.programs import Program
from analyzer.errors import CaptureError

SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_RX_RING: Final = 5
PACKET_STATISTICS: Final = 6
PACKET_VERSION: Final = 10
PACKET_MR_PROMISC: Final = 1
TPACKET_V3: Final = 2
SO_ATTACH_FILTER: Final = 26
ETH_P_ALL: Final = 3

STATUS_USER: Final = 1
STATUS_VLAN: Final = 1 << 4
STATUS_VLAN_TPID: Final = 1 << 6
TPID: Final = 0x8100

# A block: version, offset to private area, then status, number of frames, offset of the first, length.
_BLOCK: Final = struct.Struct("=IIIIII")
_STATUS: Final = 8
# struct tpacket3_hdr is 48 bytes, struct sockaddr_ll behind it 20.
HEADER_WORDS: Final = 17
_WORD: Final = struct.Struct("=I")

FRAME_SIZE: Final = 2048  # only checked by the kernel: in version 3 a frame is as long as it is
SMALLEST_BLOCK: Final = 256 << 10
LARGEST_BLOCK: Final = 1 << 20
# A block that is not full is handed over after so long.
RETIRE_MS: Final = 40


def _block_bytes(buffer: int) -> int:
    """Blocks hold the largest frame (64 KiB, from segmentation offload) several times; eight or more are best."""
    size = LARGEST_BLOCK
    while size > SMALLEST_BLOCK and buffer // size < 8:
        size //= 2
    return size


class RingSource:
    """One interface (or all) captured through a ring of `buffer` bytes.

    Raises CaptureError where the interface can not be captured: NoPermission, or what the system said.
    """

    def __init__(self, port: Port, program: Program, *, number: int, buffer: int, promiscuous: bool) -> None:
        self.port = port
        self.number = number
        self.down: str | None = None
        self._received = self._dropped = self._taken = 0
        self._next = 0
        self._size = _block_bytes(buffer)
        self._count = max(2, buffer // self._size)
        protocol = socket.htons(ETH_P_ALL) if port.name == ANY else 0
        try:
            kind = socket.SOCK_DGRAM if port.cooked else socket.SOCK_RAW
            self._socket = socket.socket(socket.AF_PACKET, kind, protocol)
        except PermissionError as error:
            raise NoPermission(port.name) from error
        except OSError as error:
            raise CaptureError(port.name, why(error)) from error
        try:
            self._open(program, promiscuous)
        except PermissionError as error:
            self._socket.close()
            raise NoPermission(port.name) from error
        except OSError as error:
            self._socket.close()
            raise CaptureError(port.name, why(error)) from error

    def _open(self, program: Program, promiscuous: bool) -> None:
        port, sock = self.port, self._socket
        # Nothing comes in before all is ready: what is counted is what is given.
        self._attach(Program.nothing())
        sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        frames = self._size // FRAME_SIZE * self._count
        request = struct.pack("=7I", self._size, self._count, FRAME_SIZE, frames, RETIRE_MS, 0, 0)
        sock.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
        self._map = mmap.mmap(sock.fileno(), self._size * self._count)
        # A child has no business with the ring.
        self._map.madvise(mmap.MADV_DONTFORK)
        self._view = memoryview(self._map)
        self._words: U32 = np.frombuffer(self._map, dtype=np.uint32)
        if port.name != ANY:
            if promiscuous:
                membership = struct.pack("=iHH8s", port.index, PACKET_MR_PROMISC, 0, b"")
                sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
            sock.bind((port.name, ETH_P_ALL))
        failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed or not port.up:
            raise OSError(failed or errno.ENETDOWN, "")
        sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        self._attach(program)

    def _attach(self, program: Program) -> None:
        """Sets the filter; it replaces the one before in one step."""
        code = ctypes.create_string_buffer(program.code, len(program.code))
        fprog = struct.pack("@HP", len(program.code) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)

    def fileno(self) -> int:
        return self._socket.fileno()

    def take(self) -> FrameBuffer | None:
        """The frames of the next block that the kernel has handed over, None where there is none.

        They lie in the ring: `release` gives the block back.
        """
        base = self._next * self._size
        _, _, status, count, first, _ = _BLOCK.unpack_from(self._view, base)
        if not status & STATUS_USER:
            return None
        place = base + first
        places: list[int] = []
        append, unpack, view = places.append, _WORD.unpack_from, self._view
        for _ in range(count):
            append(place)
            place += unpack(view, place)[0]
        self._taken += count
        where: I64 = np.array(places, dtype=np.int64)
        # (n, 17): next, sec, nsec, captured, original, status, mac and net offsets, hash, tci, tpid, 2 spare, address
        words: U32 = self._words[(where >> 2)[:, None] + np.arange(HEADER_WORDS)]
        return self._frames(where, words)

    def _frames(self, where: I64, words: U32) -> FrameBuffer:
        wide = words[:, :7].astype(np.int64)
        link = wide[:, 6] & 0xFFFF
        return FrameBuffer(
            self._view,
            np.full(len(where), self.number, dtype=np.int64),
            wide[:, 1] * 1_000_000_000 + wide[:, 2],
            where + link,
            wide[:, 3],
            wide[:, 4],
            cooked_header(words[:, 12:17]) if self.port.cooked else None,
            {} if self.port.cooked else self._tags(words),
        )

    @staticmethod
    def _tags(words: U32) -> dict[int, bytes]:
        """VLAN tags that the kernel or the card took out of the frames."""
        tagged = np.flatnonzero(words[:, 5] & STATUS_VLAN)
        tags = {}
        for row in tagged.tolist():
            status, tci, tpid = int(words[row, 5]), int(words[row, 8]), int(words[row, 9]) & 0xFFFF
            tags[row] = struct.pack("!HH", tpid if status & STATUS_VLAN_TPID else TPID, tci & 0xFFFF)
        return tags

    def release(self) -> None:
        """Gives the block of the last `take` back to the kernel."""
        _WORD.pack_into(self._view, self._next * self._size + _STATUS, 0)
        self._next = (self._next + 1) % self._count

    def statistics(self) -> tuple[int, int]:
        """(frames that passed the filter, those of them that the kernel had no room for) since the start."""
        raw = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        received, dropped, _ = struct.unpack("=III", raw)
        self._received += received
        self._dropped += dropped
        return self._received, self._dropped

    def failed(self) -> None:
        """The socket reported an error: `down` says what it was."""
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code:
            return
        if code in (errno.ENETDOWN, errno.ENODEV, errno.ENXIO):
            names = [name for _, name in socket.if_nameindex()]
            self.down = "went down" if self.port.name in names else "is gone"
        else:
            self.down = f"can not be read: {why(OSError(code, ''))}"

    def stop(self) -> None:
        """Lets no more frames in; what is in the ring can still be taken, the last block after `RETIRE_MS`."""
        self._attach(Program.nothing())

    def drain_seconds(self) -> float:
        """How long after `stop` the last block comes."""
        return 3 * RETIRE_MS / 1000

    def pending(self) -> bool:
        """Whether the kernel has counted frames that are in no block yet that was handed over."""
        received, dropped = self.statistics()
        return received - dropped > self._taken

    def wait(self, seconds: float) -> None:
        """Waits until there is a block."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.poll(seconds * 1000)

    def close(self) -> None:
        self._socket.close()


def cooked_header(address: U32) -> U32:
    """LINKTYPE_LINUX_SLL2 headers (five words each, as they are written) of struct sockaddr_ll's (n, 5).

    Source: https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html. An address has family and protocol, interface,
    ARPHRD, type and length of the hardware address, and that in two words.
    """
    octets = np.ascontiguousarray(address).view(np.uint8).reshape(-1, 20)
    header = np.zeros_like(octets)
    header[:, 0:2] = octets[:, 2:4]
    header[:, 4:8] = np.ascontiguousarray(address[:, 1]).astype(">u4").view(np.uint8).reshape(-1, 4)
    kind = np.ascontiguousarray(octets[:, 8:10]).view(np.uint16).astype(">u2")
    header[:, 8:10] = kind.view(np.uint8).reshape(-1, 2)
    header[:, 10:12] = octets[:, 10:12]
    header[:, 12:20] = octets[:, 12:20]
    result: U32 = header.view(np.uint32)
    return result


def why(error: OSError) -> str:
    """The system's word for an error, in lower case."""
    if error.errno == errno.ENETDOWN:
        return "the interface is down"
    return (error.strerror or os.strerror(error.errno or 0)).lower()

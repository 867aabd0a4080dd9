"""The two column batches that capture, net and analysis hand to each other.

One batch holds many frames, one NumPy array for each header field: the cost of a frame is what decides the speed on
large captures. A batch owns its bytes: who keeps bytes beyond the batch copies them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
U32 = NDArray[np.uint32]
I32 = NDArray[np.int32]
U16 = NDArray[np.uint16]
U8 = NDArray[np.uint8]

TCP_FIN = 0x01
TCP_SYN = 0x02
TCP_RST = 0x04
TCP_PSH = 0x08
TCP_ACK = 0x10


class TagKind(IntEnum):
    """What tells networks apart in which the same addresses and ports may be in use at one time.

    A segment's tag holds the two innermost labels around its IP header, 32 bits each, the inner one in the low half:
    the kind in the upper four bits, then 28 bits of its number. An interface is a label only where there is room for
    it. Tag 0 is a segment without labels.

    One connection may have another tag in each direction: labels of MPLS, tunnel endpoints of GTP-U and sessions of
    L2TPv3 are chosen by who receives, and a tap has one interface for each direction. The same frame may also have
    been captured twice, within a tunnel and outside, or on two interfaces.
    """

    INTERFACE = 1  # of a pcapng file, but the first
    VLAN = 2  # 12 bits; 0 is a priority only, and no label
    VNI = 3  # 24 bits, of VXLAN and Geneve
    MPLS = 4  # 20 bits
    GRE = 5  # 32 bits
    SERVICE = 6  # I-SID of 802.1ah, 24 bits
    TUNNEL = 7  # TEID of GTP-U, session of L2TP, 32 bits
    PATH = 8  # service path of NSH, 24 bits


TAG_BITS = 32
TAG_NUMBER = 0x0FFF_FFFF
TAG_MASK = 0xFFFF_FFFF_FFFF_FFFF


def tagged(tag: int, kind: TagKind, number: int) -> int:
    """`tag` with one more label within those it has."""
    return (tag << TAG_BITS | kind << 28 | number & TAG_NUMBER) & TAG_MASK


@dataclass(slots=True)
class FrameBatch:
    """Frames in columns; all arrays have the same length n.

    data          the bytes that `offset` points into
    number        frame number as Wireshark shows it, from 1
    timestamp_ns  nanoseconds since 1970-01-01 UTC
    link_type     LINKTYPE_ number of the frame's interface
    offset        first byte of the frame in `data`
    captured      bytes of the frame that are in `data`
    original      bytes the frame had on the wire (>= captured, or corrected to it)
    interface     number of the interface within its section of the file; None where the file has one interface only
    source        number of the file among those that are read as one; None where there is one only
    """

    data: bytes | bytearray | memoryview
    number: I64
    timestamp_ns: I64
    link_type: I32
    offset: I64
    captured: I64
    original: I64
    interface: I32 | None = None
    source: I32 | None = None

    def __len__(self) -> int:
        return len(self.number)

    def part(self, rows: slice | I64) -> FrameBatch:
        """Some of the frames, in the same bytes."""
        return FrameBatch(
            self.data,
            self.number[rows],
            self.timestamp_ns[rows],
            self.link_type[rows],
            self.offset[rows],
            self.captured[rows],
            self.original[rows],
            None if self.interface is None else self.interface[rows],
            None if self.source is None else self.source[rows],
        )


@dataclass(slots=True)
class SegmentBatch:
    """TCP segments in columns, in frame order; all arrays have the same length n.

    data               the bytes that `offset` points into (the frames' own, with reassembled datagrams after them)
    frame              number of the frame that holds the segment (for IP fragments: that completed the datagram)
    timestamp_ns       time of that frame
    ip_version         4 or 6
    src_hi .. dst_lo   addresses as two unsigned 64-bit halves, network order; for IPv4 hi is 0 and lo the address
    sport, dport       ports
    seq, ack           sequence and acknowledgement numbers
    flags              the low eight TCP flags (FIN 0x01, SYN 0x02, RST 0x04, PSH 0x08, ACK 0x10 ...)
    window             window field, not scaled
    offset, length     the payload's captured bytes in `data`
    missing            payload bytes that were sent but not captured (snap length), 0 mostly
    tag                the network that the addresses are of, 0 mostly: see TagKind
    """

    data: bytes | bytearray | memoryview
    frame: I64
    timestamp_ns: I64
    ip_version: U8
    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    sport: U16
    dport: U16
    seq: U32
    ack: U32
    flags: U8
    window: U16
    offset: I64
    length: I64
    missing: I64
    tag: U64

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, index: I64) -> SegmentBatch:
        """The rows of `index`, in its order, over the same bytes."""
        columns = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "data"}
        return SegmentBatch(data=self.data, **columns)

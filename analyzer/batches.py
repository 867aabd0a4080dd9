"""The two column batches that capture, net and analysis hand to each other.

One batch holds many frames, one column for each header field: the cost of a frame is what decides the speed on large
captures. Columns are made and read as buffers in compiled loops; to who asks for one by its name it is a NumPy array,
and only then NumPy is loaded. A batch owns its bytes: who keeps bytes beyond the batch copies them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    I64 = NDArray[np.int64]
    U64 = NDArray[np.uint64]
    U32 = NDArray[np.uint32]
    I32 = NDArray[np.int32]
    U16 = NDArray[np.uint16]
    U8 = NDArray[np.uint8]
else:
    I64 = U64 = U32 = I32 = U16 = U8 = memoryview

Data = bytes | bytearray | memoryview

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


def zeros(form: str, count: int) -> memoryview:
    """A column of `count` zeros; `form` as in `array`."""
    view = memoryview(bytearray(count * _SIZES[form]))
    return view.cast(form)  # type: ignore[call-overload, no-any-return]


_SIZES = {"B": 1, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8}


def span(column: memoryview) -> tuple[int, int]:
    """The least and the most of a column that is not empty."""
    least = most = column[0]
    for place in range(len(column)):
        value = column[place]
        if value < least:
            least = value
        elif value > most:
            most = value
    return least, most


def total(column: memoryview) -> int:
    """The sum of a column."""
    value = 0
    for place in range(len(column)):
        value += column[place]
    return value


def copied(data: bytes | bytearray, begin: int, end: int) -> bytes:
    """The bytes from `begin` up to `end`, which lie inside: nobody looks whether they do."""
    part = data[begin:end]
    return part if isinstance(part, bytes) else bytes(part)


class Batch:
    """Columns of one length, and the bytes they point into."""

    __slots__ = ("_columns", "data")

    NAMES: tuple[str, ...] = ()
    data: Data
    _columns: Mapping[str, memoryview]

    @classmethod
    def of(cls, data: Data, columns: Mapping[str, memoryview]) -> Self:
        """A batch of columns that are buffers."""
        batch = cls.__new__(cls)
        batch.data = data
        batch._columns = columns
        return batch

    def __getattr__(self, name: str) -> Any:
        """A column that nobody has asked for before, as an array."""
        if name not in self.NAMES:
            raise AttributeError(name)
        column = self._columns.get(name)
        array = None
        if column is not None:
            import numpy as np

            array = np.asarray(column)
        setattr(self, name, array)
        return array

    def find(self, name: str) -> memoryview | None:
        """A column as a buffer; None where the batch has none of that name."""
        try:
            array = object.__getattribute__(self, name)
        except AttributeError:
            return self._columns.get(name)
        return None if array is None else memoryview(array)

    def column(self, name: str) -> memoryview:
        """The same, of a column that each batch has."""
        found = self.find(name)
        assert found is not None
        return found

    def __len__(self) -> int:
        return len(self.column(self.NAMES[0]))

    def part(self, rows: slice | I64) -> Self:
        """Some of the rows, in the order given, over the same bytes."""
        if isinstance(rows, slice):
            columns = {name: self.find(name) for name in self.NAMES}
            return self.of(self.data, {name: one[rows] for name, one in columns.items() if one is not None})
        part = self.of(self.data, {})
        for name in self.NAMES:
            column = getattr(self, name)
            setattr(part, name, None if column is None else column[rows])
        return part


class FrameBatch(Batch):
    """Frames in columns; all have the same length n.

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

    NAMES = ("number", "timestamp_ns", "link_type", "offset", "captured", "original", "interface", "source")
    __slots__ = NAMES

    number: I64
    timestamp_ns: I64
    link_type: I32
    offset: I64
    captured: I64
    original: I64
    interface: I32 | None
    source: I32 | None

    def __init__(
        self,
        data: Data,
        number: I64,
        timestamp_ns: I64,
        link_type: I32,
        offset: I64,
        captured: I64,
        original: I64,
        interface: I32 | None = None,
        source: I32 | None = None,
    ) -> None:
        self.data, self._columns = data, {}
        self.number, self.timestamp_ns, self.link_type, self.offset = number, timestamp_ns, link_type, offset
        self.captured, self.original, self.interface, self.source = captured, original, interface, source


class SegmentBatch(Batch):
    """TCP segments in columns, in frame order; all have the same length n.

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

    NAMES = (
        "frame",
        "timestamp_ns",
        "ip_version",
        "src_hi",
        "src_lo",
        "dst_hi",
        "dst_lo",
        "sport",
        "dport",
        "seq",
        "ack",
        "flags",
        "window",
        "offset",
        "length",
        "missing",
        "tag",
    )
    __slots__ = NAMES

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

    def __init__(self, data: Data, **columns: memoryview | NDArray[Any]) -> None:
        self.data = data
        self._columns = {
            name: column if isinstance(column, memoryview) else column.data for name, column in columns.items()
        }

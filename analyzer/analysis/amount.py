"""How much there is to analyse in a capture, as far as its first frames tell."""

from __future__ import annotations

import msgspec

from analyzer.batches import FrameBatch
from analyzer.net.link.decode import SegmentDecoder

SYN, ACK = 0x02, 0x10


class Amount(msgspec.Struct, frozen=True):
    """What makes work: connections that begin, and segments with payload."""

    connections: int
    segments: int


def amount_of(batch: FrameBatch) -> Amount:
    """What a batch holds, whatever is spoken in it."""
    segments = SegmentDecoder().decode(batch)
    flags = segments.column("flags").tobytes()
    begun = sum(flags.count(value) for value in range(0x100) if value & (SYN | ACK) == SYN)
    return Amount(begun, len(segments) - segments.column("length").tolist().count(0))

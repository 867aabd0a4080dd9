"""How much there is to analyse in a capture, as far as its first frames tell."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.batches import FrameBatch
from analyzer.net.link.decode import SegmentDecoder

SYN, ACK = 0x02, 0x10


class Amount(NamedTuple):
    """What makes work: connections that begin, and segments with payload."""

    connections: int
    segments: int


def amount_of(batch: FrameBatch) -> Amount:
    """What a batch holds, whatever is spoken in it."""
    segments = SegmentDecoder().decode(batch)
    begun = int(((segments.flags & (SYN | ACK)) == SYN).sum())
    return Amount(begun, int((segments.length > 0).sum()))

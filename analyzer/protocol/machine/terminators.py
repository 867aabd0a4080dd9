"""What ends a response, OK or EOF, decoded once: few of them differ from each other."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import EOFPacket, OKPacket

# Packets that are kept under one set of capabilities, each of so many bytes at most, and such sets.
MOST: Final = 4096
MOST_SETS: Final = 32
LONGEST: Final = 512
EOF_LENGTH: Final = 5  # an 0xFE packet of this length or less is an EOF where it ends something, else an OK

# Capabilities in force -> payload -> record.
Ends = dict[int, dict[bytes, OKPacket | EOFPacket]]


def ends_under(ctx: Context, ends: Ends) -> dict[bytes, OKPacket | EOFPacket]:
    """Those that `end_of` keeps under the capabilities that are in force."""
    known = ends.get(ctx.in_force)
    if known is None:
        if len(ends) >= MOST_SETS:
            ends.clear()
        known = ends[ctx.in_force] = {}
    return known


def end_of(payload: bytes, ctx: Context, ends: Ends) -> OKPacket | EOFPacket:
    """The record of a payload that ends a response; `ends` keeps it for all connections of a capture.

    Raises DecodeError.
    """
    known = ends_under(ctx, ends)
    end = known.get(payload)
    if end is None:
        eof = len(payload) <= EOF_LENGTH and payload[:1] == b"\xfe"
        end = (EOFPacket if eof else OKPacket).from_bytes(payload, ctx)
        if len(known) < MOST and len(payload) <= LONGEST:
            known[payload] = end
    return end

"""What ends a response, OK or EOF, decoded once: few of them differ from each other."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import EOFPacket, OKPacket

# Packets that are kept, each of so many bytes at most.
MOST: Final = 4096
LONGEST: Final = 512
EOF_LENGTH: Final = 5  # an 0xFE packet of this length or less is an EOF where it ends something, else an OK

# (capabilities in force, payload) -> record.
Ends = dict[tuple[int, bytes], OKPacket | EOFPacket]


def end_of(payload: bytes, ctx: Context, ends: Ends) -> OKPacket | EOFPacket:
    """The record of a payload that ends a response; `ends` keeps it for all connections of a capture.

    Raises DecodeError.
    """
    end = ends.get((ctx.in_force, payload))
    if end is None:
        eof = len(payload) <= EOF_LENGTH and payload[:1] == b"\xfe"
        end = (EOFPacket if eof else OKPacket).from_bytes(payload, ctx)
        if len(ends) < MOST and len(payload) <= LONGEST:
            ends[ctx.in_force, payload] = end
    return end

"""What ends a response, OK or EOF, decoded once: few of them differ from each other."""

from __future__ import annotations

from typing import Final

from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket

# Packets and errors that are kept under one set of capabilities, each of so many bytes at most, and such sets.
MOST: Final = 4096
MOST_ERRORS: Final = 256
MOST_SETS: Final = 32
LONGEST: Final = 512
EOF_LENGTH: Final = 5  # an 0xFE packet of this length or less is an EOF where it ends something, else an OK


class KnownEnds:
    """The packets that are kept under one set of capabilities, by their payloads.

    records  OKs and EOFs; `quiet`: those that were seen to say neither that more follows nor that a variable changes
    errors   that answered commands
    """

    __slots__ = ("errors", "quiet", "records")

    def __init__(self) -> None:
        self.records: dict[bytes, OKPacket | EOFPacket] = {}
        self.quiet: dict[bytes, OKPacket | EOFPacket] = {}
        self.errors: dict[bytes, ErrPacket] = {}

    def note_quiet(self, payload: bytes, end: OKPacket | EOFPacket) -> None:
        """Notes what such a packet says."""
        if payload in self.records:
            self.quiet[payload] = end

    def note_error(self, payload: bytes, error: ErrPacket) -> None:
        """Notes what an error says."""
        if len(payload) <= LONGEST:
            if len(self.errors) >= MOST_ERRORS:
                self.errors.clear()
            self.errors[payload] = error


# By the capabilities in force.
Ends = dict[int, KnownEnds]


def ends_under(ctx: Context, ends: Ends) -> KnownEnds:
    """Those that are kept under the capabilities that are in force."""
    known = ends.get(ctx.in_force)
    if known is None:
        if len(ends) >= MOST_SETS:
            ends.clear()
        known = ends[ctx.in_force] = KnownEnds()
    return known


def end_of(payload: bytes, ctx: Context, ends: Ends) -> OKPacket | EOFPacket:
    """The record of a payload that ends a response; `ends` keeps it for all connections of a capture.

    Raises DecodeError.
    """
    known = ends_under(ctx, ends).records
    end = known.get(payload)
    if end is None:
        eof = len(payload) <= EOF_LENGTH and payload[:1] == b"\xfe"
        end = (EOFPacket if eof else OKPacket).from_bytes(payload, ctx)
        if len(known) < MOST and len(payload) <= LONGEST:
            known[payload] = end
    return end

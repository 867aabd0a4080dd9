"""Fields inside of a counted string: the reader is narrowed to it, so that each field keeps its place in the packet."""

from __future__ import annotations

from analyzer.errors import Truncated
from analyzer.protocol.wire.reader import Reader


def enter(r: Reader, name: str) -> int:
    """Reads the length (int<lenenc>) of what follows and ends the reader behind it; returns the end it had.

    Whoever calls it sets `r.end` back when the inside is read. Raises Truncated where so much is not there.
    """
    start = r.pos
    size = r.lenenc(name)
    return narrow(r, name, size, start)


def narrow(r: Reader, name: str, size: int, start: int | None = None) -> int:
    """Ends the reader `size` bytes further on; returns the end it had."""
    outer = r.end
    if size > outer - r.pos:
        at = r.pos if start is None else start
        raise Truncated(r.record, name, at, f"{size} bytes announced, {outer - r.pos} left")
    r.end = r.pos + size
    return outer


def probe(r: Reader) -> Reader:
    """A plain reader of what `r` has still to read: for looking ahead without a trace."""
    ahead = Reader(r.data, r.record, r.pos)
    ahead.end = r.end
    return ahead

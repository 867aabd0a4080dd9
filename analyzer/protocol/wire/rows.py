"""Packets that can only be rows or definitions, passed over by their headers: most of what servers send."""

from __future__ import annotations

from typing import Final

# A header, and the longest payload that does not go on in the next packet, plus one (`framing`).
_HEADER: Final = 4
_LONGEST: Final = 0xFF_FFFF


def rows_end(data: bytes, pos: int, end: int, sequence: int, most: int) -> tuple[int, int]:
    """(how many, where they end): whole packets from `pos` on, at most `most`, that can only be rows or definitions.

    In sequence from the id `sequence` on, none beginning with 0xFE or 0xFF, none empty, none of 16 MiB.
    """
    count = 0
    last = end - _HEADER - 1
    while count < most and pos <= last:
        length = data[pos] | data[pos + 1] << 8 | data[pos + 2] << 16
        stop = pos + _HEADER + length
        if data[pos + 3] != sequence or data[pos + _HEADER] >= 0xFE or length in (0, _LONGEST) or stop > end:
            break
        pos = stop
        sequence = (sequence + 1) & 0xFF
        count += 1
    return count, pos

"""The chain of a file's records or blocks: each says where the next one begins. Only that is followed here."""

from __future__ import annotations

from array import array
from typing import Final

# An enhanced packet block of pcapng, and the bytes that the smallest one has.
_PACKET: Final = 6
_LEAST: Final = 32


def record_places(data: memoryview, start: int, used: int, header: int, big: bool) -> tuple[array[int], int]:
    """Where the records begin whose headers of `header` bytes are there, and where the next one would.

    `big`: numbers have their highest byte first. Lengths are taken as they stand.
    """
    places = array("q", bytes(8 * (max(used - start, 0) // header + 1)))
    where = memoryview(places)
    count = 0
    position = start
    while position + header <= used:
        where[count] = position
        count += 1
        at = position + 8
        highest = data[at] if big else data[at + 3]
        if big:
            length = highest << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
        else:
            length = data[at] | data[at + 1] << 8 | data[at + 2] << 16 | highest << 24
        position += header + length
    return places[:count], position


def packet_blocks(data: memoryview, start: int, used: int, big: bool, places: array[int]) -> int:
    """Appends where the enhanced packet blocks from `start` on begin; returns where the block begins that is none.

    That may be behind `used`, where the last one is not whole. Lengths are taken as they stand.
    """
    position = start
    while position + 8 <= used:
        if big:
            kind = data[position] << 24 | data[position + 1] << 16 | data[position + 2] << 8 | data[position + 3]
            highest = data[position + 4]
            length = highest << 24 | data[position + 5] << 16 | data[position + 6] << 8 | data[position + 7]
        else:
            highest = data[position + 3]
            kind = data[position] | data[position + 1] << 8 | data[position + 2] << 16 | highest << 24
            highest = data[position + 7]
            length = data[position + 4] | data[position + 5] << 8 | data[position + 6] << 16 | highest << 24
        if kind != _PACKET or length < _LEAST:
            break
        places.append(position)
        position += length
    return position

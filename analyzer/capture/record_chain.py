"""The chain of a pcap file's records: each says where the next one begins. Only that is followed here."""

from __future__ import annotations

from array import array


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

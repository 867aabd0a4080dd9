"""Segments of a batch by connection: which rows are of one pair of endpoints, found in one pass over the batch."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from analyzer.batches import SegmentBatch, zeros

# Numbers of a key: the lower address in two halves, the higher one, ports with the version of IP.
_KEY: Final = 5
KEY_SIZE: Final = 8 * _KEY
_ALL: Final = 0xFFFF_FFFF_FFFF_FFFF


class Grouping:
    """The rows of each key, one key after the other in the order of their first rows.

    order   the rows; those of one key are in the order of the batch
    sender  of each row of the batch: 1 where the higher endpoint sent it
    bounds  where the rows of each key begin in `order`, and the end of the last
    keys    40 bytes each, in the same order
    tagged  whether a row has a tag

    `factors`: six odd numbers that nobody can know beforehand, so that no capture can be made whose keys all collide.
    """

    __slots__ = ("bounds", "keys", "order", "sender", "tagged")

    def __init__(self, batch: SegmentBatch, factors: Sequence[int]) -> None:
        count = len(batch)
        self.sender = zeros("B", count)
        self.order = zeros("q", count)
        self.tagged = False
        size = 1 << (2 * count).bit_length()
        keys, first, last, following = zeros("Q", _KEY * count), zeros("q", count), zeros("q", count), zeros("q", count)
        found = self._link(
            memoryview(array("Q", factors)),
            zeros("i", size),
            keys,
            first,
            last,
            following,
            batch.column("src_hi"),
            batch.column("src_lo"),
            batch.column("dst_hi"),
            batch.column("dst_lo"),
            batch.column("sport"),
            batch.column("dport"),
            batch.column("ip_version"),
            batch.column("tag"),
        )
        self.bounds = self._collect(found, first, last, following)
        numbers = array("Q")
        numbers.frombytes(keys[: _KEY * found].cast("B"))
        if sys.byteorder == "little":
            numbers.byteswap()
        self.keys = numbers.tobytes()

    def _link(
        self,
        mix: memoryview,
        slots: memoryview,
        keys: memoryview,
        first: memoryview,
        last: memoryview,
        following: memoryview,
        src_hi: memoryview,
        src_lo: memoryview,
        dst_hi: memoryview,
        dst_lo: memoryview,
        sport: memoryview,
        dport: memoryview,
        version: memoryview,
        tag: memoryview,
    ) -> int:
        """Chains the rows of each key; returns how many keys there are. `slots` holds their indexes plus one."""
        sender = self.sender
        mask = len(slots) - 1
        found = 0
        tags = 0
        for row in range(len(src_hi)):
            tags |= tag[row]
            a, b, c, d = src_hi[row], src_lo[row], dst_hi[row], dst_lo[row]
            low, high = sport[row], dport[row]
            if a > c or (a == c and (b > d or (b == d and low > high))):
                sender[row] = 1
                a, b, c, d = c, d, a, b
                low, high = high, low
            ports = low << 24 | high << 8 | version[row]
            mixed = a * mix[0] & _ALL
            mixed = _mixed(mixed ^ b * mix[1] & _ALL, mix[5])
            mixed = _mixed(mixed ^ c * mix[2] & _ALL, mix[5])
            mixed = _mixed(mixed ^ d * mix[3] & _ALL, mix[5])
            mixed = _mixed(mixed ^ ports * mix[4] & _ALL, mix[5])
            slot = mixed >> 29 & mask
            while True:
                group = slots[slot] - 1
                if group < 0:
                    group = found
                    found += 1
                    slots[slot] = found
                    at = _KEY * group
                    keys[at], keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4] = a, b, c, d, ports
                    first[group] = row
                    break
                at = _KEY * group
                same = keys[at + 1] == b and keys[at + 3] == d and keys[at + 4] == ports
                if same and keys[at] == a and keys[at + 2] == c:
                    following[last[group]] = row
                    break
                slot = slot + 1 & mask
            last[group] = row
        self.tagged = tags != 0
        return found

    def _collect(self, found: int, first: memoryview, last: memoryview, following: memoryview) -> memoryview:
        """Writes the chains to `order`; returns `bounds`."""
        order = self.order
        bounds = zeros("q", found + 1)
        place = 0
        for group in range(found):
            row, stop = first[group], last[group]
            order[place] = row
            place += 1
            while row != stop:
                row = following[row]
                order[place] = row
                place += 1
            bounds[group + 1] = place
        return bounds


def _mixed(number: int, factor: int) -> int:
    number ^= number >> 29
    return number * factor & _ALL


def endpoints_of(key: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """((address, port), (address, port)) of a connection's 40-byte key, the lower first."""
    low, high = key[35] << 8 | key[36], key[37] << 8 | key[38]
    if key[39] == 4:  # an address of IPv4 stands in the last four bytes
        return (
            (f"{key[12]}.{key[13]}.{key[14]}.{key[15]}", low),
            (f"{key[28]}.{key[29]}.{key[30]}.{key[31]}", high),
        )
    return (_address(key[:16]), low), (_address(key[16:32]), high)


def packed_endpoints(key: bytes) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
    """The same with addresses as they stand in headers: 4 or 16 bytes."""
    skipped = 12 if key[39] == 4 else 0
    return (key[skipped:16], key[35] << 8 | key[36]), (key[16 + skipped : 32], key[37] << 8 | key[38])


@lru_cache(4096)
def _address(raw: bytes) -> str:
    """An address of IPv6 as text."""
    from ipaddress import IPv6Address

    return str(IPv6Address(raw))

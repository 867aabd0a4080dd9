"""Network addresses under a keyed permutation that keeps prefixes.

Two addresses that begin alike are replaced by two that begin alike: octet by octet for IPv4, nibble by nibble for IPv6.
Each octet stays among those with as many decimal digits, and each nibble of IPv6 is zero where it was a leading zero of
its group, so that an address as text keeps its length. Loopback, "any", broadcast, multicast and the link-local prefix
stay: they say nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

Stream = Callable[[bytes, bytes, int], bytes]

_MOST_KEPT: Final = 20_000
_MOST_ORDERS: Final = 4096
# Octets by the number of their decimal digits.
_CLASSES: Final = (tuple(range(1, 10)), tuple(range(10, 100)), tuple(range(100, 256)))
_IPV4: Final = re.compile(rb"\d{1,3}(?:\.\d{1,3}){3}")
_IPV6: Final = re.compile(rb"[0-9a-fA-F:]{2,39}(?:\d{1,3}(?:\.\d{1,3}){3})?")
_MAPPED: Final = bytes(10) + b"\xff\xff"
_LONGEST: Final = 45
# 192.0.2.0 and its like would be no better; multicast and what is above it are no hosts.
_MULTICAST: Final = 224
_LOOPBACK: Final = 127
_CLASS_OF: Final = {octet: values for values in _CLASSES for octet in values}
_FIRST_OF: Final = {
    octet: tuple(value for value in values if value != _LOOPBACK and value < _MULTICAST)
    for values in _CLASSES
    for octet in values
}


class AddressMap:
    """Replaces addresses. `stream` draws bytes from a label and a value."""

    __slots__ = ("_kept", "_macs", "_networks", "_offsets", "_orders", "_stream")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._orders: dict[bytes, tuple[int, ...]] = {}
        self._kept: dict[bytes, bytes] = {}
        self._networks: dict[bytes, bytes] = {}
        self._macs: dict[bytes, bytes] = {}
        self._offsets: dict[bytes, int] = {}

    def packed(self, address: bytes) -> bytes:
        """An address of 4 or 16 bytes in its place."""
        found = self._kept.get(address)
        if found is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            found = self._kept[address] = self._v4(address) if len(address) == 4 else self._v6(address)
        return found

    def text(self, value: bytes) -> bytes | None:
        """An address as text in its place, as long as it was; None where it is none."""
        if len(value) > _LONGEST or (b"." not in value and b":" not in value):
            return None
        if value.lower().startswith(b"::ffff:") and b"." in value:
            inner = self.text(value[7:])
            return None if inner is None else value[:7] + inner
        if not (_IPV4.fullmatch(value) or (value.count(b":") > 1 and _IPV6.fullmatch(value))):
            return None
        try:
            address = ipaddress.ip_address(value.decode())
        except ValueError:
            return None
        text = str(ipaddress.ip_address(self.packed(address.packed))).encode()
        # One that is not written in its shortest form is no key that anything else has.
        return text if str(address).encode() == value and len(text) == len(value) else None

    def offset(self, address: bytes) -> int:
        """A number of 32 bits that belongs to an address."""
        found = self._offsets.get(address)
        if found is None:
            if len(self._offsets) >= _MOST_KEPT:
                self._offsets.clear()
            found = self._offsets[address] = int.from_bytes(self._stream(b"offset", address, 4), "big")
        return found

    def mac(self, address: bytes) -> bytes:
        """A MAC address in its place; group and local bits stay, and so do zeros and broadcast."""
        if len(address) != 6 or not any(address) or address == b"\xff" * 6:
            return address
        found = self._macs.get(address)
        if found is None:
            if len(self._macs) >= _MOST_KEPT:
                self._macs.clear()
            drawn = self._stream(b"mac", address, 6)
            found = self._macs[address] = bytes([drawn[0] & 0xFC | address[0] & 3]) + drawn[1:]
        return found

    def _order(self, prefix: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
        """A permutation of values that belongs to what stands before them."""
        name = prefix + bytes([values[0], len(values) - 1])
        found = self._orders.get(name)
        if found is None:
            if len(self._orders) >= _MOST_ORDERS:
                self._orders.clear()
            drawn = self._stream(b"order", name, 4 * len(values))
            weights = [(drawn[4 * index : 4 * index + 4], value) for index, value in enumerate(values)]
            weights.sort()
            found = self._orders[name] = tuple([value for _, value in weights])
        return found

    def _v4(self, address: bytes) -> bytes:
        if address[0] in (0, _LOOPBACK) or address[0] >= _MULTICAST:
            return address
        return self._octets(address)

    def _octets(self, octets: bytes) -> bytes:
        """The first octets of an address in their place."""
        before, octet = octets[:-1], octets[-1]
        made = self._networks.get(before)
        if made is None:
            if len(self._networks) >= _MOST_KEPT:
                self._networks.clear()
            made = self._networks[before] = self._octets(before) if before else b""
        if not octet:
            return made + b"\0"
        # No address becomes one of those that stay.
        values = _CLASS_OF[octet] if before else _FIRST_OF[octet]
        order = self._order(b"4" + before, values)
        return made + bytes((order[octet - values[0] if before else values.index(octet)],))

    def _v6(self, address: bytes) -> bytes:
        if address[:12] == _MAPPED:
            return _MAPPED + self._v4(address[12:])
        if address[:15] == bytes(15) or address[0] == 0xFF:
            return address
        nibbles = [half for byte in address for half in (byte >> 4, byte & 15)]
        keep = 4 if address[0] == 0xFE and address[1] >> 6 == 2 else 0
        out = list(nibbles)
        for place in range(keep, 32):
            group = nibbles[place - place % 4 : place]
            leading = not any(group)
            if leading and not nibbles[place]:
                continue
            values = tuple(range(1, 16)) if leading else tuple(range(16))
            if place == 0:
                values = tuple(range(1, 15))  # 0xf begins multicast, link-local and unique local addresses
            if (place == 0 and nibbles[0] == 15) or (place == 1 and nibbles[0] == 15):
                continue
            order = self._order(b"6" + bytes(nibbles[:place]), values)
            out[place] = order[values.index(nibbles[place])]
        return bytes(out[index] << 4 | out[index + 1] for index in range(0, 32, 2))

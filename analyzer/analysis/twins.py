"""Connections that a capture holds twice: before and after address translation, say with `-i any` on a Docker host.

Addresses and ports change on the way, sequence numbers do not: two connections that begin with the same numbers in both
directions, at the same time, are one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from analyzer.net.tcp.reassembly import TcpConnection

# Both are seen to begin within so long.
TOGETHER_NS: Final = 1_000_000_000
# Connections that are remembered; those that ended first are forgotten.
MOST: Final = 4096

Address = tuple[str, int]


class Twin(msgspec.Struct):
    """The connection that another one is a copy of; `endpoints` are (client, server) where it is known who is who."""

    number: int
    first_frame: int
    first_ns: int
    endpoints: tuple[Address, Address]


class Twins:
    """Takes each TCP connection that is over; says of which one before it is a copy."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, int], Twin] = OrderedDict()

    def see(self, tcp: TcpConnection) -> Twin | None:
        """The connection that this one is a copy of; None where none is known."""
        a, b = (half.start for half in tcp.halves)
        if a < 0 or b < 0:
            return None
        numbers = (a, b) if a < b else (b, a)
        known = self._known.get(numbers)
        if known is not None and abs(tcp.first_ns - known.first_ns) <= TOGETHER_NS:
            return known
        first, second = tcp.endpoints
        self._known[numbers] = Twin(
            tcp.number, tcp.first_frame, tcp.first_ns, (second, first) if tcp.initiator == 1 else (first, second)
        )
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return None

"""Connections that a capture holds twice: before and after address translation, say with `-i any` on a Docker host.

Addresses and ports change on the way; sequence numbers, what is sent and the number in the SYN's IP header do not. Two
connections that have them in common, and begin at the same moment, are one. So are two between the same addresses and
ports, whatever the clocks say of which they were stamped: no two connections begin with the same numbers both ways.
"""

from __future__ import annotations

from typing import Final

from analyzer.net.tcp.grouping import endpoints_of
from analyzer.net.tcp.reassembly import Syn, TcpConnection

# Both are seen to begin within so long: a frame passes a machine in microseconds.
TOGETHER_NS: Final = 2_000_000
# Connections that are remembered; the half of them that ended first is forgotten at a time.
MOST: Final = 4096

Address = tuple[str, int]


class Twin:
    """The connection that another one is a copy of.

    key     as a connection's
    opener  as a connection's
    sent    bytes of both directions
    syn     of who opened it
    """

    __slots__ = ("first_frame", "first_ns", "key", "number", "opener", "sent", "syn")

    number: int
    first_frame: int
    first_ns: int
    sent: int
    syn: Syn | None
    key: bytes
    opener: int

    @property
    def endpoints(self) -> tuple[Address, Address]:
        """(client, server), where it is known who is who."""
        low, high = endpoints_of(self.key)
        return (high, low) if self.opener == 1 else (low, high)


class Twins:
    """Takes each TCP connection that is over; says of which one before it is a copy."""

    def __init__(self) -> None:
        self._known: dict[int, Twin] = {}
        self._older: dict[int, Twin] = {}

    def see(self, tcp: TcpConnection) -> Twin | None:
        """The connection that this one is a copy of; None where none is known."""
        low, high = tcp.halves
        a, b = low.start, high.start
        if a < 0 or b < 0:
            return None
        numbers = min(a, b)
        numbers = numbers << 32 | max(a, b)
        known = self._known.get(numbers) or self._older.get(numbers)
        if known is not None and _is_copy(tcp, known):
            return known
        if len(self._known) >= MOST // 2:
            self._older, self._known = self._known, {}
        twin = self._known[numbers] = Twin()
        twin.number, twin.first_frame, twin.first_ns = tcp.number, tcp.first_frame, tcp.first_ns
        twin.sent = low.bytes + high.bytes
        twin.key, twin.opener = tcp.key, tcp.opener
        twin.syn = high.syn if tcp.opener == 1 else low.syn
        return None


def _is_copy(tcp: TcpConnection, known: Twin) -> bool:
    if set(tcp.endpoints) == set(known.endpoints):
        return tcp.syn_id == _syn_id(known) and _sent(tcp) == known.sent
    if abs(tcp.first_ns - known.first_ns) > TOGETHER_NS or _sent(tcp) != known.sent:
        return False
    # Headers are read where all else agrees.
    if tcp.syn_id != _syn_id(known):
        return False
    return {address for address, _ in tcp.endpoints} != {address for address, _ in known.endpoints}


def _syn_id(known: Twin) -> int:
    return 0 if known.syn is None else known.syn.identification()


def _sent(tcp: TcpConnection) -> int:
    return tcp.halves[0].bytes + tcp.halves[1].bytes

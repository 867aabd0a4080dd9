"""One bound over all that an analysis holds back, of all its connections together.

Nothing is counted where it is held: that would cost something for every packet of clean traffic. What is held is added
up now and then, and from what has been read since one knows how much it can be at most. Where the bound is reached the
oldest incomplete things are given up: bytes that wait for a hole to be filled, packets and logins that are not whole;
and where that is not enough, whole connections end early, the longest idle first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.conversation.conversation import Conversation
from analyzer.net.tcp.flow_table import FlowTable
from analyzer.net.tcp.reassembly import TcpConnection

# Bytes, where nobody says otherwise: for files, and for what is captured as it goes.
DEFAULT_MEMORY: Final = 512 << 20
LIVE_MEMORY: Final = 256 << 20
LEAST_MEMORY: Final = 16 << 20
# What a connection takes that holds nothing back.
CONNECTION: Final = 8 << 10
# What is held of a byte that was read, at most: twice where it is not known yet what a connection is, and the rest.
FACTOR: Final = 3
# Less than this is not worth giving up.
LEAST: Final = 4 << 10


class Memory:
    """Keeps what a flow table's connections hold within `limit` bytes.

    held                what was held when it was last added up
    given_up            connections of which incomplete things were given up
    given_up_bytes      and how much that was
    ended               connections that ended early
    """

    __slots__ = ("_open", "_since", "ended", "given_up", "given_up_bytes", "held", "limit")

    def __init__(self, limit: int = DEFAULT_MEMORY) -> None:
        self.limit = limit
        self.held = 0
        self.given_up = 0
        self.given_up_bytes = 0
        self.ended = 0
        self._since = 0  # bytes read since then
        self._open = 0  # connections that were open then

    def bound(self, flows: FlowTable, octets: int) -> list[TcpConnection]:
        """So many bytes more were read. Gives up what is too much; returns the connections that ended with that."""
        self._since += octets
        most = self.held + FACTOR * self._since + CONNECTION * max(len(flows) - self._open, 0)
        if most <= self.limit:
            return []
        self.held, self._since, self._open = sum(map(held_of, flows.connections_open())), 0, len(flows)
        return self._give_up(flows) if self.held > self.limit else []

    def _give_up(self, flows: FlowTable) -> list[TcpConnection]:
        """Down to three quarters, so that it is not paid for at every batch."""
        target = self.limit - self.limit // 4
        oldest = sorted(flows.connections_open(), key=lambda connection: connection.last_ns)
        for connection in oldest:
            if self.held <= target:
                return []
            incomplete = incomplete_of(connection)
            if incomplete >= LEAST:
                before = held_of(connection)
                _shed(connection)
                self.held += held_of(connection) - before
                self.given_up += 1
                self.given_up_bytes += incomplete
        # What could not be given up alone, half a compressed frame, goes first.
        for connection in sorted(oldest, key=lambda connection: incomplete_of(connection) < LEAST):
            if self.held <= target:
                break
            self.held -= held_of(connection)
            self.ended += 1
            flows.end_early(connection)
        return flows.take_finished()

    def add_share(self, other: Memory) -> None:
        """Takes what another process gave up of its share of the connections."""
        self.limit += other.limit
        self.given_up += other.given_up
        self.given_up_bytes += other.given_up_bytes
        self.ended += other.ended

    def notes(self) -> Iterator[str]:
        """What was given up, if anything."""
        limit = f"memory is bounded to {self.limit >> 20:,} MB (--memory)"
        if self.given_up:
            size = f"{self.given_up_bytes / (1 << 20):,.0f} MB"
            yield f"{limit}: {size} of incomplete data in {self.given_up:,} connections was given up, the oldest first"
        if self.ended:
            yield f"{limit}: {self.ended:,} connections were ended early, the longest idle first"


def held_of(connection: TcpConnection) -> int:
    """Bytes of memory that a connection takes, about."""
    handler = connection.handler
    return CONNECTION + connection.held + (handler.held if isinstance(handler, Conversation) else 0)


def incomplete_of(connection: TcpConnection) -> int:
    """Those of them that wait for what makes them whole."""
    handler = connection.handler
    return connection.held + (handler.incomplete if isinstance(handler, Conversation) else 0)


def _shed(connection: TcpConnection) -> None:
    connection.shed()
    handler = connection.handler
    if isinstance(handler, Conversation):
        handler.shed()

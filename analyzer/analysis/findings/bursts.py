"""Connections that one client opened to one server in quick succession."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from analyzer.analysis.conversation.conversation import Conversation
from analyzer.net.tcp.reassembly import TcpConnection

# Connections of one client to one server that belong together: opened at most so long after the one before.
BURST_GAP_NS: Final = 2_000_000_000
# Pairs of client and server that are remembered; those idle longest are forgotten.
MOST_PAIRS: Final = 8192

ClientAndServer = tuple[str, tuple[str, int]]


class Opened:
    """Connections that one client address opened to one server endpoint: all so far, and those of the last burst."""

    __slots__ = ("burst", "burst_ns", "count", "last_ns")

    def __init__(self, now_ns: int) -> None:
        self.count = self.burst = 1
        self.burst_ns = self.last_ns = now_ns


class Bursts:
    """Counts connections as they open: each learns its place.

    Every process sees every TCP connection open, in the same order, so what is counted here is the same in all of them.
    """

    def __init__(self) -> None:
        self.pairs: OrderedDict[ClientAndServer, Opened] = OrderedDict()

    def opened(self, connections: Sequence[TcpConnection]) -> None:
        """Counts connections that are new, in the order of their numbers. Those that began before the capture do not
        count: nobody knows when they were opened."""
        pairs = self.pairs
        for tcp in connections:
            initiator = tcp.initiator
            if initiator is None or tcp.syn_ns != tcp.first_ns:
                continue
            now = tcp.first_ns
            pair = (tcp.endpoints[initiator][0], tcp.endpoints[1 - initiator])
            seen = pairs.get(pair)
            if seen is None:
                seen = pairs[pair] = Opened(now)
                if len(pairs) > MOST_PAIRS:
                    pairs.popitem(last=False)
            else:
                pairs.move_to_end(pair)
                seen.count += 1
                if now - seen.last_ns > BURST_GAP_NS:
                    seen.burst, seen.burst_ns = 0, now
                seen.burst += 1
                seen.last_ns = now
            handler = tcp.handler
            if seen.count > 1 and isinstance(handler, Conversation):
                handler.record_place(seen.count, seen.burst, now - seen.burst_ns)

"""Connections that one client opened to one server in quick succession."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.analysis.conversation.conversation import Conversation
from analyzer.net.tcp.reassembly import TcpConnection

# Connections of one client to one server that belong together: opened at most so long after the one before.
BURST_GAP_NS: Final = 2_000_000_000
# Pairs of client and server that are remembered; those idle longest are forgotten.
MOST_PAIRS: Final = 8192


class Opened:
    """Connections that one client address opened to one server endpoint: all so far, and those of the last burst.

    `pair` says which, as `TcpConnection.pair` does; `older` and `newer` had their last ones before and after it.
    """

    __slots__ = ("burst", "burst_ns", "count", "last_ns", "newer", "older", "pair")

    def __init__(self, pair: bytes, now_ns: int) -> None:
        self.pair = pair
        self.count = self.burst = 1
        self.burst_ns = self.last_ns = now_ns
        self.older = self.newer = self

    def unlink(self) -> None:
        """Takes it out of the order."""
        self.older.newer, self.newer.older = self.newer, self.older
        self.older = self.newer = self

    def link(self, end: Opened) -> None:
        """Makes it the newest."""
        self.older, self.newer = end.older, end
        self.older.newer = end.older = self


class Bursts:
    """Counts connections as they open: each learns its place.

    Every process sees every TCP connection open, in the same order, so what is counted here is the same in all of them.
    """

    def __init__(self) -> None:
        self.pairs: dict[bytes, Opened] = {}
        # Before the oldest and behind the newest. (An OrderedDict costs more than all else that is done here.)
        self._end = Opened(b"", 0)

    @property
    def oldest(self) -> bytes:
        """The pair that was idle longest."""
        return self._end.newer.pair

    def opened(self, connections: Sequence[TcpConnection]) -> None:
        """Counts connections that are new, in the order of their numbers. Those that began before the capture do not
        count: nobody knows when they were opened."""
        pairs, end = self.pairs, self._end
        for tcp in connections:
            if tcp.opener < 0 or tcp.syn_ns != tcp.first_ns:
                continue
            now = tcp.first_ns
            pair = tcp.pair()
            seen = pairs.get(pair)
            if seen is None:
                seen = pairs[pair] = Opened(pair, now)
                seen.link(end)
                if len(pairs) > MOST_PAIRS:
                    idle = end.newer
                    idle.unlink()
                    del pairs[idle.pair]
            else:
                seen.unlink()
                seen.link(end)
                seen.count += 1
                if now - seen.last_ns > BURST_GAP_NS:
                    seen.burst, seen.burst_ns = 0, now
                seen.burst += 1
                seen.last_ns = now
            handler = tcp.handler
            if seen.count > 1 and isinstance(handler, Conversation):
                handler.record_place(seen.count, seen.burst, now - seen.burst_ns)

"""The PROXY header that may stand in front of all a client says."""

from __future__ import annotations

from typing import Final

from analyzer.analysis.conversation.classifier import Chunk
from analyzer.analysis.conversation.facts import Facts
from analyzer.errors import BadValue, Truncated
from analyzer.protocol.records.proxy import decode_proxy

# Bytes of what a side says first that tell its protocol.
FIRST_BYTES: Final = 32


class ProxyLayer:
    """Takes the client's first bytes until it is known whether a header is there. `begun`: it is."""

    __slots__ = ("_early", "_facts", "begun")

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._early: Chunk | None = None  # a header that is not complete
        self.begun = False

    def lose(self) -> None:
        """The client's first bytes are missing."""
        self.begun = True
        self._early = None

    def behind(self, chunk: Chunk) -> Chunk:
        """The client's first bytes without the header in front of them; without any while it is incomplete.

        Servers may greet before they have read it, so it comes before or after the greeting.
        """
        sender, data, ends, frames, times = chunk
        if self._early is not None:
            _, begin, marks, first, early = self._early
            self._early = None
            ends = [*marks, *(len(begin) + end for end in ends)]
            data, frames, times = begin + data, first + frames, early + times
        length = 0
        try:
            header = decode_proxy(data)
        except Truncated:
            self._early = (sender, data, ends, frames, times)
            return sender, b"", [], [], []
        except BadValue:
            header = None
        self.begun = True
        greeting = self._facts.greeting
        if header is not None:
            greeting.proxy, greeting.proxy_frame = header, frames[0]
            length = header.length
        greeting.client_first = data[length : max(ends[0], length + 1)][:FIRST_BYTES]
        skip = sum(end <= length for end in ends)
        return sender, data[length:], [end - length for end in ends[skip:]], frames[skip:], times[skip:]

"""What of the connections stands in the page as plain HTML, for readers without JavaScript: a bounded part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from analyzer.report.html.connection_view import View, joined

STATIC_ROWS: Final = 200
STATIC_BYTES: Final = 240 << 10
STATIC_CANDIDATES: Final = 12
STATIC_PACKETS: Final = 100  # of one connection
STATIC_COMMANDS: Final = 40

_encode = msgspec.json.Encoder().encode


class StaticCandidate(msgspec.Struct):
    """A connection that may stand in the page as plain HTML."""

    anchor: str
    faulty: bool
    view: list[bytes]
    packets: list[bytes]


class StaticPart:
    """Collects rows of the table, and the connections that may stand in the page, by their number among those kept."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._candidates: dict[int, StaticCandidate] = {}

    def add_row(self, values: list[bytes], anchor: str) -> None:
        """A row of the table: the JSON of its values."""
        if len(self.rows) < STATIC_ROWS:
            self.rows.append([*map(msgspec.json.decode, values), anchor])

    def add(self, number: int, anchor: str, faulty: bool, view: list[bytes]) -> None:
        """A connection whose packets are kept, or will come."""
        if sum(one.faulty == faulty for one in self._candidates.values()) < STATIC_CANDIDATES:
            self._candidates[number] = StaticCandidate(anchor, faulty, view, [])

    def packets(self, number: int, columns: list[bytes]) -> None:
        """The packets of one of them."""
        if number in self._candidates:
            self._candidates[number].packets = columns

    def views(self) -> Iterator[View]:
        """The connections that stand in the page as HTML: those with something wrong first, in order, within bounds."""
        left = STATIC_BYTES
        ready = {number: one for number, one in self._candidates.items() if one.packets}
        chosen: dict[int, View] = {}
        for number in sorted(ready, key=lambda number: (not ready[number].faulty, number)):
            found = _shortened(ready[number])
            # HTML takes about two and a half times the room of the JSON.
            size = len(_encode(found)) * 5 // 2
            if size <= left:
                left -= size
                chosen[number] = found
        for number in sorted(chosen):
            yield chosen[number]


def _shortened(one: StaticCandidate) -> View:
    """A connection as plain HTML has it: of a long one the beginning."""
    found: View = {"id": one.anchor, **joined(one.view, one.packets)}
    packets, commands = found["packets"], found["commands"]
    if len(packets) > STATIC_PACKETS:
        found["left_out"] += len(packets) - STATIC_PACKETS
        found["packets"] = packets[:STATIC_PACKETS]
    if len(commands) > STATIC_COMMANDS:
        found["commands"] = commands[:STATIC_COMMANDS]
        found["listed"] = f"The first {STATIC_COMMANDS}; with JavaScript this page lists {len(commands)}."
    return found

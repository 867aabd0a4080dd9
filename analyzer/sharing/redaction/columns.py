"""Frames that are to be written, in columns: what the capture, the ledger and the writer say of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from analyzer.batches import FrameBatch, zeros
from analyzer.sharing.ledger import WIDTH, LedgerRows

_WIDTH = WIDTH
# Sides whose envelopes are found without a dictionary: in each slot the last.
_SLOTS: Final = 1 << 10


class FrameColumns:
    """Those frames of a batch that are of known connections (`known`, by number), or that are wanted all the same.

    frame, row   its place in the batch, and in the ledger's rows; -1: it is of no known connection
    side, place  as the ledger has them; -1 where there is no row
    offset, captured, original, time_ns   as the capture has them
    at, length   of the payload in its frame; `at` -1: it is not in there as it stands
    opened       it is of a connection that is made anew (`made`)
    first        the piece of its stream that stands there or before
    payload      where the new one stands among those that were read; NOTHING, SCATTERED
    envelope     its place in the list of envelopes; -1: none is known
    interface    as it is written
    """

    __slots__ = (
        *("_batch", "at", "captured", "count", "envelope", "first", "frame", "interface", "length", "offset", "opened"),
        *("original", "payload", "place", "row", "side", "time_ns"),
    )

    def __init__(
        self,
        batch: FrameBatch,
        rows: LedgerRows,
        known: bytes,
        made: set[int],
        wanted: Mapping[int, object] | None,
    ) -> None:
        """`wanted` are numbers of frames that are there without a row; None: all are."""
        size = len(batch)
        self._batch = batch
        self.frame, self.row, self.side, self.place = (zeros("q", size) for _ in range(4))
        self.offset, self.captured, self.original, self.time_ns = (zeros("q", size) for _ in range(4))
        self.at, self.length, self.first, self.payload = (zeros("q", size) for _ in range(4))
        self.envelope, self.interface, self.opened = (zeros("q", size) for _ in range(3))
        self.count = 0
        self._choose(rows.numbers, known, made, wanted)

    def _choose(self, ledger: memoryview, known: bytes, made: set[int], wanted: Mapping[int, object] | None) -> None:
        batch = self._batch
        number, offset, captured = batch.column("number"), batch.column("offset"), batch.column("captured")
        original, time_ns = batch.column("original"), batch.column("timestamp_ns")
        row, count, most = 0, len(ledger) // _WIDTH, len(known)
        opens = bool(made)
        for index in range(len(number)):
            own = -1
            while row < count and ledger[_WIDTH * row] <= number[index]:
                stream = ledger[_WIDTH * row + 1] >> 1
                if ledger[_WIDTH * row] == number[index] and 0 <= stream < most and known[stream]:
                    own = row
                row += 1
            if own < 0 and wanted is not None and (not wanted or number[index] not in wanted):
                continue
            at = self.count
            self.frame[at], self.row[at], self.side[at], self.at[at] = index, own, -1, -1
            self.offset[at], self.captured[at], self.original[at] = offset[index], captured[index], original[index]
            self.time_ns[at] = max(time_ns[index], 0)
            if own >= 0:
                own *= _WIDTH
                self.side[at], self.place[at] = ledger[own + 1], ledger[own + 2]
                self.at[at], self.length[at] = ledger[own + 3], ledger[own + 4]
                self.opened[at] = opens and (ledger[own + 1] >> 1) in made
            self.count += 1

    def enclose(self, ask: Callable[[int, int, int], Any], plain: bool) -> list[Any]:
        """The envelopes of frames; `ask` is asked for that of a side (and its link type), and told where a frame is."""
        link = self._batch.column("link_type")
        numbers: dict[int, int] = {}
        codes, places = zeros("q", _SLOTS), zeros("q", _SLOTS)
        made: list[Any] = []
        for at in range(self.count):
            self.envelope[at] = -1
            if not plain or self.side[at] < 0 or self.opened[at] or self.at[at] < 0:
                continue
            code = self.side[at] << 16 | link[self.frame[at]]
            slot = (code >> 16) % _SLOTS
            if codes[slot] != code + 1:  # no code is -1
                known = numbers.get(code)
                if known is None:
                    one = ask(code, self.offset[at], self.captured[at])
                    known = numbers[code] = -1 if one is None else len(made)
                    if one is not None:
                        made.append(one)
                codes[slot], places[slot] = code + 1, known
            self.envelope[at] = places[slot]
        return made

    def put_under(self, ask: Callable[[int, int, int], int]) -> None:
        """The interface of each that has an envelope; `ask` gives it by source, link type and number in the source."""
        link, source, own = self._batch.column("link_type"), self._batch.find("source"), self._batch.find("interface")
        numbers: dict[int, int] = {}
        last = found = -1
        for at in range(self.count):
            if self.envelope[at] < 0:
                continue
            index = self.frame[at]
            code = link[index]
            if own is not None:
                code |= own[index] << 16
            if source is not None:
                code |= source[index] << 48
            if code != last:
                known = numbers.get(code)
                if known is None:
                    known = numbers[code] = ask(code >> 48, code & 0xFFFF, code >> 16 & 0xFFFF_FFFF)
                last, found = code, known
            self.interface[at] = found

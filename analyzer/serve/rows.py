"""The rows of a page's table, as those who look on get them: each time what has changed since they were told last.

Nothing waits for anybody: who is slow gets the newest of each row, once.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

# Rows in one answer.
AT_ONCE: Final = 500
# Of changes that are no longer the newest of their row there may be so many for each row.
STALE: Final = 2
# The oldest go together, when there are more than allowed by this share: for who looks on that is work.
SHARE: Final = 20


class RowLog:
    """Rows by number, from 0 up, in the order in which they were put in first.

    most    rows that are kept; with `newest` the oldest go, else later ones are left out
    oldest  the number of the first row that is kept
    left_out  rows for which there was no room
    """

    def __init__(self, most: int, newest: bool) -> None:
        self._most = most
        self._newest = newest
        self._rows: dict[int, tuple[int, bytes]] = {}  # number -> (change, JSON)
        self._numbers: dict[object, int] = {}
        self._keys: dict[int, object] = {}
        self._changes: list[int] = []  # rising
        self._changed: list[int] = []  # the row of each change
        self._next = 0
        self.change = 0
        self.oldest = 0
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: object, values: list[bytes]) -> int | None:
        """Puts a row in, or changes it; `values` are JSON, to which its number is added. Its number; None: no room."""
        number = self._numbers.get(key)
        if number is None:
            if not self._newest and len(self._rows) >= self._most:
                self.left_out += 1
                return None
            number = self._numbers[key] = self._next
            self._keys[number] = key
            self._next += 1
        self.change += 1
        self._rows[number] = self.change, b"[" + b",".join([*values, b"%d" % number]) + b"]"
        self._changes.append(self.change)
        self._changed.append(number)
        if len(self._rows) > self._most + self._most // SHARE:
            self._trim()
        if len(self._changes) > STALE * len(self._rows) + AT_ONCE:
            self._tidy()
        return number

    def key(self, number: int) -> object | None:
        """The key of a row that is kept."""
        return self._keys.get(number)

    def row(self, number: int) -> bytes | None:
        """The JSON of a row that is kept."""
        known = self._rows.get(number)
        return None if known is None else known[1]

    def since(self, change: int) -> tuple[list[bytes], int]:
        """Rows that were changed after a change, those changed first in front, and the change up to which it is."""
        found: list[bytes] = []
        at = bisect_right(self._changes, change)
        while at < len(self._changes) and len(found) < AT_ONCE:
            change, number = self._changes[at], self._changed[at]
            known = self._rows.get(number)
            if known is not None and known[0] == change:
                found.append(known[1])
            at += 1
        return found, change

    def changed(self, change: int) -> list[int]:
        """The numbers of all rows that were changed after a change."""
        return list(
            dict.fromkeys(one for one in self._changed[bisect_right(self._changes, change) :] if one in self._rows)
        )

    def _trim(self) -> None:
        first = self._next - self._most
        for number in range(self.oldest, first):
            self._rows.pop(number, None)
            self._numbers.pop(self._keys.pop(number, None), None)
        self.oldest = first

    def _tidy(self) -> None:
        """Forgets changes after which the row has changed again, or gone."""
        kept = sorted((change, number) for number, (change, _) in self._rows.items())
        self._changes = [change for change, _ in kept]
        self._changed = [number for _, number in kept]

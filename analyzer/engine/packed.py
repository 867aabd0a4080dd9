"""What is told of connections on its way between processes: those of known kinds by their rows."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final, TypeAlias

import msgspec

from analyzer.analysis import Alike
from analyzer.analysis.connection.kinds import STREAM, ConnectionKind

# Items come in the order of their keys; those of several processes are merged by them.
Key: TypeAlias = "tuple[int, ...]"
# Kinds that are known by their numbers.
MOST_KINDS: Final = 4096
# The last version of marshal's format that looks for no object twice.
_NO_REFERENCES: Final = 2


class Packed(msgspec.Struct, frozen=True):
    """Results of one process, on their way to another.

    kinds  that were not named before; `anew`: all that were are forgotten
    rows   (number of the kind, row) of connections, with `marshal`, which is several times as fast as `pickle`
    """

    process: int
    anew: bool
    kinds: list[ConnectionKind]
    rows: bytes
    others: list[tuple[Key, Any]]


class Packer:
    """Packs what its process sends, and unpacks what others sent to it: (number of a connection,) and what is told."""

    def __init__(self) -> None:
        self.process = 0
        self._numbers: dict[ConnectionKind, int] = {}
        self._kinds: dict[int, list[ConnectionKind]] = {}

    def packed(self, items: Iterable[tuple[Key, Any]]) -> Packed:
        """These, in the order in which they are sent."""
        numbers, rows, others, kinds = self._numbers, [], [], []
        anew = len(numbers) >= MOST_KINDS
        if anew:
            numbers.clear()
        for item in items:
            alike = item[1]
            if not isinstance(alike, Alike):
                others.append(item)
                continue
            number = numbers.get(alike.kind)
            if number is None:
                number = numbers[alike.kind] = len(numbers)
                kinds.append(alike.kind)
            rows.append((number, alike.row))
        return Packed(self.process, anew, kinds, marshal.dumps(rows, _NO_REFERENCES), others)

    def unpacked(self, packed: Packed) -> list[tuple[Key, Any]]:
        """What another process packed."""
        kinds = self._kinds.setdefault(packed.process, [])
        if packed.anew:
            kinds.clear()
        kinds += packed.kinds
        items: list[tuple[Key, Any]] = [
            ((row[STREAM],), Alike(kinds[number], row)) for number, row in marshal.loads(packed.rows)
        ]
        if packed.others:
            items = sorted(items + packed.others, key=itemgetter(0))
        return items

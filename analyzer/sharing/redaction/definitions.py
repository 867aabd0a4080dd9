"""Plain column definitions, which have short ASCII names and name themselves: written anew in a compiled loop.

All others go through `PacketRedactor`, and so does the first of each schema.
"""

from __future__ import annotations

from array import array
from typing import Final

from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.tables.capabilities import MARIADB_CLIENT_EXTENDED_METADATA
from analyzer.protocol.tables.collations import COLLATIONS, MARIADB_COLLATIONS
from analyzer.protocol.tables.column_types import COLUMN_TYPES
from analyzer.sharing.redaction.packets import PacketRedactor

# catalog, schema, table, org_table, name, org_name; behind them the length of the fixed fields, and these.
_NAMES: Final = 6
_SCHEMA: Final = 1
_NAME: Final = 4
_ORG_NAME: Final = 5
_FIXED: Final = 12
# Longer names are rare.
_LONGEST: Final = 64
_MOST_SCHEMAS: Final = 1024
_LISTED: Final = b"_in_"
_TYPES: Final = bytes(byte in COLUMN_TYPES for byte in range(256))
_PLAIN: Final = bytes(byte < 0x80 and (chr(byte).isalnum() or byte in b"_$ -") for byte in range(256))


class PlainDefinitions:
    """Redacts definitions as `packets` does. `replaced` schemas are to be counted; `unknown` is one to be met."""

    __slots__ = (
        *("_collations", "_plain", "_schemas", "_starts", "_stays", "_stops", "_types", "packets", "replaced"),
        *("unknown",),
    )

    def __init__(self, packets: PacketRedactor) -> None:
        self.packets = packets
        # Names of tables and columns stay, and nobody lists what was replaced.
        self._stays = "identifiers" in packets.keep.kinds and packets.replacements.listed is None
        # Schema -> (what becomes of it, how often that counts).
        self._schemas: dict[bytes, tuple[bytes, int]] = {}
        self._collations = frozenset(COLLATIONS) | frozenset(MARIADB_COLLATIONS)
        self._types, self._plain = _TYPES, _PLAIN
        self._starts, self._stops = array("q", bytes(8 * _NAMES)), array("q", bytes(8 * _NAMES))
        self.replaced = 0
        self.unknown: bytes | None = None

    def may(self, in_force: int) -> bool:
        """Whether definitions of a connection can be plain."""
        return self._stays and not in_force & MARIADB_CLIENT_EXTENDED_METADATA

    def forget(self) -> None:
        """More names have become known."""
        self._schemas.clear()

    def learn(self, schema: bytes) -> None:
        """Works out what becomes of a schema, or a catalog, that was met."""
        counts = self.packets.replacements.counts
        before = counts.get("databases", 0)
        made = self.packets.schema(schema)
        count = counts.get("databases", 0) - before
        if count:
            counts["databases"] = before
        if len(self._schemas) >= _MOST_SCHEMAS:
            self._schemas.clear()
        self._schemas[schema] = made, count
        self.unknown = None

    def column(self, raw: bytes, start: int, stop: int, out: bytearray) -> ResultColumn | None:
        """Redacts the definition at `raw[start:stop]` in `out`, a copy; None, and nothing is written: it is none."""
        octets, plain, starts, stops = raw, self._plain, self._starts, self._stops
        at, end = start, stop - 1 - _FIXED
        for index in range(_NAMES):
            if at >= end:
                return None
            size = octets[at]
            at += 1
            if size > _LONGEST or size > end - at:
                return None
            starts[index] = at
            for place in range(at, at + size):
                byte = octets[place]
                # `Tables_in_shop` has a schema in it.
                if not plain[byte] or (byte == 0x5F and raw.startswith(_LISTED, place)):
                    return None
            at += size
            stops[index] = at
        if at != end or octets[at] != _FIXED or octets[stop - 1] or octets[stop - 2]:
            return None
        if starts[_NAME] == stops[_NAME] or starts[_ORG_NAME] == stops[_ORG_NAME]:
            return None
        return self._written(raw, at, out)

    def _written(self, raw: bytes, at: int, out: bytearray) -> ResultColumn | None:
        """The definition whose names were found, and whose fixed fields have their length at `at`."""
        octets, view, starts, stops = raw, out, self._starts, self._stops
        catalog, schema = self._schemas.get(raw[starts[0] : stops[0]]), self._schemas.get(raw[starts[1] : stops[1]])
        if catalog is None or schema is None:
            self.unknown = raw[starts[0] : stops[0]] if catalog is None else raw[starts[1] : stops[1]]
            return None
        for index, one in ((0, catalog), (1, schema)):
            if one[1]:
                self.replaced += one[1]
                out[starts[index] : stops[index]] = one[0]
        collation, kind = octets[at + 1] | octets[at + 2] << 8, octets[at + 7]
        if collation not in self._collations:
            view[at + 1] = view[at + 2] = 0
        if not self._types[kind]:
            view[at + 7] = 0
        name, other = raw[starts[_NAME] : stops[_NAME]], raw[starts[_ORG_NAME] : stops[_ORG_NAME]]
        flags = octets[at + 8] | octets[at + 9] << 8
        own = "" if other == name else other.decode("ascii")
        return ResultColumn(name.decode("ascii"), kind, flags, collation, octets[at + 10], own)

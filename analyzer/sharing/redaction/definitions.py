"""Plain column definitions, which have short ASCII names and name themselves: written anew in a compiled loop.

All others go through `PacketRedactor`, and so does the first of each schema.
"""

from __future__ import annotations

from array import array
from typing import Final

from analyzer.batches import copied
from analyzer.protocol.columns import BINARY_CHARSET, ResultColumn
from analyzer.protocol.tables.capabilities import MARIADB_CLIENT_EXTENDED_METADATA
from analyzer.protocol.tables.collations import COLLATIONS, MARIADB_COLLATIONS
from analyzer.protocol.tables.column_flags import UNSIGNED_FLAG
from analyzer.protocol.tables.column_types import COLUMN_TYPES
from analyzer.sharing.redaction.drawing import copy_octets
from analyzer.sharing.redaction.packets import PacketRedactor

# catalog, schema, table, org_table, name, org_name; behind them the length of the fixed fields, and these.
_NAMES: Final = 6
_SCHEMA: Final = 1
_NAME: Final = 4
_ORG_NAME: Final = 5
_FIXED: Final = 12


def _known_collations() -> bytes:
    """For each number of two bytes whether it is a collation's."""
    known = bytearray(1 << 16)
    for number in (*COLLATIONS, *MARIADB_COLLATIONS):
        known[number] = 1
    return bytes(known)


_COLLATIONS: Final = _known_collations()
# Longer names are rare.
_LONGEST: Final = 64
_MOST_SCHEMAS: Final = 1024
_UNDERSCORE: Final = 0x5F
_I: Final = 0x69
_UNSIGNED: Final = UNSIGNED_FLAG
_BINARY: Final = BINARY_CHARSET
_LISTED: Final = b"_in_"
_TYPES: Final = bytes(byte in COLUMN_TYPES for byte in range(256))
# Types whose values are text whatever their character set is.
_TEXTS: Final = bytes(ResultColumn("", byte, 0, BINARY_CHARSET, 0).is_text for byte in range(256))
_PLAIN: Final = bytes(byte < 0x80 and (chr(byte).isalnum() or byte in b"_$ -") for byte in range(256))


class PlainDefinitions:
    """Redacts definitions as `packets` does. `replaced` schemas are to be counted; `unknown` is one to be met.

    `reading` says how the values of all definitions are read since it was empty (`rows.reading_of`).
    """

    __slots__ = (
        *("_at", "_catalog", "_collations", "_front", "_plain", "_schema", "_schemas", "_starts"),
        *("_stays", "_stops", "_texts", "_types", "packets", "reading", "replaced", "unknown"),
    )

    def __init__(self, packets: PacketRedactor) -> None:
        self.packets = packets
        # Names of tables and columns stay, and nobody lists what was replaced.
        self._stays = "identifiers" in packets.keep.kinds and packets.replacements.listed is None
        # Schema -> (what becomes of it, how often that counts).
        self._schemas: dict[bytes, tuple[bytes, int]] = {}
        self._collations = _COLLATIONS
        # What stood in front of the table's name last, and what became of the catalog and the schema in it.
        self._front = b""
        self._catalog = self._schema = b"", 0
        self._types, self._plain, self._texts = _TYPES, _PLAIN, _TEXTS
        self._starts, self._stops = array("q", bytes(8 * _NAMES)), array("q", bytes(8 * _NAMES))
        self.replaced = 0
        self.unknown: bytes | None = None
        self.reading = bytearray()
        self._at = 0

    def may(self, in_force: int) -> bool:
        """Whether definitions of a connection can be plain."""
        return self._stays and not in_force & MARIADB_CLIENT_EXTENDED_METADATA

    def forget(self) -> None:
        """More names have become known."""
        self._schemas.clear()
        self._front = b""

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
        self._schemas[schema] = made if len(made) == len(schema) else bytes(len(schema)), count
        self._front = b""
        self.unknown = None

    def redact(self, raw: bytes, start: int, stop: int, out: bytearray) -> bool:
        """Redacts the definition at `raw[start:stop]` in `out`, a copy; False, and nothing is written: it is none."""
        octets, plain, starts, stops = raw, self._plain, self._starts, self._stops
        at, end = start, stop - 1 - _FIXED
        if stop > len(raw):
            return False
        for index in range(_NAMES):
            if at >= end:
                return False
            size = octets[at]
            at += 1
            if size > _LONGEST or size > end - at:
                return False
            starts[index] = at
            for place in range(at, at + size):
                byte = octets[place]
                # `Tables_in_shop` has a schema in it.
                if not plain[byte] or (
                    byte == _UNDERSCORE and octets[place + 1] == _I and raw.startswith(_LISTED, place)
                ):
                    return False
            at += size
            stops[index] = at
        if at != end or octets[at] != _FIXED or octets[stop - 1] or octets[stop - 2]:
            return False
        if starts[_NAME] == stops[_NAME] or starts[_ORG_NAME] == stops[_ORG_NAME]:
            return False
        return self._is_known(raw, start) and self._written(raw, at, out)

    def _is_known(self, raw: bytes, start: int) -> bool:
        """Whether it is known what becomes of the catalog and the schema; nearly always they are those from before."""
        octets, front, starts, stops = raw, self._front, self._starts, self._stops
        size = stops[_SCHEMA] - start
        index = 0
        if size == len(front):
            known = front
            while index < size and octets[start + index] == known[index]:
                index += 1
            if index == size:
                return True
        catalog, schema = self._schemas.get(raw[starts[0] : stops[0]]), self._schemas.get(raw[starts[1] : stops[1]])
        if catalog is None or schema is None:
            self.unknown = raw[starts[0] : stops[0]] if catalog is None else raw[starts[1] : stops[1]]
            return False
        self._catalog, self._schema = catalog, schema
        self._front = raw[start : stops[_SCHEMA]]
        return True

    def _written(self, raw: bytes, at: int, out: bytearray) -> bool:
        """Writes the definition whose names were found, and whose fixed fields have their length at `at`."""
        octets, view, starts = raw, out, self._starts
        for index in range(_SCHEMA + 1):
            one = self._schema if index else self._catalog
            if one[1]:
                self.replaced += one[1]
                made = one[0]
                copy_octets(made, 0, len(made), out, starts[index])
        collation, kind = octets[at + 1] | octets[at + 2] << 8, octets[at + 7]
        if not self._collations[collation]:
            view[at + 1] = view[at + 2] = 0
        if not self._types[kind]:
            view[at + 7] = 0
        flags = octets[at + 8] | octets[at + 9] << 8
        reading = self.reading
        reading.append(kind)
        reading.append(flags & _UNSIGNED != 0)
        reading.append(collation != _BINARY or self._texts[kind] != 0)
        self._at = at
        return True

    def column(self, raw: bytes) -> ResultColumn:
        """The column whose definition was redacted last."""
        starts, stops, at = self._starts, self._stops, self._at
        name = copied(raw, starts[_NAME], stops[_NAME])
        other = copied(raw, starts[_ORG_NAME], stops[_ORG_NAME])
        flags, collation = raw[at + 8] | raw[at + 9] << 8, raw[at + 1] | raw[at + 2] << 8
        own = "" if other == name else other.decode("ascii")
        return ResultColumn(name.decode("ascii"), raw[at + 7], flags, collation, raw[at + 10], own)

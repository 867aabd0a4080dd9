"""Text for a terminal: tables, bytes, records. Nothing from the wire reaches it unescaped, and no password at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.machine.machine import AnyRecord

SHOWN_BYTES: Final = 64
# A part of a password shorter than this is not looked for in a packet that was cut on purpose.
SHORTEST_PART: Final = 4
NULL: Final = "NULL"
# Rows that a table is made as wide as.
SEEN: Final = 500


def plain(text: str) -> str:
    """`text` with everything that a terminal would act on (and lone surrogates) written as an escape."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii") for char in text
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Columns as wide as their longest value, a rule below the names."""
    writer = TableWriter(columns)
    return "".join([writer.row(row) for row in rows]) + writer.end()


class TableWriter:
    """A table as its rows come: as wide as the first `SEEN` of them need; later ones stand out where they are wider."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._first: list[list[str]] | None = [[plain(name) for name in columns]]
        self._widths: list[int] = []

    def row(self, row: Sequence[str | None]) -> str:
        """What is to be written now; empty while the widths are not known."""
        cells = [NULL if value is None else plain(value) for value in row]
        if self._first is None:
            return self._line(cells)
        self._first.append(cells)
        return self.end() if len(self._first) > SEEN else ""

    def end(self) -> str:
        """What is left to be written; nothing where there are no columns."""
        first, self._first = self._first, None
        if not first or not self._columns:
            return ""
        self._widths = [max(len(row[index]) for row in first) for index in range(len(self._columns))]
        lines = [self._line(row) for row in first]
        return lines[0] + self._line(["-" * width for width in self._widths]) + "".join(lines[1:])

    def _line(self, cells: Sequence[str]) -> str:
        return "  ".join(value.ljust(width) for value, width in zip(cells, self._widths, strict=True)).rstrip() + "\n"


def shortened(value: str | None) -> str | None:
    """The beginning of a long value, and how long it is."""
    if value is None or len(value) <= SHOWN_BYTES:
        return value
    return f"{value[:SHOWN_BYTES]} ... ({len(value)} characters)"


def masked(data: bytes, secrets: Iterable[bytes]) -> bytes:
    """`data` with stars in place of each secret, or of the beginning of one that was cut."""
    for secret in secrets:
        for length in range(len(secret), 0, -1):
            if length < min(len(secret), SHORTEST_PART):
                break
            if secret[:length] in data:
                data = data.replace(secret[:length], b"*" * length)
                break
    return data


def hex_lines(data: bytes) -> list[str]:
    """Offset, sixteen bytes in hex, the same as text."""
    lines = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"{start:04x}  {part.hex(' '):<47}  {text}")
    return lines


def field_lines(record: AnyRecord, secrets: Sequence[bytes]) -> list[str]:
    """The fields of a record, a line each."""
    return [f"{name}: {_value(value, secrets)}" for name, value in msgspec.structs.asdict(record).items()]


def _value(value: Any, secrets: Sequence[bytes]) -> str:
    if isinstance(value, bytes):
        shown = masked(value, secrets)
        more = f" ... {len(shown)} bytes" if len(shown) > SHOWN_BYTES else ""
        return (shown[:SHOWN_BYTES].hex(" ") or "(empty)") + more
    if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        return ", ".join(f"{plain(str(name))}={_value(part, secrets)}" for name, part in value) or "(none)"
    text = plain(str(value))
    return text if len(text) <= 400 else text[:400] + " ..."


def secrets_of(passwords: Iterable[bytes], detail: AuthRecord | None) -> list[bytes]:
    """All that has to be masked in a packet: the passwords given, and the one the plugin's record holds."""
    found = [password for password in passwords if password]
    said = getattr(detail, "password", b"")
    if isinstance(said, bytes) and said:
        found.append(said)
    return found

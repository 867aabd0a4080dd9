"""Replacements: of the same length and the same kind, always the same for the same value under the same key.

Digits become digits, small letters small letters, capitals capitals; signs and white space stay, so that dates, paths
and mail addresses keep their form. UTF-8 stays UTF-8, with characters of as many bytes. Each value is drawn from the
key and the value, most as `drawing` says, the rest from SHAKE256 (FIPS 202): without the key nothing can be said of it
but its form, and with it only what can be guessed.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from analyzer.sharing.redaction.addresses import AddressMap
from analyzer.sharing.redaction.drawing import ALPHABETS, LONGEST_FORMED, Drawing

# Replacements that are kept, and characters of them.
_MOST_KEPT: Final = 50_000
_MOST_CHARACTERS: Final = 8 << 20
_LONGEST_KEPT: Final = 4096
# Pairs that a dictionary for the one who shared it holds at most.
MOST_LISTED: Final = 1_000_000

_DIGITS: Final = ALPHABETS[0]
_HEX: Final = b"0123456789abcdef"
_HEX_CAPITAL: Final = b"0123456789ABCDEF"

_NUMBER: Final = re.compile(rb"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_UUID: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_CHARACTERS: Final = re.compile(r"[^\x00-\x7f]")


def _alphabet_of(byte: int) -> bytes:
    """What may stand in a byte's place: itself alone for what is kept."""
    for alphabet in ALPHABETS:
        if byte in alphabet:
            return alphabet
    # Of character sets with two bytes for a character: what begins one stays what begins one.
    for first, last in ((0x80, 0x9F), (0xA0, 0xDF), (0xE0, 0xFC), (0xFD, 0xFE)):
        if first <= byte <= last:
            return bytes(range(max(first, 0x81), last + 1))
    return bytes([byte])


_ALPHABETS: Final[tuple[bytes, ...]] = tuple(map(_alphabet_of, range(256)))
_HEX_ALPHABETS: Final[tuple[bytes, ...]] = tuple(
    _HEX if byte in _HEX and not 0x30 <= byte < 0x3A
    else _HEX_CAPITAL if byte in _HEX_CAPITAL and not 0x30 <= byte < 0x3A
    else _DIGITS if byte in _DIGITS
    else _alphabet_of(byte)
    for byte in range(256)
)  # fmt: skip
# By byte: what each byte of a keystream makes of it.
_CYCLES: Final = {alphabet: (alphabet * 256)[:256] for alphabet in {*_ALPHABETS, *_HEX_ALPHABETS}}
_TABLES: Final[tuple[bytes, ...]] = tuple(map(_CYCLES.__getitem__, _ALPHABETS))
_HEX_TABLES: Final[tuple[bytes, ...]] = tuple(map(_CYCLES.__getitem__, _HEX_ALPHABETS))


class Replacements:
    """Makes replacements under one key; `counts`, one object, says how many of each kind, `listed` which, if asked."""

    def __init__(self, key: bytes, listed: bool = False) -> None:
        self._key = hashlib.blake2b(key, digest_size=64).digest()
        self._labelled: dict[bytes, bytes] = {}  # few: labels are this program's own
        self.drawing = Drawing(self.stream(b"drawing", b"", 16))
        self._kept: dict[bytes, bytes] = {}
        self._characters = 0
        self.addresses = AddressMap(self.stream)
        self.counts: dict[str, int] = {}
        self.listed: dict[tuple[str, bytes], bytes] | None = {} if listed else None

    def stream(self, label: bytes, value: bytes, size: int) -> bytes:
        """`size` bytes that only who has the key can know."""
        before = self._labelled.get(label)
        if before is None:
            before = self._labelled[label] = self._key + len(label).to_bytes(2, "big") + label
        return hashlib.shake_256(before + value).digest(size)

    def count(self, kind: str, number: int = 1) -> None:
        """Notes that something of this kind was replaced."""
        self.counts[kind] = self.counts.get(kind, 0) + number

    def text(self, kind: str, value: bytes) -> bytes:
        """A text in its place. `kind` is what it is counted as: the same text is the same in all of them."""
        if not value:
            return value
        self.counts[kind] = self.counts.get(kind, 0) + 1
        found = self._kept.get(value)
        if found is None:
            found = self._made(value)
            if len(value) <= _LONGEST_KEPT:
                if len(self._kept) >= _MOST_KEPT or self._characters > _MOST_CHARACTERS:
                    self._kept.clear()
                    self._characters = 0
                self._kept[value] = found
                self._characters += len(value)
        if self.listed is not None and len(self.listed) < MOST_LISTED and len(value) <= _LONGEST_KEPT:
            self.listed[kind, value] = found
        return found

    def digits(self, kind: str, value: bytes) -> bytes:
        """A text with hexadecimal digits: those stay such."""
        self.count(kind)
        return self._drawn(b"hex", value, _HEX_TABLES)

    def noise(self, kind: str, value: bytes) -> bytes:
        """Any bytes in place of others; what is zero from end to end stays so."""
        if value.count(0) == len(value):
            return value
        self.count(kind)
        return self.drawing.noise(value)

    def nonce(self, kind: str, value: bytes) -> bytes:
        """Printable characters in place of bytes; a zero stays one."""
        if value.count(0) == len(value):
            return value
        self.count(kind)
        return self.drawing.nonce(value)

    def integer(self, kind: str, value: int, least: int, most: int) -> int:
        """A number in its place, as its decimal text has it, if that is between `least` and `most`."""
        self.count(kind)
        if value < 0:
            return -self.drawing.integer(-value, True, 1, -least)
        return self.drawing.integer(value, False, max(least, 0), most)

    # -- how they are made ---------------------------------------------------------------------------------------------

    def _made(self, value: bytes) -> bytes:
        first = value[0]
        if len(value) <= LONGEST_FORMED and (first < 0x3B or first in b"abcdefABCDEF"):
            formed = self._formed(value)
            if formed is not None:
                return formed
        if value.isascii():
            return self.drawing.ascii(value)
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return self._drawn(b"text", value, _TABLES)
        drawn = self.stream(b"wide", value, 3 * len(text))
        places_drawn = iter(range(0, 3 * len(text), 3))

        def other(found: re.Match[str]) -> str:
            at = next(places_drawn)
            number = drawn[at] << 16 | drawn[at + 1] << 8 | drawn[at + 2]
            code = ord(found.group())
            if code < 0x800:
                return chr(0x430 + number % 32)
            return chr(0x4E00 + number % 0x5000 if code < 0x10000 else 0x20000 + number % 0xA000)

        wide = _CHARACTERS.sub(other, text).encode()
        table = self._drawn(b"text", value, _TABLES)
        return bytes([old if old >= 0x80 else new for old, new in zip(wide, table, strict=True)])

    def _formed(self, value: bytes) -> bytes | None:
        """A value of a known form: an address, a number, a date, a UUID; None for all else."""
        address = self.addresses.text(value)
        if address is not None:
            return address
        if _NUMBER.fullmatch(value):
            return self.drawing.number(value, 0)
        dated = self.drawing.dated(value)
        if dated is not None:
            return dated
        if _UUID.fullmatch(value):
            return self._drawn(b"hex", value, _HEX_TABLES)
        return None

    def _drawn(self, label: bytes, value: bytes, tables: tuple[bytes, ...]) -> bytes:
        drawn = self.stream(label, value, len(value))
        return bytes([tables[old][new] for old, new in zip(value, drawn, strict=True)])


def difference(counts: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """What was counted since, by kind."""
    return {kind: count - before.get(kind, 0) for kind, count in counts.items() if count != before.get(kind, 0)}

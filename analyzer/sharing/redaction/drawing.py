"""Plain text drawn anew: letters for letters, digits for digits, of one value always the same, from a key.

What is drawn is SipHash-2-4 of the value (Aumasson, Bernstein 2012; its output of 128 bits), made longer by
xoroshiro128++ (Blackman, Vigna 2019): who does not have the key learns from it nothing but the value's form. Values
with few places that can vary are permuted instead, so that no two become one: a Feistel network over these places, each
round of which moves one half by what is drawn from the other (NIST SP 800-38G has the same idea).
"""

from __future__ import annotations

from array import array
from typing import Final

Bytes = bytes | bytearray | memoryview

# No value that is longer has a form of its own: an address, a number, a date, a UUID.
LONGEST_FORMED: Final = 45
# The same once more: here it is a number of C.
_LONGEST: Final = LONGEST_FORMED
_UUID_DIGITS: Final = 32
# Values up to so many places that can vary are permuted.
_PERMUTED: Final = 6

ALPHABETS: Final = (
    b"0123456789",
    b"abcdefghijklmnopqrstuvwxyz",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    bytes([*range(1, 9), 11, 12, *range(14, 32), 127]),
)
# Kinds of bytes: what stays, the places of ALPHABETS and one, what is not ASCII.
_FIXED: Final = 0
_DIGIT: Final = 1
_CONTROL: Final = 4
_WIDE: Final = 5


def _kind_of(byte: int) -> int:
    return next((kind for kind, one in enumerate(ALPHABETS, 1) if byte in one), _WIDE if byte >= 0x80 else _FIXED)


_KINDS: Final = bytes(map(_kind_of, range(256)))
# Of each kind of bytes: how many there are, and where a byte stands among them.
_SIZES: Final = bytes([1, *map(len, ALPHABETS), 1])
_RANKS: Final = bytes(ALPHABETS[kind - 1].index(byte) if 0 < kind < _WIDE else 0 for byte, kind in enumerate(_KINDS))
# 256 * byte + what is drawn for it -> what stands in its place.
_MADE: Final = b"".join(
    bytes(ALPHABETS[kind - 1][drawn % _SIZES[kind]] for drawn in range(256))
    if 0 < kind < _WIDE
    else bytes([byte]) * 256
    for byte, kind in enumerate(_KINDS)
)
# What a form is known by: bits for kinds of bytes, and for signs.
_WIDE_BIT: Final = 1
_CONTROL_BIT: Final = 2
_LETTER_BIT: Final = 4
_SIGN_BIT: Final = 8  # a colon, or any that no number has
_MARKS: Final = bytes(
    _WIDE_BIT if kind == _WIDE
    else _CONTROL_BIT if kind == _CONTROL
    else _LETTER_BIT if kind in (2, 3)
    else 0 if kind == _DIGIT or byte in b"-."
    else _SIGN_BIT
    for byte, kind in enumerate(_KINDS)
)  # fmt: skip

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_PRIME: Final = 0x100_0000_01B3
# What is drawn for: each has draws of its own.
_TEXT: Final = 1
_NUMBER: Final = 2
_ROUND: Final = 3
_MORE: Final = 4
_ROUNDS: Final = 6
_ZERO: Final = 0x30
# Bytes that are hashed, and drawn, in one go.
_CHUNK: Final = 1 << 12
_ROOM: Final = _CHUNK + 64


class Drawing:
    """Draws under a key of 16 bytes."""

    __slots__ = (
        *("_bytes", "_digits", "_form", "_key0", "_key1", "_kinds", "_made", "_marks", "_places", "_ranks"),
        *("_s0", "_s1", "_sizes", "_words"),
    )

    def __init__(self, key: bytes) -> None:
        self._key0 = int.from_bytes(key[:8], "little")
        self._key1 = int.from_bytes(key[8:16], "little")
        self._kinds, self._marks, self._sizes, self._ranks, self._made = _KINDS, _MARKS, _SIZES, _RANKS, _MADE
        self._places = array("q", bytes(8 * _PERMUTED))
        self._digits = array("q", bytes(8 * _PERMUTED))
        room = bytearray(_ROOM)
        # The same memory twice: what is hashed, and then what is drawn.
        self._bytes = memoryview(room)
        self._words = memoryview(room).cast("Q")
        self._s0 = self._s1 = self._form = 0

    # -- what may be asked ---------------------------------------------------------------------------------------------

    def ascii(self, value: bytes) -> bytes:
        """An ASCII text in its place."""
        out = bytearray(value)
        self._ascii(value, 0, len(value), out, 0)
        return bytes(out)

    def number(self, value: bytes, attempt: int) -> bytes:
        """A decimal number in its place: as many digits, the first no zero if it was none; zeros alone stay.

        Another `attempt` gives another number. An exponent stays.
        """
        out = bytearray(value)
        self._number(value, 0, len(value), out, 0, attempt)
        return bytes(out)

    def fill(self, data: Bytes, start: int, stop: int, out: bytearray, at: int, printable: bool) -> bool:
        """Writes to `out[at:]` what `data[start:stop]` becomes; False, and writes nothing, where it is not plain.

        Plain is ASCII that has no form of its own but a number's; `printable`: and no control characters.
        """
        size = stop - start
        marks = self._marks
        seen = 0
        for place in range(start, stop):
            seen |= marks[data[place]]
        if seen & _WIDE_BIT or (printable and seen & _CONTROL_BIT):
            return False
        if 0 < size <= _LONGEST and seen & (_CONTROL_BIT | _SIGN_BIT) == 0:
            dots = dashes = exponents = letters = 0
            for place in range(start, stop):
                byte = data[place]
                dots += byte == 0x2E
                dashes += byte == 0x2D and place > start
                letters += byte >= 0x41
                exponents += byte | 0x20 == 0x65
            if dashes or dots > 1 or size == _UUID_DIGITS or (letters == 1 and exponents == 1):
                return False
            if not letters and size > dots + (data[start] == 0x2D):
                self._number(data, start, stop, out, at, 0)
                return True
        elif size <= _LONGEST and seen & _SIGN_BIT:
            for place in range(start, stop):
                if data[place] in (0x2D, 0x3A):
                    return False
        self._ascii(data, start, stop, out, at)
        return True

    # -- how it is made ------------------------------------------------------------------------------------------------

    def _ascii(self, data: Bytes, start: int, stop: int, out: bytearray, at: int) -> None:
        """A text."""
        kinds = self._kinds
        vary = 0
        for place in range(start, stop):
            if kinds[data[place]]:
                vary += 1
                if vary > _PERMUTED:
                    break
        if vary <= _PERMUTED:
            count = 0
            form = 0
            for place in range(start, stop):
                byte = data[place]
                kind = kinds[byte]
                form = ((form ^ (kind if kind else 0x100 | byte)) * _PRIME) & _MASK
                if kind:
                    self._places[count] = place - start
                    count += 1
                else:
                    out[at + place - start] = byte
            self._form = form
            self._permute(data, start, count, out, at, 0)
            return
        self._hash(data, start, stop, _TEXT)
        made, drawn = self._made, self._bytes
        at -= start
        while start < stop:
            size = stop - start if stop - start < _CHUNK else _CHUNK
            self._draw((size + 7) // 8)
            for index in range(size):
                byte = data[start + index]
                out[at + start + index] = made[byte << 8 | drawn[index]]
            start += size

    def _number(self, data: Bytes, start: int, stop: int, out: bytearray, at: int, attempt: int) -> None:
        """Digits for digits."""
        lead = -1
        count = 0
        end = stop
        form = 1
        for place in range(start, stop):
            byte = data[place]
            out[at + place - start] = byte
            if byte | 0x20 == 0x65 and end == stop:
                end = place
            digit = self._kinds[byte] == _DIGIT and end == stop
            form = ((form ^ (1 if digit and (lead >= 0 or byte != _ZERO) else 0x100 | byte)) * _PRIME) & _MASK
            if digit and (lead >= 0 or byte != _ZERO):
                if lead < 0:
                    lead = place
                if count < _PERMUTED:
                    self._places[count] = place - start
                count += 1
        if lead < 0:
            return
        if not attempt and count <= _PERMUTED:
            self._form = form
            self._permute(data, start, count, out, at, 1)
            return
        self._hash(data, start, stop, _NUMBER | attempt << 8)
        drawn = self._bytes
        index = _CHUNK
        for place in range(lead, end):
            byte = data[place]
            if self._kinds[byte] != _DIGIT:
                continue
            if index == _CHUNK:
                index = 0
                self._draw(8 if end - lead <= 64 else _CHUNK // 8)
            byte = drawn[index]
            out[at + place - start] = 0x31 + byte % 9 if place == lead else _ZERO + byte % 10
            index += 1

    def _permute(self, data: Bytes, start: int, count: int, out: bytearray, at: int, leading: int) -> None:
        """The bytes at `_places`, moved among all values of the same `_form`. `leading`: the first is no zero."""
        places, digits, kinds, words = self._places, self._digits, self._kinds, self._words
        if not count:
            return
        for index in range(count):
            digits[index] = self._ranks[data[start + places[index]]]
        if leading:
            digits[0] -= 1
        middle = (count + 1) // 2
        for turn in range(_ROUNDS if count > 1 else 1):
            odd = turn & 1
            known = turn
            for index in range(0 if odd else middle, middle if odd else count):
                known = known << 5 | digits[index]
            words[0] = _ROUND | leading << 8
            words[1] = self._form
            words[2] = known
            self._sip(3)
            word = self._s0
            for index in range(middle if odd else 0, count if odd else middle):
                size = self._sizes[kinds[data[start + places[index]]]]
                if leading and index == 0:
                    size -= 1
                digits[index] = (digits[index] + (word & 0xFFFF)) % size
                word >>= 16
        for index in range(count):
            place = places[index]
            byte = data[start + place]
            out[at + place] = self._made[byte << 8 | (digits[index] + (1 if leading and index == 0 else 0))]

    # -- SipHash and what follows it -----------------------------------------------------------------------------------

    def _hash(self, data: Bytes, start: int, stop: int, label: int) -> None:
        """All of a value, a chunk at a time: each goes with what came of those before it."""
        words, room = self._words, self._bytes
        words[0] = label
        at = 8
        while True:
            size = stop - start if stop - start < _CHUNK else _CHUNK
            for index in range(size):
                room[at + index] = data[start + index]
            start += size
            at += size
            room[at] = size & 0xFF
            at += 1
            while at & 7:
                room[at] = 0
                at += 1
            self._sip(at // 8)
            if start == stop:
                return
            words[0] = _MORE | label << 8
            words[1], words[2] = self._s0, self._s1
            at = 24

    def _sip(self, count: int) -> None:
        """The hash of the first `count` words."""
        v0, v1 = self._key0 ^ 0x736F_6D65_7073_6575, self._key1 ^ 0x646F_7261_6E64_6F83
        v2, v3 = self._key0 ^ 0x6C79_6765_6E65_7261, self._key1 ^ 0x7465_6462_7974_6573
        words = self._words
        word = 0
        for number in range(count + 2):
            turns = 2
            if number < count:
                word = words[number]
                v3 ^= word
            else:
                turns = 4
                word = 0
                if number == count:
                    v2 ^= 0xEE
                else:
                    self._s0 = v0 ^ v1 ^ v2 ^ v3
                    v1 ^= 0xDD
            for _ in range(turns):
                v0 = (v0 + v1) & _MASK
                v1 = ((v1 << 13 & _MASK) | v1 >> 51) ^ v0
                v0 = (v0 << 32 & _MASK) | v0 >> 32
                v2 = (v2 + v3) & _MASK
                v3 = ((v3 << 16 & _MASK) | v3 >> 48) ^ v2
                v0 = (v0 + v3) & _MASK
                v3 = ((v3 << 21 & _MASK) | v3 >> 43) ^ v0
                v2 = (v2 + v1) & _MASK
                v1 = ((v1 << 17 & _MASK) | v1 >> 47) ^ v2
                v2 = (v2 << 32 & _MASK) | v2 >> 32
            v0 ^= word
        self._s1 = v0 ^ v1 ^ v2 ^ v3

    def _draw(self, count: int) -> None:
        """The next `count` words of what follows the hash."""
        s0, s1, words = self._s0, self._s1, self._words
        for index in range(count):
            total = (s0 + s1) & _MASK
            words[index] = (((total << 17 & _MASK) | total >> 47) + s0) & _MASK
            s1 ^= s0
            s0 = ((s0 << 49 & _MASK) | s0 >> 15) ^ s1 ^ (s1 << 21 & _MASK)
            s1 = (s1 << 28 & _MASK) | s1 >> 36
        self._s0, self._s1 = s0, s1

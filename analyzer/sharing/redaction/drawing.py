"""Plain text drawn anew: letters for letters, digits for digits, of one value always the same, from a key.

What is drawn is SipHash-1-3 of the value (Aumasson, Bernstein 2012; its output of 128 bits), made longer by
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
    ((ALPHABETS[kind - 1] if 0 < kind < _WIDE else bytes([byte])) * 256)[:256] for byte, kind in enumerate(_KINDS)
)
# What a form is known by: bits for kinds of bytes, and for signs.
_WIDE_BIT: Final = 1
_CONTROL_BIT: Final = 2
_LETTER_BIT: Final = 4
_SIGN_BIT: Final = 8  # a colon, or any that no number has
_FOREIGN_BIT: Final = 16  # any that no address, number or UUID has
_MARKS: Final = bytes(
    _WIDE_BIT if kind == _WIDE
    else _CONTROL_BIT if kind == _CONTROL
    else _LETTER_BIT if byte in b"abcdefABCDEF"
    else _LETTER_BIT | _FOREIGN_BIT if kind in (2, 3)
    else 0 if kind == _DIGIT or byte in b"-."
    else _SIGN_BIT if byte in b":+"
    else _SIGN_BIT | _FOREIGN_BIT
    for byte, kind in enumerate(_KINDS)
)  # fmt: skip

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_PRIME: Final = 0x100_0000_01B3
# What is drawn for: each has draws of its own.
_TEXT: Final = 1
_NUMBER: Final = 2
_ROUND: Final = 3
_MORE: Final = 4
_DATE: Final = 5
_CLOCK: Final = 6
_REAL: Final = 7
_SPAN: Final = 8
_NOISE: Final = 9
_RANGE: Final = 10
_SEALED: Final = 11
_ROUNDS: Final = 6
_ZERO: Final = 0x30
# Forms of dates and times: 0 a digit, T what stands between the two, all else as it is.
_DATE_FORM: Final = b"0000-00-00T00:00:00"
_DATE_SIZE: Final = 10
_CLOCK_SIZE: Final = 8
_MOST_FRACTION: Final = 7  # with its point
# Digits of the longest number with its sign, and without it.
_DIGITS: Final = 21
_MOST_DIGITS: Final = 20
# The largest number of 64 bits without its last digit, and this.
_MOST_TENTHS: Final = 0xFFFF_FFFF_FFFF_FFFF // 10
_LAST_TENTH: Final = 0xFFFF_FFFF_FFFF_FFFF % 10
# Short values that are remembered with what they became, and bytes of the longest.
_SLOTS: Final = 1 << 13
_SLOT_SHIFT: Final = 51
_SPREAD: Final = 0x9E37_79B9_7F4A_7C15
_REMEMBERED: Final = 8
# Eight bytes at once: each 1, a space, DEL, and the highest bit.
_ONES: Final = 0x0101_0101_0101_0101
_SPACES: Final = 0x2020_2020_2020_2020
_DELETES: Final = 0x7F7F_7F7F_7F7F_7F7F
_HIGHEST: Final = 0x8080_8080_8080_8080
# Bytes that are hashed, and drawn, in one go.
_CHUNK: Final = 1 << 12
_ROOM: Final = _CHUNK + 64


class KeyedStream:
    """SipHash under a key of 16 bytes, and what is drawn after it.

    words, octets  the same memory twice: what is hashed, and then what is drawn
    s0, s1         the halves of the hash that was asked for last
    """

    __slots__ = (*("_p0", "_p1", "_p2", "_p3", "_room", "_v0", "_v1", "_v2", "_v3", "octets", "s0", "s1", "words"),)

    def __init__(self, key: bytes) -> None:
        one, other = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
        # What a hash begins with.
        self._v0, self._v1 = one ^ 0x736F_6D65_7073_6575, other ^ 0x646F_7261_6E64_6F83
        self._v2, self._v3 = one ^ 0x6C79_6765_6E65_7261, other ^ 0x7465_6462_7974_6573
        self._p0 = self._p1 = self._p2 = self._p3 = 0
        room = self._room = bytearray(_ROOM)
        self.octets = room
        self.words = memoryview(room).cast("Q")
        self.s0 = self.s1 = 0

    def hash(self, data: Bytes, start: int, stop: int, label: int) -> None:
        """All of a value, a chunk at a time: each goes with what came of those before it."""
        words = self.words
        words[0] = label
        at = 1
        while True:
            size = stop - start if stop - start < _CHUNK else _CHUNK
            at = self._close(at, data, start, size)
            self.sip(0, at, 2)
            start += size
            if start >= stop:
                return
            words[0] = _MORE | label << 8
            words[1], words[2] = self.s0, self.s1
            at = 3

    def _close(self, at: int, data: Bytes, start: int, size: int) -> int:
        """Puts up to a chunk into the words from `at` on, how much it is behind it, and zeros; where they end."""
        end = at + size // 8 + 1
        self.words[end - 1] = 0
        copy_octets(data, start, size, self.octets, 8 * at)
        self.octets[8 * at + size] = size & 0xFF
        return end

    def is_plain(self, data: Bytes, start: int, stop: int) -> bool:
        """Whether a value of a chunk at most is ASCII without control characters, white space but blanks among them."""
        size = stop - start
        if size > _CHUNK:
            return False
        words = self.words
        copy_octets(data, start, size, self.octets, 0)
        some = 0
        for index in range(size // 8):
            word = words[index]
            other = word ^ _DELETES
            some |= word | (word - _SPACES) | ((other - _ONES) & ~other)
        for place in range(stop - (size & 7), stop):
            byte = data[place]
            some |= _HIGHEST if byte < 0x20 or byte >= 0x7F else 0
        return some & _HIGHEST == 0

    def sip(self, first: int, count: int, wanted: int) -> None:
        """The hash of the first `count` words, so many halves of it; those before `first` were hashed last."""
        if first:
            v0, v1, v2, v3 = self._p0, self._p1, self._p2, self._p3
        else:
            v0, v1, v2, v3 = self._v0, self._v1, self._v2, self._v3
        words = self.words
        # Here it is known to who compiles: what is masked is turned in one step.
        mask = 0xFFFF_FFFF_FFFF_FFFF
        word = 0
        for step in range(first, count + 3 * wanted):
            if step < count:
                word = words[step]
                v3 ^= word
            elif step == count:
                word = 0
                v2 ^= 0xEE
            elif step == count + 3:
                self.s0 = v0 ^ v1 ^ v2 ^ v3
                v1 ^= 0xDD
            v0 = (v0 + v1) & mask
            v1 = ((v1 << 13 & mask) | v1 >> 51) ^ v0
            v0 = (v0 << 32 & mask) | v0 >> 32
            v2 = (v2 + v3) & mask
            v3 = ((v3 << 16 & mask) | v3 >> 48) ^ v2
            v0 = (v0 + v3) & mask
            v3 = ((v3 << 21 & mask) | v3 >> 43) ^ v0
            v2 = (v2 + v1) & mask
            v1 = ((v1 << 17 & mask) | v1 >> 47) ^ v2
            v2 = (v2 << 32 & mask) | v2 >> 32
            v0 ^= word
        if not wanted:
            self._p0, self._p1, self._p2, self._p3 = v0, v1, v2, v3
        elif wanted == 1:
            self.s0 = v0 ^ v1 ^ v2 ^ v3
        else:
            self.s1 = v0 ^ v1 ^ v2 ^ v3

    def draw(self, count: int) -> None:
        """The next `count` words of what follows the hash."""
        s0, s1, words = self.s0, self.s1, self.words
        mask = 0xFFFF_FFFF_FFFF_FFFF
        for index in range(count):
            total = (s0 + s1) & mask
            words[index] = (((total << 17 & mask) | total >> 47) + s0) & mask
            s1 ^= s0
            s0 = ((s0 << 49 & mask) | s0 >> 15) ^ s1 ^ (s1 << 21 & mask)
            s1 = (s1 << 28 & mask) | s1 >> 36
        self.s0, self.s1 = s0, s1


class ShortValues:
    """What short values became, by their bytes as a number: in each slot the last."""

    __slots__ = ("made", "sizes", "values")

    def __init__(self) -> None:
        self.values, self.made = array("Q", bytes(8 * _SLOTS)), array("Q", bytes(8 * _SLOTS))
        self.sizes = bytearray(_SLOTS)


class Drawing:
    """Draws under a key of 16 bytes."""

    __slots__ = (
        *("_attempt", "_dates", "_digits", "_form", "_kinds", "_made", "_marks", "_places", "_ranks", "_seen"),
        *("_short", "_sizes", "_stream", "_text"),
    )

    def __init__(self, key: bytes) -> None:
        self._stream = KeyedStream(key)
        self._short = ShortValues()
        self._kinds, self._marks, self._sizes, self._ranks, self._made = _KINDS, _MARKS, _SIZES, _RANKS, _MADE
        self._places = array("q", bytes(8 * _PERMUTED))
        self._digits = array("q", bytes(8 * _PERMUTED))
        self._form = 0
        self._seen = 0  # bits of all bytes of the value that was filled last
        self._text, self._attempt = bytearray(LONGEST_FORMED), bytearray(LONGEST_FORMED)
        self._dates = _DATE_FORM

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

    def noise(self, value: bytes) -> bytes:
        """Any bytes in place of others."""
        out = bytearray(value)
        self._noise(value, 0, len(value), out, 0)
        return bytes(out)

    def nonce(self, value: bytes) -> bytes:
        """Printable characters in place of bytes; a zero stays one."""
        out = bytearray(value)
        self.fill_nonce(value, 0, len(value), out)
        return bytes(out)

    def fill_nonce(self, data: Bytes, start: int, stop: int, out: bytearray) -> bool:
        """The same from `start` to `stop`, in `out`; False where there is nothing but zeros, which stay."""
        some = 0
        for place in range(start, stop):
            some |= data[place]
        if not some:
            return False
        self._noise(data, start, stop, out, start)
        for place in range(start, stop):
            out[place] = 33 + out[place] % 94 if data[place] else 0
        return True

    def sealed(self, seed: bytes, number: int, size: int) -> bytes:
        """So many bytes in the place of encrypted ones: of each number others."""
        out = bytearray(size)
        self._stream.hash(seed, 0, len(seed), _SEALED | number << 8)
        for at in range(0, size, _CHUNK):
            count = min(size - at, _CHUNK)
            self._stream.draw((count + 7) // 8)
            copy_octets(self._stream.octets, 0, count, out, at)
        return bytes(out)

    def dated(self, value: bytes) -> bytes | None:
        """A date, a date with a time, or a time, as SQL writes them; None where it is none."""
        out = bytearray(value)
        return bytes(out) if self._dated(value, 0, len(value), out, 0) else None

    def integer(self, value: int, negative: bool, least: int, most: int) -> int:
        """An integer of up to 64 bits, and between which it may be, all without their sign."""
        begin = self._write(value, negative)
        made = self._attempt
        self._number(self._text, begin, _DIGITS, made, begin, 0)
        found = 0
        for place in range(begin + negative, _DIGITS):
            digit = made[place] - _ZERO
            if found > _MOST_TENTHS or (found == _MOST_TENTHS and digit > _LAST_TENTH):
                return self.in_range(value, negative, least, most)
            found = found * 10 + digit
        return found if least <= found <= most else self.in_range(value, negative, least, most)

    def in_range(self, value: int, negative: bool, least: int, most: int) -> int:
        """The same where what its text becomes can not be: it has as many digits, if there is one that has."""
        begin = self._write(value, negative)
        count = _DIGITS - begin - negative
        tenth = 1
        for _ in range(count - 1):
            tenth *= 10
        if count > 1 and most >= tenth and (count >= _MOST_DIGITS or least < 10 * tenth):
            least = max(least, tenth)
            most = most if count >= _MOST_DIGITS else min(most, 10 * tenth - 1)
        self._stream.hash(self._text, begin, _DIGITS, _RANGE)
        rest = (most - least + 1) & _MASK
        return least + self._stream.s0 % rest if rest else self._stream.s0

    def _write(self, value: int, negative: bool) -> int:
        """Writes a number into the text; where it begins."""
        text = self._text
        begin = _DIGITS
        while True:
            begin -= 1
            text[begin] = _ZERO + value % 10
            value //= 10
            if not value:
                break
        if negative:
            begin -= 1
            text[begin] = 0x2D
        return begin

    def real(self, data: Bytes, start: int, stop: int, out: bytearray, at: int) -> bool:
        """A FLOAT or a DOUBLE: the mantissa goes, sign and exponent stay: as many digits before the point, about.

        False: it stays, for it is zero or no number.
        """
        size = stop - start
        top = data[stop - 2] | data[stop - 1] << 8
        exponent = 0x7F80 if size == 4 else 0x7FF0
        some = 0
        for place in range(start, stop):
            some |= data[place]
            out[at + place - start] = data[place]
        if not some or top & exponent == exponent:
            return False
        self._stream.hash(data, start, stop, _REAL)
        self._stream.draw(1)
        low = size - 2
        for place in range(low):
            out[at + place] = self._stream.octets[place]
        some = 0x7F if size == 4 else 0x0F
        out[at + low] = (top & 0xFF & ~some) | (self._stream.octets[low] & some)
        return True

    def span(self, data: Bytes, start: int, stop: int, out: bytearray, at: int) -> bool:
        """A TIME of the binary protocol: its sign, days, hours, minutes, seconds, and microseconds if it has any.

        False: it has no such length, and becomes zeros.
        """
        size = stop - start
        if size not in (8, 12):
            for place in range(size):
                out[at + place] = 0
            return False
        days = data[start + 1] | data[start + 2] | data[start + 3] | data[start + 4]
        sign = data[start]
        self._stream.hash(data, start, stop, _SPAN)
        self._stream.draw(1)
        drawn = self._stream.octets
        for place in range(size):
            out[at + place] = 0
        out[at] = sign
        if days:
            out[at + 1] = drawn[0] % 34
        out[at + 5], out[at + 6], out[at + 7] = drawn[1] % 24, drawn[2] % 60, drawn[3] % 60
        if size == 12:
            rest = (drawn[4] | drawn[5] << 8 | drawn[6] << 16) % 1_000_000
            out[at + 8], out[at + 9], out[at + 10] = rest & 0xFF, rest >> 8 & 0xFF, rest >> 16
        return True

    def date(self, data: Bytes, start: int, stop: int, out: bytearray, at: int) -> bool:
        """A date of the binary protocol, as its text becomes. False: it is none, and becomes zeros."""
        size = stop - start
        text, made, form = self._text, self._attempt, self._dates
        fits = size in (4, 7, 11)
        if fits:
            micro = 0
            _put_digits(text, 0, 4, (data[start] | data[start + 1] << 8) % 10000)
            for index in range(2, 7):
                number = data[start + index] if index < size else 0
                fits = fits and number < 100
                text[3 * index - 2] = form[3 * index - 2]
                _put_digits(text, 3 * index - 1, 2, number)
            if size == 11:
                for index in range(4):
                    micro |= data[start + 7 + index] << 8 * index
                text[19] = 0x2E
                fits = fits and micro < 1_000_000
                _put_digits(text, 20, 6, micro % 1_000_000)
        if not fits or not self._dated(text, 0, 10 if size == 4 else 19 if size == 7 else 26, made, 0):
            for place in range(size):
                out[at + place] = 0
            return False
        number = _digits_in(made, 0, 4)
        out[at], out[at + 1] = number & 0xFF, number >> 8
        for index in range(2, 4 if size == 4 else 7):
            out[at + index] = _digits_in(made, 3 * index - 1, 2)
        if size == 11:
            number = _digits_in(made, 20, 6)
            for index in range(4):
                out[at + 7 + index] = number >> 8 * index & 0xFF
        return True

    def fill(self, data: Bytes, start: int, stop: int, out: bytearray, at: int, printable: bool) -> bool:
        """Writes to `out[at:]` what `data[start:stop]` becomes; False, and writes nothing, where it is not plain.

        Plain is ASCII that has no form of its own but a number's, a date's or a time's. `printable`: what has control
        characters is no text. Both may be the same memory. Who calls has seen that the places lie inside.
        """
        size = stop - start
        if size > _REMEMBERED:
            return self._fill(data, start, stop, out, at, printable)
        value = made = 0
        for place in range(start, stop):
            value = value << 8 | data[place]
        slot = ((value ^ size) * _SPREAD & _MASK) >> _SLOT_SHIFT
        if self._short.values[slot] == value and self._short.sizes[slot] == size:
            made = self._short.made[slot]
            for place in range(size - 1, -1, -1):
                out[at + place] = made & 0xFF
                made >>= 8
            return True
        if not self._fill(data, start, stop, out, at, printable):
            return False
        if self._seen & _CONTROL_BIT == 0:
            for place in range(at, at + size):
                made = made << 8 | out[place]
            self._short.values[slot], self._short.sizes[slot], self._short.made[slot] = value, size, made
        return True

    # -- how it is made ------------------------------------------------------------------------------------------------

    def _fill(self, data: Bytes, start: int, stop: int, out: bytearray, at: int, printable: bool) -> bool:
        size = stop - start
        marks = self._marks
        seen = 0
        if size <= _LONGEST or not self._stream.is_plain(data, start, stop):
            for place in range(start, stop):
                seen |= marks[data[place]]
        self._seen = seen
        if seen & _WIDE_BIT:
            return False
        if printable and seen & _CONTROL_BIT:
            self._noise(data, start, stop, out, at)
            return True
        if 0 < size <= _LONGEST and seen & _CONTROL_BIT == 0:
            byte = data[start]
            # What begins with another sign has no form.
            if byte < 0x3B or 0x41 <= byte <= 0x46 or 0x61 <= byte <= 0x66:
                dots = marked = exponents = letters = 0
                for place in range(start, stop):
                    byte = data[place]
                    dots += byte == 0x2E
                    marked += byte == 0x3A or (byte == 0x2D and place > start)
                    letters += byte >= 0x41
                    exponents += byte | 0x20 == 0x65
                if marked:
                    if self._dated(data, start, stop, out, at):
                        return True
                    if seen & _FOREIGN_BIT == 0:
                        return False
                elif seen & (_SIGN_BIT | _FOREIGN_BIT) == 0:
                    if dots > 1 or size == _UUID_DIGITS or (letters == 1 and exponents == 1):
                        return False
                    if not letters and size > dots + (data[start] == 0x2D):
                        self._number(data, start, stop, out, at, 0)
                        return True
        self._ascii(data, start, stop, out, at)
        return True

    def _dated(self, data: Bytes, start: int, stop: int, out: bytearray, at: int) -> bool:
        """A date and a time, or one of them; False, and writes nothing, where it is none."""
        size = stop - start
        form, kinds, text = self._dates, self._kinds, self._text
        sign = size > 0 and data[start] == 0x2D
        clock = sign or (size > 2 and data[start + 2] == 0x3A)
        skipped = _DATE_SIZE + 1 if clock else 0  # of the form
        begin = start + sign
        end = begin + (_CLOCK_SIZE if clock else _DATE_SIZE if size == _DATE_SIZE else _DATE_SIZE + 1 + _CLOCK_SIZE)
        if stop < end or stop - end > _MOST_FRACTION or stop - end == 1 or (stop > end and data[end] != 0x2E):
            return False
        if stop > end and size == _DATE_SIZE:
            return False
        some = hashed = 0
        for place in range(begin, stop):
            byte = data[place]
            want = form[place - begin + skipped] if place < end else _ZERO if place > end else 0x2E
            if want == _ZERO:
                if kinds[byte] != _DIGIT:
                    return False
                some |= byte & 0xF if place >= end or clock or place - begin > _DATE_SIZE else 0
                hashed = place if place >= end and byte != _ZERO else hashed
            elif byte != want and not (want == 0x54 and byte == 0x20):
                return False
            text[place - begin] = byte if want != 0x54 else 0x20
        for place in range(start, stop):
            out[at + place - start] = data[place]
        at += sign
        if not clock:
            self._day(out, at)
        if some:
            # A fraction of zeros is none: the same time without it becomes the same.
            self._stream.hash(text, 0, (stop if hashed else end) - begin, _CLOCK)
            self._stream.draw(2)
            place = at if clock else at + _DATE_SIZE + 1
            _put_digits(out, place, 2, self._stream.octets[0] % 24)
            _put_digits(out, place + 3, 2, self._stream.octets[1] % 60)
            _put_digits(out, place + 6, 2, self._stream.octets[2] % 60)
            for index in range(stop - end - 1 if hashed else 0):
                out[place + 9 + index] = _ZERO + self._stream.octets[3 + index] % 10
        return True

    def _day(self, out: bytearray, at: int) -> None:
        """The date at the front of `_text`: another, but for what is zero in it."""
        text = self._text
        self._stream.hash(text, 0, _DATE_SIZE, _DATE)
        self._stream.draw(1)
        if _digits_in(text, 0, 4):
            _put_digits(out, at, 4, 1970 + self._stream.octets[0] % 60)
        if _digits_in(text, 5, 2):
            _put_digits(out, at + 5, 2, 1 + self._stream.octets[1] % 12)
        if _digits_in(text, 8, 2):
            _put_digits(out, at + 8, 2, 1 + self._stream.octets[2] % 28)

    def _noise(self, data: Bytes, start: int, stop: int, out: bytearray, at: int) -> None:
        self._stream.hash(data, start, stop, _NOISE)
        drawn = self._stream.octets
        while start < stop:
            size = stop - start if stop - start < _CHUNK else _CHUNK
            self._stream.draw((size + 7) // 8)
            for index in range(size):
                out[at + index] = drawn[index]
            start += size
            at += size

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
        self._stream.hash(data, start, stop, _TEXT)
        made, drawn = self._made, self._stream.octets
        at -= start
        while start < stop:
            size = stop - start if stop - start < _CHUNK else _CHUNK
            self._stream.draw((size + 7) // 8)
            begin = start
            start += size
            for place in range(begin, start):
                byte = data[place]
                out[at + place] = made[byte << 8 | drawn[place - begin]]

    def _number(self, data: Bytes, start: int, stop: int, out: bytearray, at: int, attempt: int) -> None:
        """Digits for digits."""
        kinds = self._kinds
        lead = -1
        count = 0
        end = stop
        form = 1
        for place in range(start, stop):
            byte = data[place]
            out[at + place - start] = byte
            if byte | 0x20 == 0x65 and end == stop:
                end = place
            digit = kinds[byte] == _DIGIT and end == stop
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
        self._stream.hash(data, start, stop, _NUMBER | attempt << 8)
        drawn = self._stream.octets
        index = _CHUNK
        for place in range(lead, end):
            byte = data[place]
            if kinds[byte] != _DIGIT:
                continue
            if index == _CHUNK:
                index = 0
                self._stream.draw((end - lead + 7) // 8 if end - lead <= _CHUNK else _CHUNK // 8)
            byte = drawn[index]
            out[at + place - start] = 0x31 + byte % 9 if place == lead else _ZERO + byte % 10
            index += 1

    def _permute(self, data: Bytes, start: int, count: int, out: bytearray, at: int, leading: int) -> None:
        """The bytes at `_places`, moved among all values of the same `_form`. `leading`: the first is no zero."""
        places, digits, kinds, words = self._places, self._digits, self._kinds, self._stream.words
        ranks, sizes, made = self._ranks, self._sizes, self._made
        if not count:
            return
        for index in range(count):
            digits[index] = ranks[data[start + places[index]]]
        if leading:
            digits[0] -= 1
        middle = (count + 1) // 2
        words[0] = _ROUND | leading << 8
        words[1] = self._form
        self._stream.sip(0, 2, 0)
        for turn in range(_ROUNDS if count > 1 else 1):
            odd = turn & 1
            known = turn
            for index in range(0 if odd else middle, middle if odd else count):
                known = known << 5 | digits[index]
            words[2] = known
            self._stream.sip(2, 3, 1)
            word = self._stream.s0
            for index in range(middle if odd else 0, count if odd else middle):
                size = sizes[kinds[data[start + places[index]]]]
                if leading and index == 0:
                    size -= 1
                digits[index] = (digits[index] + (word & 0xFFFF)) % size
                word >>= 16
        for index in range(count):
            place = places[index]
            byte = data[start + place]
            out[at + place] = made[byte << 8 | (digits[index] + (1 if leading and index == 0 else 0))]


def copy_octets(data: Bytes, start: int, size: int, out: bytearray, at: int) -> None:
    """So many bytes, of another memory. Who calls has seen that they lie inside."""
    for index in range(size):
        out[at + index] = data[start + index]


def _put_digits(out: bytearray, at: int, count: int, number: int) -> None:
    for place in range(count - 1, -1, -1):
        out[at + place] = _ZERO + number % 10
        number //= 10


def _digits_in(text: bytearray, at: int, count: int) -> int:
    number = 0
    for place in range(at, at + count):
        number = 10 * number + text[place] - _ZERO
    return number

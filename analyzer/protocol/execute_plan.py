"""How plain executes of one prepared statement are read: worked out once for the types of its parameters.

Plain is an execute of a statement whose prepare was captured, with no query attributes and no long data, and with the
types that an earlier one sent, whether it sends them again or not.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from analyzer.errors import DecodeError
from analyzer.protocol.tables.column_types import MYSQL_TYPE_DOUBLE, MYSQL_TYPE_TIME, MYSQL_TYPE_YEAR, TYPE, UNSIGNED
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import Reader
from analyzer.protocol.wire.values import BINARY, BLOBS, DATES, FIXED_SIZES, INTEGER_SIZES, Plain, decode_value

# Header, command, statement_id, flags, iteration_count.
HEAD: Final = HEADER + 10
# More parameters than one byte counts are not plain.
MOST: Final = 250

# Constants, once more: here they are numbers of C.
_HEAD: Final = HEAD
# All other types have a length in front and are text where that is UTF-8.
_NO_TEXTS: Final = DATES | BINARY | BLOBS | FIXED_SIZES.keys() | {MYSQL_TYPE_TIME}
# Kinds of values: an integer's place among these, or one of the others.
INTEGERS: Final = "bBhHiIqQ"
_READS: Final = tuple(Struct("<" + letter) for letter in INTEGERS)
_LETTERS: Final[dict[int, str]] = {1: "b", 2: "h", 4: "i", 8: "q"}
TEXT: Final = len(INTEGERS)
_TEXT: Final = TEXT
# The most that a length in one byte may be.
_SHORT: Final = 0xFA
DOUBLE: Final = TEXT + 1
_DOUBLE: Final = DOUBLE
_OTHER: Final = TEXT + 2


class ExecutePlan:
    """How to read executes of a statement whose parameters have `types`.

    `named`: CLIENT_QUERY_ATTRIBUTES is in force. `block`: the types as they stand on the wire. `start`: where the NULL
    bitmap stands, `flag` where new_params_bind_flag does. `integers` reads all values where they are integers, none of
    them NULL; `kinds` says for each whether it is an integer (its place in INTEGERS), text, a DOUBLE, or something
    else. `plain`: all are one of the first three.
    """

    __slots__ = ("block", "flag", "integers", "kinds", "named", "plain", "start", "types")

    def __init__(self, types: tuple[int, ...], named: bool) -> None:
        letters = [_letter(own) for own in types]
        self.types = types
        self.named = named
        self.block = b"".join(own.to_bytes(2, "little") + bytes(named) for own in types)
        self.start = HEAD + named
        self.flag = self.start + (len(types) + 7) // 8
        self.integers = Struct("<" + "".join(letters)) if all(letters) else None
        self.kinds = bytes(map(_kind, types))
        self.plain = _OTHER not in self.kinds

    def fits(self, data: bytes) -> bool:
        """Whether a whole packet is a plain execute: what remains to be seen is whether its values are whole."""
        flag = self.flag
        if self.named and (len(data) <= _HEAD or data[_HEAD] != len(self.types)):
            return False
        if not self.types:
            return len(data) == self.start
        if len(data) <= flag:
            return False
        return not data[flag] or (data[flag] == 1 and data.startswith(self.block, flag + 1))

    def is_whole(self, data: bytes) -> bool:
        """Whether the values of a packet that `fits` are whole, and nothing follows them."""
        kinds, end = self.kinds, len(data)
        if not kinds:
            return True
        place = self.flag + 1 + (len(self.block) if data[self.flag] else 0)
        for index in range(len(kinds)):
            if data[self.start + (index >> 3)] >> (index & 7) & 1:
                continue
            kind = kinds[index]
            if kind < _TEXT:
                place += 1 << (kind >> 1)
            elif kind == _TEXT and place < end and data[place] <= _SHORT:
                place += 1 + data[place]
            elif kind == _DOUBLE:
                place += 8
            else:
                return self.values(data) is not None
        return place == end

    def values(self, data: bytes) -> list[Plain] | None:
        """The values of a packet that `fits`; None where they are not whole."""
        flag = self.flag
        if not self.types:
            return []
        pos = flag + 1 + len(self.block) if data[flag] else flag + 1
        nulls = int.from_bytes(data[self.start : flag], "little")
        integers = self.integers
        if integers is not None and not nulls:
            return list(integers.unpack_from(data, pos)) if len(data) == pos + integers.size else None
        found: list[Plain] = []
        end = len(data)
        for index, kind in enumerate(self.kinds):
            if nulls >> index & 1:
                found.append(None)
            elif kind == TEXT and pos < end and (size := data[pos]) <= 0xFA:
                raw = data[pos + 1 : pos + 1 + size]
                try:
                    found.append(raw.decode())
                except UnicodeDecodeError:
                    found.append(raw)
                pos += 1 + size
            elif kind < TEXT:
                reads = _READS[kind]
                if pos + reads.size > end:
                    return None
                found.append(reads.unpack_from(data, pos)[0])
                pos += reads.size
            else:
                r = Reader(data, pos=pos)
                own = self.types[index]
                try:
                    found.append(decode_value(r, own & TYPE, own >= UNSIGNED, "parameter_value").value)
                except DecodeError:
                    return None
                pos = r.pos
        return found if pos == end else None


def _letter(own: int) -> str:
    """How `struct` calls the integer of a type; empty where it is none."""
    letter = _LETTERS.get(INTEGER_SIZES.get(own & TYPE, 0), "")
    return letter.upper() if own >= UNSIGNED or own & TYPE == MYSQL_TYPE_YEAR else letter


def _kind(own: int) -> int:
    letter = _letter(own)
    if letter:
        return INTEGERS.index(letter)
    if own & TYPE == MYSQL_TYPE_DOUBLE:
        return DOUBLE
    return _OTHER if own & TYPE in _NO_TEXTS else TEXT


def types_in(data: bytes, count: int, named: bool) -> bytes:
    """The types as they stand in an execute with `count` parameters that sends them; empty where it does not."""
    flag = HEAD + named + (count + 7) // 8
    return data[flag + 1 : flag + 1 + count * (3 if named else 2)] if data[flag : flag + 1] == b"\x01" else b""


def types_of(block: bytes, named: bool) -> tuple[int, ...]:
    """The types of a block without names."""
    size = 3 if named else 2
    return tuple([block[at] | block[at + 1] << 8 for at in range(0, len(block) - 1, size)])


def plan_of(count: int, types: tuple[int, ...] | None, named: bool) -> ExecutePlan | None:
    """For executes of a statement of `count` parameters that had these types last; None where none is plain."""
    if not count:
        types = ()
    elif types is None or len(types) != count or count > MOST:
        return None
    return ExecutePlan(types, named)

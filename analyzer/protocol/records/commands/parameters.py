"""Parameters: the block that COM_STMT_EXECUTE and the query attributes of COM_QUERY have in common.

NULL bitmap, a flag that says whether types follow, the types (with names, where CLIENT_QUERY_ATTRIBUTES is in force),
the values that are not NULL. Sources: MySQL source documentation, "COM_STMT_EXECUTE", "COM_QUERY"; MariaDB Server
documentation, "COM_STMT_EXECUTE".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Self

import msgspec

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol.prepared import LongData
from analyzer.protocol.tables.column_types import COLUMN_TYPES, TYPE, UNSIGNED
from analyzer.protocol.wire.reader import Reader, Writer
from analyzer.protocol.wire.values import Bindable, Plain, decode_value, encode_value, type_of

# Both servers' bound.
MOST_PARAMETERS: Final = 65535
# How many parameters an execute may have for their number to be found out from its bytes alone.
MOST_GUESSED: Final = 64
_NO_LONG_DATA: Final[Mapping[int, LongData]] = {}


class Parameter(msgspec.Struct, frozen=True):
    """One bound value, or one query attribute.

    type        column type in the low byte, 0x8000 for unsigned
    name        of a query attribute; empty for a parameter
    raw         the value's bytes on the wire, its length included; None where none are there: NULL, long data
    value       what they mean (see `wire.values`); of long data its head, None where nothing was captured
    long_data   bytes that COM_STMT_SEND_LONG_DATA sent for it; None where it did not
    """

    type: int
    name: str = ""
    raw: bytes | None = None
    value: Plain = None
    long_data: int | None = None

    @classmethod
    def of(cls, value: Bindable, name: str = "", type: int | None = None, *, unsigned: bool | None = None) -> Self:
        """A Python value as a parameter. Raises ValueError where it does not fit its type."""
        own_type, own_sign = type_of(value)
        kind = own_type if type is None else type
        sign = (own_sign if type is None else False) if unsigned is None else unsigned
        encoded = encode_value(value, kind, sign)
        return cls(kind | (UNSIGNED if sign else 0), name, None if value is None else encoded.raw, encoded.value)


class ParameterBlock(msgspec.Struct, frozen=True):
    """`undecoded` is what could not be read for want of types that an earlier execute sent."""

    null_bitmap: bytes
    new_params_bind_flag: int
    parameters: tuple[Parameter, ...]
    undecoded: bytes


def decode_block(
    r: Reader,
    count: int,
    named: bool,
    types: Sequence[int] | None = None,
    long_data: Mapping[int, LongData] = _NO_LONG_DATA,
) -> ParameterBlock:
    """Reads the block of `count` (at least one) parameters. `types` are remembered ones. Raises DecodeError."""
    if count > MOST_PARAMETERS or count > 8 * r.left:
        raise BadValue(r.record, "parameter_count", r.pos, f"{count} parameters in {r.left} bytes")
    nulls = r.take("null_bitmap", (count + 7) // 8)
    flag = r.u8("new_params_bind_flag")
    names: Sequence[str] = ()
    if flag:
        if 2 * count > r.left:
            raise BadValue(r.record, "parameter_type", r.pos, f"{count} types in {r.left} bytes")
        heads = [(r.uint("parameter_type", 2), r.lenenc_text("parameter_name") if named else "") for _ in range(count)]
        types, names = [head[0] for head in heads], [head[1] for head in heads]
    if types is None or len(types) < count:
        return ParameterBlock(nulls, flag, (), r.rest("undecoded"))
    found = []
    for index in range(count):
        kind = types[index]
        name = names[index] if names else ""
        if nulls[index >> 3] >> (index & 7) & 1:
            found.append(Parameter(kind, name))
        elif long_data and index in long_data:
            sent = long_data[index]
            found.append(Parameter(kind, name, None, _head(sent, kind), sent.length))
        else:
            value = decode_value(r, kind & TYPE, kind >= UNSIGNED, "parameter_value")
            found.append(Parameter(kind, name, value[0], value[1]))
    return ParameterBlock(nulls, flag, tuple(found), b"")


def encode_block(
    w: Writer, null_bitmap: bytes, flag: int, parameters: Sequence[Parameter], named: bool, undecoded: bytes = b""
) -> None:
    w.raw(null_bitmap)
    w.u8(flag)
    if flag:
        for parameter in parameters:
            w.uint(parameter.type, 2)
            if named:
                w.lenenc_bytes(parameter.name)
    for parameter in parameters:
        if parameter.raw is not None:
            w.raw(parameter.raw)
    w.raw(undecoded)


def null_bitmap(parameters: Sequence[Parameter]) -> bytes:
    """One bit for each, the lowest first, set where the value is NULL."""
    nulls = bytearray((len(parameters) + 7) // 8)
    for index, parameter in enumerate(parameters):
        if parameter.raw is None and parameter.long_data is None:
            nulls[index >> 3] |= 1 << (index & 7)
    return bytes(nulls)


def guess_count(data: bytes, start: int) -> int | None:
    """How many parameters a block without names holds that begins at `start` and goes on to the end of `data`.

    For an execute whose prepare was not captured. The types are in the block, so that each number but the right one
    breaks it: None where no number fits, or more than one.
    """
    if start == len(data):
        return 0
    fitting: int | None = None
    for count in range(1, MOST_GUESSED + 1):
        bitmap = (count + 7) // 8
        types = start + bitmap + 1
        values = types + 2 * count
        if values > len(data):
            break
        if data[types - 1] != 1 or data[types - 2] >> (count - 8 * (bitmap - 1)):
            continue
        pairs = zip(data[types:values:2], data[types + 1 : values : 2], strict=True)
        if any(kind not in COLUMN_TYPES or sign not in (0, UNSIGNED >> 8) for kind, sign in pairs):
            continue
        trial = Reader(data, "trial", start)
        try:
            decode_block(trial, count, named=False)
            trial.finish()
        except DecodeError:
            continue
        if fitting is not None:
            return None
        fitting = count
    return fitting


def _head(sent: LongData, kind: int) -> Plain:
    """Long data as the value it is, as far as it was kept."""
    if not sent.head and sent.length:
        return None
    encoded = Writer()
    encoded.lenenc_bytes(sent.head)
    if (kind & TYPE) < 0xF2:  # no string type: the servers refuse it
        return sent.head
    return decode_value(Reader(encoded.getvalue()), kind & TYPE, False, "long_data").value

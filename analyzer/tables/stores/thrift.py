"""Values in Thrift's compact protocol, in which headers and footers of Parquet are written.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

# A value: its type as fields and lists name it, and how it is written.
ThriftValue = tuple[int, bytes]


def varint(number: int) -> bytes:
    """A number without a sign, in groups of seven bits."""
    if number < 128:
        return _BYTES[number]
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def flag(value: bool) -> ThriftValue:
    """A field that is true or false: its type says which."""
    return 1 if value else 2, b""


def byte(number: int) -> ThriftValue:
    """A number of 8 bits."""
    return 3, number.to_bytes(1, "little", signed=True)


def i32(number: int) -> ThriftValue:
    """A number of 32 bits."""
    return 5, varint(number << 1 if number >= 0 else ~(number << 1))


def i64(number: int) -> ThriftValue:
    """A number of 64 bits."""
    return 6, varint(number << 1 if number >= 0 else ~(number << 1))


def binary(content: bytes) -> ThriftValue:
    """Bytes, or a text that is encoded."""
    return 8, varint(len(content)) + content


def many(values: Sequence[ThriftValue]) -> ThriftValue:
    """A list of values of one type, of which there are some."""
    count, code = len(values), values[0][0]
    head = _BYTES[count << 4 | code] if count < 15 else _BYTES[0xF0 | code] + varint(count)
    return 9, head + b"".join([content for _, content in values])


def struct(fields: dict[int, ThriftValue]) -> ThriftValue:
    """A struct: values by the numbers of their fields, which rise by no more than 15."""
    parts: list[bytes] = []
    before = 0
    for number, (code, content) in fields.items():
        parts += (_BYTES[number - before << 4 | code], content)
        before = number
    return 12, b"".join([*parts, b"\0"])


_BYTES: Final = [bytes([number]) for number in range(256)]
EMPTY: Final = struct({})

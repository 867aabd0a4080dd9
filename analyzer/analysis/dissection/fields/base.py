"""What a display field is: its name, its type and base as Wireshark's, what it means, and where it comes from here.

A field belongs to a packet or to the connection as a whole (`scope`). A field that Wireshark has and this program can
not have carries the reason in `unavailable`.
"""

from __future__ import annotations

from typing import Final

import msgspec

# Wireshark's types that occur here (wireshark-filter(4), "Display filter field types").
NUMBERS: Final = frozenset(
    {"UINT8", "UINT16", "UINT24", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FRAMENUM"}
)
REALS: Final = frozenset({"FLOAT", "DOUBLE"})
TEXTS: Final = frozenset({"STRING", "STRINGZ"})

# Families: what may be compared with what.
NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
TEXT: Final = "text"
BYTES: Final = "bytes"
IPV4: Final = "IPv4 address"
IPV6: Final = "IPv6 address"
TIME: Final = "time"
DURATION: Final = "duration"
NOTHING: Final = "label"

_FAMILIES: Final[dict[str, str]] = {
    "BOOLEAN": BOOLEAN,
    "BYTES": BYTES,
    "IPv4": IPV4,
    "IPv6": IPV6,
    "ABSOLUTE_TIME": TIME,
    "RELATIVE_TIME": DURATION,
    "NONE": NOTHING,
    "PROTOCOL": BYTES,
}

# Where a field is known from.
PACKET: Final = "packet"
CONNECTION: Final = "connection"

# A value of a field: number, real, truth, text, bytes, an address as text; times and durations are nanoseconds.
Value = int | float | bool | str | bytes


class FieldInfo(msgspec.Struct, frozen=True):
    """One display field.

    base     dec or hex for numbers, else empty
    values   names of a number's values, as the filter and the tree take and show them
    choices  the only texts that it can hold, empty where it can hold any
    never    a value that no frame with a MySQL packet has, and what can be asked instead; none of None
    address  a text that is an IPv4 or IPv6 address: it may be compared with a network
    """

    name: str
    type: str
    title: str
    base: str = ""
    scope: str = PACKET
    unavailable: str | None = None
    values: dict[int, str] | None = None
    choices: tuple[str, ...] = ()
    address: bool = False
    never: tuple[Value, str] | None = None

    @property
    def family(self) -> str:
        """What it may be compared with."""
        if self.type in NUMBERS or self.type in REALS:
            return NUMBER
        return TEXT if self.type in TEXTS else _FAMILIES[self.type]

    @property
    def bits(self) -> int:
        """Bits of a number; 0 for all else."""
        digits = self.type.lstrip("UINT")
        return int(digits) if digits.isdigit() else 32 if self.type == "FRAMENUM" else 0

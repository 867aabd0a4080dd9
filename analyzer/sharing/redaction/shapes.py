"""Greetings and logins, of which those of one program differ in a few fields alone: the rest is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

import msgspec

from analyzer.protocol.wire.reader import Span
from analyzer.sharing.redaction.replacements import Replacements, difference

# Fields that differ between connections, and that say nothing of where others stand.
FREE: Final = {
    "HandshakeV10": frozenset({"thread_id", "auth_plugin_data_part_1", "auth_plugin_data_part_2"}),
    "HandshakeResponse41": frozenset({"auth_response"}),
}
_MOST: Final = 1024
_MOST_ALIKE: Final = 16
_LONGEST: Final = 2048
# Where a free field stands, and how it is replaced.
FreeField = tuple[int, int, Callable[[bytes], bytes]]


class Redacted(msgspec.Struct, frozen=True):
    """A payload in its place, and how many bytes of it are zero for they were not understood."""

    payload: bytes
    zeroed: int


class PacketShape(msgspec.Struct, frozen=True):
    """Packets of one record that differ in free fields alone: `blank` without these, `made` in the place of one.

    counts  what was replaced in the rest, by kind
    """

    blank: bytes
    made: Redacted
    free: tuple[FreeField, ...]
    counts: dict[str, int]


class PacketShapes:
    """Knows shapes. `key` has to say all that the decoding of a packet depends on beside its bytes."""

    def __init__(self, replacements: Replacements) -> None:
        self._replacements = replacements
        self._known: dict[Hashable, list[PacketShape]] = {}

    def made(self, key: Hashable, payload: bytes) -> Redacted | None:
        """What becomes of a packet whose shape is known."""
        for shape in self._known.get((key, len(payload)), ()):
            if _blank(payload, shape.free) == shape.blank:
                out = bytearray(shape.made.payload)
                for start, stop, rule in shape.free:
                    out[start:stop] = rule(payload[start:stop])
                for kind, count in shape.counts.items():
                    self._replacements.count(kind, count)
                return Redacted(bytes(out), shape.made.zeroed)
        return None

    def learn(
        self, key: Hashable, payload: bytes, made: Redacted, free: tuple[FreeField, ...], counts: dict[str, int]
    ) -> None:
        """Notes a packet that has become `made`, where `counts` were replaced."""
        alike = self._known.setdefault((key, len(payload)), [])
        if len(payload) > _LONGEST or len(alike) >= _MOST_ALIKE:
            return
        if len(self._known) > _MOST:
            self._known.clear()
        before = dict(self._replacements.counts)
        for start, stop, rule in free:
            rule(payload[start:stop])
        of_free = difference(self._replacements.counts, before)
        self._replacements.counts.clear()
        self._replacements.counts.update(before)
        rest = {kind: count - of_free.get(kind, 0) for kind, count in counts.items() if count != of_free.get(kind, 0)}
        alike.append(PacketShape(_blank(payload, free), made, free, rest))


def _blank(payload: bytes, free: tuple[FreeField, ...]) -> bytes:
    out = bytearray(payload)
    for start, stop, _ in free:
        out[start:stop] = bytes(stop - start)
    return bytes(out)


def is_free(name: str, span: Span, content: tuple[int, int]) -> bool:
    """Whether a field of a record is free: whatever is in it, its content is all of it."""
    return span.name in FREE.get(name, ()) and content == (span.start, span.end)

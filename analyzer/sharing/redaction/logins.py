"""Logins of known shapes: what becomes of the first is what becomes of all, but for their free fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.analysis.conversation.login_shapes import LoginShape
from analyzer.analysis.conversation.shape_learning import ATTRIBUTES, FreeField
from analyzer.sharing.redaction.replacements import Replacements, difference
from analyzer.sharing.watched import StreamPiece

# Fields of which each byte is random, and the one that says nothing of anybody.
_NONCES: Final = frozenset(
    {"auth_plugin_data_part_1", "auth_plugin_data_part_2", "auth_response", "data", "plugin_provided_data"}
)
_KEPT: Final = frozenset({"thread_id"})
_MOST: Final = 1024

Rule = Callable[[bytes], bytes]
# Where a free field stands in its piece, and what becomes of it.
Field = tuple[slice, Rule]


class RedactedLogin(msgspec.Struct, frozen=True):
    """What becomes of the logins of one shape.

    pieces   in their places, and the free fields of each
    counts   what was replaced in the rest, by kind; `zeroed` bytes of it were not understood
    escapes  whether a backslash escapes behind it
    version  how many names were known when this was worked out
    """

    pieces: tuple[bytes, ...]
    fields: tuple[tuple[Field, ...], ...]
    counts: dict[str, int]
    zeroed: int
    escapes: bool | None
    version: int

    def made(self, pieces: list[StreamPiece]) -> list[bytes]:
        """The pieces of another login in their places."""
        found: list[bytes] = []
        for piece, old, fields in zip(self.pieces, pieces, self.fields, strict=True):
            if not fields:
                found.append(piece)
                continue
            out = bytearray(piece)
            for place, rule in fields:
                out[place] = rule(old.data[place])
            found.append(bytes(out))
        return found


class KnownLogins:
    """Redacted logins by their shape; None for those whose free fields are not all that differs."""

    def __init__(self, replacements: Replacements, keep_attributes: bool) -> None:
        self._replacements = replacements
        self._keep_attributes = keep_attributes
        self._known: dict[LoginShape, RedactedLogin | None] = {}

    def get(self, shape: LoginShape, version: int) -> RedactedLogin | None:
        """What is known of a shape, while there are no more names than then."""
        found = self._known.get(shape)
        return found if found is not None and found.version == version else None

    def wanted(self, shape: LoginShape) -> bool:
        """Whether it would help to see one decoded."""
        return self._known.get(shape, self) is not None

    def learn(
        self,
        shape: LoginShape,
        pieces: list[StreamPiece],
        made: list[bytes | None],
        counts: dict[str, int],
        rest: tuple[int, bool | None, int],
    ) -> None:
        """Notes the pieces of a login, what became of them, and what was counted. `rest`: zeroed, escapes, version."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[shape] = None
        before = dict(self._replacements.counts)
        whole: list[bytes] = []
        fields: list[tuple[Field, ...]] = []
        for piece, new, free in zip(pieces, made, shape.fields, strict=True):
            rules = [(field.place, self._rule(field)) for field in free]
            if new is None or len(new) != len(piece.data):
                break
            found = [(place, rule) for place, rule in rules if rule is not None]
            if len(found) != len(free) or any(rule(piece.data[place]) != new[place] for place, rule in found):
                break
            whole.append(new)
            fields.append(tuple(found))
        of_free = difference(self._replacements.counts, before)
        self._replacements.counts.clear()
        self._replacements.counts.update(before)
        if len(whole) == len(pieces):
            left = {kind: count - of_free.get(kind, 0) for kind, count in counts.items()}
            self._known[shape] = RedactedLogin(tuple(whole), tuple(fields), left, *rest)

    def _rule(self, field: FreeField) -> Rule | None:
        """What becomes of a free field; None where nobody says."""
        if field.name in _KEPT or (field.name == ATTRIBUTES and self._keep_attributes):
            return bytes
        if field.name == ATTRIBUTES:
            return lambda raw: self._replacements.text("attributes", raw)
        return (lambda raw: self._replacements.nonce("nonces", raw)) if field.name in _NONCES else None

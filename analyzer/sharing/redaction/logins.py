"""Logins of known shapes: what becomes of the first is what becomes of all, but for their free fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.analysis.conversation.login_shapes import LoginShape
from analyzer.analysis.conversation.shape_learning import ATTRIBUTES, FreeField
from analyzer.sharing.redaction.drawing import Drawing
from analyzer.sharing.redaction.replacements import Replacements, difference

# Fields of which each byte is random, and the one that says nothing of anybody.
_NONCES: Final = frozenset(
    {"auth_plugin_data_part_1", "auth_plugin_data_part_2", "auth_response", "data", "plugin_provided_data"}
)
_KEPT: Final = frozenset({"thread_id"})
_MOST: Final = 1024
# What becomes of a free field: it stays, it is noise, or the text of an attribute.
_STAYS: Final = 0
_NOISE: Final = 1
_TEXT: Final = 2


class RedactedField:
    """Where a free field stands in its piece, and what becomes of it."""

    __slots__ = ("rule", "start", "stop")

    def __init__(self, place: slice, rule: int) -> None:
        self.start, self.stop = place.start, place.stop
        self.rule = rule

    def put(self, replacements: Replacements, drawing: Drawing, data: bytes, out: bytearray) -> None:
        """Writes it as it may be seen."""
        if self.rule == _NOISE and drawing.fill_nonce(data, self.start, self.stop, out):
            replacements.count("nonces")
            return
        raw = data[self.start : self.stop]
        out[self.start : self.stop] = replacements.text("attributes", raw) if self.rule == _TEXT else raw


class RedactedLogin:
    """What becomes of the logins of one shape.

    pieces   in their places, and the free fields of each
    counts   what was replaced in the rest, by kind; `zeroed` bytes of it were not understood
    escapes  whether a backslash escapes behind it
    version  how many names were known when this was worked out
    """

    __slots__ = ("counts", "escapes", "fields", "pieces", "version", "zeroed")

    def __init__(
        self,
        pieces: list[bytes],
        fields: list[list[RedactedField]],
        counts: dict[str, int],
        rest: tuple[int, bool | None, int],
    ) -> None:
        self.pieces = pieces
        self.fields = fields
        self.counts = counts
        self.zeroed, self.escapes, self.version = rest

    def made(self, replacements: Replacements, contents: list[bytes]) -> list[bytes | bytearray]:
        """The pieces of another login in their places."""
        found: list[bytes | bytearray] = []
        drawing = replacements.drawing
        for index, piece in enumerate(self.pieces):
            fields = self.fields[index]
            if not fields:
                found.append(piece)
                continue
            out = bytearray(piece)
            for field in fields:
                field.put(replacements, drawing, contents[index], out)
            found.append(out)
        return found


class KnownLogins:
    """Redacted logins by their shape; None for those whose free fields are not all that differs."""

    __slots__ = ("_keep_attributes", "_known", "_replacements")

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
        return shape not in self._known or self._known[shape] is not None

    def learn(
        self,
        shape: LoginShape,
        contents: list[bytes],
        made: Sequence[bytes | None],
        counts: dict[str, int],
        rest: tuple[int, bool | None, int],
    ) -> None:
        """Notes the last pieces of a login, what became of them, and what was counted.

        `rest`: zeroed, escapes, version.
        """
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[shape] = None
        before = dict(self._replacements.counts)
        whole: list[bytes] = []
        fields: list[list[RedactedField]] = []
        for data, new, free in zip(contents, made, shape.fields[shape.length - len(contents) :], strict=True):
            if new is None or len(new) != len(data):
                break
            rules = [(field, self._rule(field)) for field in free]
            found = [RedactedField(field.place, rule) for field, rule in rules if rule is not None]
            again = bytearray(new)
            for one in found:
                one.put(self._replacements, self._replacements.drawing, data, again)
            if len(found) != len(free) or again != new:
                break
            whole.append(new)
            fields.append([one for one in found if one.stop > one.start])
        of_free = difference(self._replacements.counts, before)
        self._replacements.counts.clear()
        self._replacements.counts.update(before)
        if len(whole) == len(contents):
            left = {kind: count - of_free.get(kind, 0) for kind, count in counts.items()}
            self._known[shape] = RedactedLogin(whole, fields, left, rest)

    def _rule(self, field: FreeField) -> int | None:
        """What becomes of a free field; None where nobody says."""
        if field.name in _KEPT or (field.name == ATTRIBUTES and self._keep_attributes):
            return _STAYS
        if field.name == ATTRIBUTES:
            return _TEXT
        return _NOISE if field.name in _NONCES else None

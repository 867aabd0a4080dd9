"""Statements, bound values and messages without their secrets, as text. One `StatementMask` serves many connections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from analyzer.analysis.packets.sql_hints import has_hint
from analyzer.analysis.packets.sql_names import LOWER, is_secret, shape_of
from analyzer.analysis.packets.sql_secrets import (
    NONE,
    StatementSecrets,
    holds_secret,
    loads_secrets,
    secrets_of,
    selects_secret,
    without,
)
from analyzer.batches import copied
from analyzer.protocol.wire.reader import ENCODING_ERRORS

MASK: Final = "***"
# Query attributes that tracing defines: others may hold anything.
OPEN_ATTRIBUTES: Final = frozenset({"traceparent", "tracestate", "mysql_trace_id", "trace_id", "span_id"})

# Shapes of statements without secrets, and statements with some, that are remembered; longer ones are not.
MOST_REMEMBERED: Final = 4096
LONGEST_REMEMBERED: Final = 1 << 12
# Characters that a message has to share with a secret to show a part of it.
_SHARED: Final = 4
_ZERO, _NINE = b"09"
_MOST_SHARED: Final = 1 << 14
# Where a message quotes the statement that the server could not parse.
_NEAR: Final = re.compile(r"\bnear (['\"].*)\Z", re.DOTALL)
_NEAR_END: Final = re.compile(r"(['\"]) at line \d+\s*\Z")
PARSE_ERRORS: Final = frozenset({1064, 1149})  # ER_PARSE_ERROR, ER_SYNTAX_ERROR
# Those that quote values: ER_DUP_ENTRY, ER_WRONG_VALUE_FOR_VAR, ER_TRUNCATED_WRONG_VALUE and their like.
VALUE_ERRORS: Final = frozenset({1062, 1169, 1231, 1265, 1292, 1366, 1367, 1411, 1425, 1525, 1526, 1586, 1859, 3819})
_CLAUSE: Final = re.compile(r" in '[A-Za-z ]{2,20}'\s*\Z")
_QUOTED: Final = re.compile(r"(['\"])(.*?)(?:\1|\Z)", re.DOTALL)


def make_room(remembered: set[bytes] | dict[str, StatementSecrets] | dict[str, bool]) -> None:
    """Forgets what is remembered of statements where it is too many."""
    if len(remembered) >= MOST_REMEMBERED:
        remembered.clear()


class StatementMask:
    """Finds the secrets of statements, and remembers which have none."""

    __slots__ = ("_harmless", "_known", "_room", "_selected", "_shapes")

    def __init__(self) -> None:
        self._room = bytearray(LONGEST_REMEMBERED)  # in which shapes are written
        self._shapes: set[bytes] = set()  # of statements without a hint
        self._harmless: set[bytes] = set()  # statements that have one, and no secret
        self._known: dict[str, StatementSecrets] = {}
        self._selected = ("", False)  # the statement that was asked about last: each row of its result asks

    def is_plain(self, raw: bytes, begin: int = 0) -> bool:
        """Whether a statement that begins there holds no secret, as far as that is cheap to say: asked of every one."""
        shape = self._shape_of(raw, begin)
        if shape in self._shapes:
            return True
        text = raw[begin:] if begin else raw
        return text in self._harmless or self._is_hintless(shape) or self._is_harmless(text)

    def _shape_of(self, raw: bytes, begin: int) -> bytes:
        """As `shape_of`, where each call counts."""
        size = len(raw)
        if size > len(self._room):
            return shape_of(raw[begin:])
        text, room, lower, count, byte = raw, self._room, LOWER, 0, 0
        for place in range(begin, size):
            byte = text[place]
            room[count] = lower[byte]
            if byte < _ZERO or byte > _NINE:
                count += 1
        return copied(self._room, 0, count)

    def _is_hintless(self, shape: bytes) -> bool:
        if shape in self._shapes:
            return True
        if has_hint(shape):
            return False
        if len(shape) <= LONGEST_REMEMBERED:
            make_room(self._shapes)
            self._shapes.add(shape)
        return True

    def _is_harmless(self, raw: bytes) -> bool:
        """Whether a statement is known to hold none. In another encoding than ASCII quotes may be other bytes."""
        if len(raw) > LONGEST_REMEMBERED or not raw.isascii() or self.secrets(raw.decode()):
            return False
        make_room(self._harmless)
        self._harmless.add(raw)
        return True

    def secrets(self, statement: str) -> StatementSecrets:
        """Where the secrets of a statement stand."""
        found = self._known.get(statement)
        if found is None:
            plain = self._is_hintless(shape_of(statement.encode("utf-8", ENCODING_ERRORS)))
            found = NONE if plain else secrets_of(statement)
            if len(statement) <= LONGEST_REMEMBERED:
                make_room(self._known)
                self._known[statement] = found
        return found

    def statement(self, statement: str) -> str:
        """The statement without its secrets."""
        found = self.secrets(statement)
        return without(statement, found.ranges, MASK) if found.ranges else statement

    def hides_parameter(self, statement: str | None, number: int, value: object) -> bool:
        """Whether a bound value must not be shown.

        Of a statement that is not known nobody can say what its values are: all that is not a number is hidden.
        """
        if statement is None:
            return isinstance(value, str | bytes)
        found = self.secrets(statement)
        if number >= (statement.count("?") if found is NONE else found.holes):
            # A part of the statement is missing.
            return isinstance(value, str | bytes)
        return number in found.parameters

    def selects_secret(self, statement: str) -> bool:
        """Whether a statement lists a column that is secret among those it selects."""
        if statement is not self._selected[0]:
            hintless = self._is_hintless(shape_of(statement.encode("utf-8", ENCODING_ERRORS)))
            self._selected = statement, not hintless and selects_secret(statement)
        return self._selected[1]

    def hides_file(self, statement: str | None) -> bool:
        """Whether a file that a statement loads must not be shown: it has a secret in one of its columns."""
        return statement is None or loads_secrets(statement)

    def is_whole(self, statement: str, parameters: int) -> bool:
        """Whether nothing in a statement is secret, and it has so many parameters."""
        return not self.secrets(statement) and parameters <= statement.count("?")

    def message(
        self, message: str, code: int, statement: str | None, values: Sequence[str] = (), cut: bool = False
    ) -> str:
        """A server's message without what it quotes of the secrets of the statement that it answers.

        `values` are the statement's bound values that are secret. Of a statement that is not known, or not whole,
        nothing is quoted.
        """
        plain = statement is not None and not cut and not values and not self.secrets(statement)
        if plain and not self.secrets(_quoting(message)):
            return message
        return without(message, self.message_ranges(message, code, statement, values), MASK)

    def message_ranges(
        self, message: str, code: int, statement: str | None, values: Sequence[str] = ()
    ) -> list[tuple[int, int]]:
        """What `message` hides, as (start, stop)."""
        near = _NEAR.search(message) if code in PARSE_ERRORS or statement is None else None
        blind = statement is None or (self.secrets(statement).parameters and not values)
        if blind and code in VALUE_ERRORS:
            return [found.span(2) for found in _QUOTED.finditer(message)]
        if near is not None:
            end = _NEAR_END.search(message)
            # The statement's own quotes may stand in between: all up to the last one.
            return [
                (near.start(1) + 1, end.start() if end is not None and end.start() > near.start(1) else len(message))
            ]
        known = [*values]
        if statement is not None:
            known += [statement[start:stop] for start, stop in self.secrets(statement).ranges]
        ranges = shared_with(message, known)
        own = self.secrets(_quoting(message)).ranges
        # Quotes inside of what is quoted are not escaped: all from the first secret on.
        return ranges or [(start, len(message)) for start, _ in own[:1]]


def _quoting(message: str) -> str:
    """A message with blanks in place of the clause that it names: `Unknown column 'password' in 'field list'`."""
    return _CLAUSE.sub(lambda found: " " * len(found[0]), message)


def shared_with(text: str, secrets: Sequence[str]) -> list[tuple[int, int]]:
    """What of a text stands in one of the secrets too, as (start, stop): a message may quote a part of it."""
    pieces: set[str] = set()
    short: set[str] = set()
    for secret in secrets:
        for one in (secret, secret.replace("''", "'").replace("\\", "")):
            cut = one[:_MOST_SHARED]
            if 0 < len(cut) < _SHARED:
                short.add(cut)
            pieces.update(cut[at : at + _SHARED] for at in range(len(cut) - _SHARED + 1))
    if not pieces and not short:
        return []
    ranges: list[tuple[int, int]] = []
    for at in range(len(text)):
        size = _SHARED if text[at : at + _SHARED] in pieces else 0
        if not size and short and text[at - 1 : at] in ("'", '"'):
            size = next((len(one) for one in short if text.startswith(one, at)), 0)
        if size:
            if ranges and ranges[-1][1] >= at:
                ranges[-1] = (ranges[-1][0], at + size)
            else:
                ranges.append((at, at + size))
    return ranges


# A password among the options of a program that calls itself so: `mysqldump -pSECRET`.
_OPTION: Final = re.compile(r"(?:\A|\s)-p(?!\d+(?:\s|\Z))\S{3}")


def secret_attribute(name: str, value: str) -> bool:
    """Whether the value of a connection attribute must not be shown."""
    return secret_name(name) or holds_secret(value) or _OPTION.search(value) is not None


def secret_name(name: str) -> bool:
    """Whether a column, a variable or an attribute of this name holds a secret."""
    return is_secret(name.upper().rpartition(".")[2])

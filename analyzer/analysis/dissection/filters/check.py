"""Finds out what each word of a filter is, checks that types fit, and makes tests of it.

Wireshark's rules (wireshark-filter(4)): a comparison with a field that is not there is false, `!=` too; == holds where
any value of a field that occurs several times fits, != where all differ; other comparisons where any fits. A filter
whose types do not fit is refused before it runs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Protocol

from analyzer.analysis.dissection.fields import closest, find, formatted
from analyzer.analysis.dissection.fields.base import (
    BOOLEAN,
    BYTES,
    DURATION,
    IPV4,
    IPV6,
    NOTHING,
    NUMBER,
    REALS,
    TEXT,
    TIME,
    FieldInfo,
    Value,
)
from analyzer.analysis.dissection.filters.errors import FilterError
from analyzer.analysis.dissection.filters.tree import Call, Compare, Literal, Member, Operand, Present, Range, Slice
from analyzer.analysis.dissection.filters.words import TRUTHS, integer, moment, network, octets, real, seconds
from analyzer.errors import CaptureError

# Time one search of a pattern may take, in seconds: patterns that explode are stopped.
PATTERN_SECONDS: Final = 0.25
DEEPEST: Final = 20  # functions and slices inside of one another

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_SIGNS: Final[dict[str, str]] = {"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
# name -> families it takes, family it gives ("" for that of its argument)
_FUNCTIONS: Final[dict[str, tuple[frozenset[str], str]]] = {
    "len": (frozenset({TEXT, BYTES}), NUMBER),
    "lower": (frozenset({TEXT}), TEXT),
    "upper": (frozenset({TEXT}), TEXT),
    "count": (frozenset({NUMBER, BOOLEAN, TEXT, BYTES, IPV4, IPV6, TIME, DURATION, NOTHING}), NUMBER),
    "string": (frozenset({NUMBER, BOOLEAN, TEXT, BYTES, IPV4, IPV6, TIME, DURATION}), TEXT),
}


class FilterSubject(Protocol):
    """What a filter is asked about: a packet, a frame's packets, a connection."""

    def values(self, name: str) -> Sequence[Value]:
        """All values of a field, in order; none where it does not occur."""


Test = Callable[[FilterSubject], bool]
Get = Callable[[FilterSubject], Sequence[Value]]


@dataclass(frozen=True)
class TypedOperand:
    """An operand that comes from the source. `info` is its field's, where it is a field as it stands."""

    family: str
    get: Get
    fields: frozenset[str]
    start: int
    end: int
    info: FieldInfo | None = None
    bits: int = 0


class Checker:
    """Turns the tests of one filter into functions. Raises FilterError."""

    def __init__(self, text: str, known: Mapping[str, Collection[str]]) -> None:
        """`known` adds to the fields' own choices: field -> the only texts that it can hold."""
        self.text = text
        self._known = known
        self._depth = 0

    def error(self, reason: str, operand: Operand | TypedOperand) -> FilterError:
        return FilterError(reason, self.text, operand.start, operand.end)

    def test(self, node: Compare | Member | Present) -> tuple[Test, frozenset[str]]:
        """The test, and the fields it asks for."""
        if isinstance(node, Present):
            return self._present(node)
        if isinstance(node, Member):
            return self._member(node)
        return self._compare(node)

    # -- operands ------------------------------------------------------------------------------------------------------

    def typed(self, operand: Operand) -> TypedOperand | None:
        """The operand where it comes from the source, None where it is a literal value."""
        if isinstance(operand, Literal):
            return None if operand.quoted else self._field(operand)
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} functions or slices of one another", operand)
        if isinstance(operand, Slice):
            typed = self._slice(operand)
        else:
            typed = self._mask(operand) if operand.name == "&" else self._call(operand)
        self._depth -= 1
        return typed

    def needed(self, operand: Operand) -> TypedOperand:
        """The operand, which has to come from the source."""
        typed = self.typed(operand)
        if typed is not None:
            return typed
        assert isinstance(operand, Literal)
        if operand.quoted:
            raise self.error("a text is no field", operand)
        raise self.unknown(operand)

    def unknown(self, word: Literal) -> FilterError:
        near = closest(word.text)
        hint = f"; is it {' or '.join(near)}?" if near else "; `handshark fields` lists all"
        return self.error(f"{word.text} is no field{hint}", word)

    def _field(self, word: Literal) -> TypedOperand | None:
        info = find(word.text)
        if info is None:
            return None
        if info.unavailable is not None:
            raise self.error(f"{info.name} can not be known here: {info.unavailable}", word)
        name = info.name
        return TypedOperand(
            info.family,
            lambda source: source.values(name),
            frozenset({name}),
            word.start,
            word.end,
            info,
            info.bits,
        )

    def _slice(self, operand: Slice) -> TypedOperand:
        inner = self.needed(operand.operand)
        if inner.family not in (TEXT, BYTES):
            raise self.error(f"a slice of a {inner.family}; only texts and bytes have slices", operand)
        parts = operand.parts

        def get(source: FilterSubject) -> Sequence[Value]:
            found = []
            for value in inner.get(source):
                raw = _raw(value)
                cut = b"".join(_cut(raw, *part) for part in parts)
                if cut:
                    found.append(cut)
            return found

        return TypedOperand(BYTES, get, inner.fields, operand.start, operand.end)

    def _mask(self, operand: Call) -> TypedOperand:
        left = self.needed(operand.arguments[0])
        right = operand.arguments[1]
        number = integer(right.text) if isinstance(right, Literal) and not right.quoted else None
        if left.family != NUMBER:
            raise self.error(f"& works on numbers; this is a {left.family}", left)
        if number is None:
            raise self.error("& needs a number on its right", right)
        mask = number

        def get(source: FilterSubject) -> Sequence[Value]:
            return [value & mask for value in left.get(source) if isinstance(value, int)]

        return TypedOperand(NUMBER, get, left.fields, operand.start, operand.end, None, 64)

    def _call(self, operand: Call) -> TypedOperand:
        entry = _FUNCTIONS.get(operand.name)
        if entry is None:
            near = ", ".join(sorted(_FUNCTIONS))
            raise self.error(f"{operand.name} is no function; {near} are", operand)
        if len(operand.arguments) != 1:
            raise self.error(f"{operand.name}() takes one field, {len(operand.arguments)} are given", operand)
        inner = self.needed(operand.arguments[0])
        takes, gives = entry
        if inner.family not in takes:
            raise self.error(f"{operand.name}() takes {' or '.join(sorted(takes))}, not a {inner.family}", operand)
        return TypedOperand(gives, _function(operand.name, inner), inner.fields, operand.start, operand.end, None, 64)

    # -- tests ---------------------------------------------------------------------------------------------------------

    def _present(self, node: Present) -> tuple[Test, frozenset[str]]:
        typed = self.needed(node.operand)
        get = typed.get
        info = typed.info
        # A truth of our own says what it says: `not handshark.tls` is a connection without TLS.
        truth = info is not None and info.family == BOOLEAN and info.name.startswith("handshark.")
        if truth or (isinstance(node.operand, Call) and node.operand.name == "&"):
            return lambda source: any(get(source)), typed.fields
        return lambda source: bool(get(source)), typed.fields

    def _member(self, node: Member) -> tuple[Test, frozenset[str]]:
        left = self.needed(node.operand)
        checks = [self._element(left, element) for element in node.elements]
        get = left.get
        return lambda source: any(check(value) for value in get(source) for check in checks), left.fields

    def _element(self, left: TypedOperand, element: Range) -> Callable[[Value], bool]:
        if element.high is None:
            return self._constant(left, "eq", element.low)
        if left.family in (BOOLEAN, NOTHING):
            raise self.error(f"a {left.family} has no ranges", element.low)
        low = self._constant(left, "ge", element.low)
        high = self._constant(left, "le", element.high)
        return lambda value: low(value) and high(value)

    def _compare(self, node: Compare) -> tuple[Test, frozenset[str]]:
        quantifier, _, name = node.operator.rpartition("_")
        left, right = self.typed(node.left), self.typed(node.right)
        if left is None and right is None:
            if isinstance(node.left, Literal) and not node.left.quoted:
                raise self.unknown(node.left)
            raise self.error("two values are compared; one side has to be a field", node.left)
        if left is None:
            assert right is not None
            if name in ("contains", "matches"):
                raise self.error(f"the field has to be on the left of {name}", node.left)
            mirrored = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}.get(name, name)
            return self._with_constant(right, quantifier, mirrored, node.left)
        if right is None:
            return self._with_constant(left, quantifier, name, node.right)
        return self._fields(left, quantifier, name, right)

    def _with_constant(
        self, left: TypedOperand, quantifier: str, name: str, right: Operand
    ) -> tuple[Test, frozenset[str]]:
        check = self._constant(left, name, right)
        get = left.get
        if quantifier == "all":

            def everywhere(source: FilterSubject) -> bool:
                values = get(source)
                return bool(values) and all(check(value) for value in values)

            return everywhere, left.fields
        return lambda source: any(check(value) for value in get(source)), left.fields

    def _fields(
        self, left: TypedOperand, quantifier: str, name: str, right: TypedOperand
    ) -> tuple[Test, frozenset[str]]:
        if name == "matches":
            raise self.error("matches needs a pattern in quotes on its right", right)
        if left.family != right.family and {left.family, right.family} != {TEXT, BYTES}:
            raise self.error(f"a {left.family} is compared with a {right.family}", right)
        self._comparable(left, name)
        key = _key(left.family) if left.family == right.family else _raw
        test: Callable[[Any, Any], bool] = _holds if name == "contains" else _ORDER[name]
        one, other = left.get, right.get

        def check(source: FilterSubject) -> bool:
            values, others = one(source), other(source)
            if not values or not others:
                return False
            results = (test(key(a), key(b)) for a in values for b in others)
            return all(results) if quantifier == "all" else any(results)

        return check, left.fields | right.fields

    def _comparable(self, left: TypedOperand, name: str) -> None:
        if name in ("contains", "matches"):
            if left.family not in (TEXT, BYTES):
                raise self.error(f"{name} works on texts and bytes; this is a {left.family}", left)
        elif left.family == NOTHING:
            raise self.error("it has no value: it can only be asked whether it is there", left)
        elif left.family == BOOLEAN and name not in ("eq", "ne"):
            raise self.error(f"{_SIGNS[name]} has no meaning for true and false", left)

    def _constant(self, left: TypedOperand, name: str, right: Operand) -> Callable[[Value], bool]:
        """The test of one value against a literal."""
        self._comparable(left, name)
        if not isinstance(right, Literal):
            raise self.error("a value is needed here", right)
        if name == "matches":
            return self._pattern(left, right)
        if left.family in (IPV4, IPV6):
            return self._address(left, name, right)
        if left.info is not None and left.info.address and name in ("eq", "ne") and "/" in right.text:
            return self._within(name, right)
        constant = self._value(left, right)
        if name in ("eq", "ne"):
            self._possible(left, name, constant, right)
        if name == "contains":
            if left.family == TEXT:
                return lambda value: constant in value  # type: ignore[operator]
            return lambda value: constant in _raw(value)  # type: ignore[operator]
        test = _ORDER[name]
        if left.family == BYTES:
            return lambda value: test(_raw(value), constant)
        return lambda value: test(value, constant)

    def _address(self, left: TypedOperand, name: str, right: Literal) -> Callable[[Value], bool]:
        found = network(right.text, 4 if left.family == IPV4 else 6)
        if found is None:
            raise self.error(f"{right.text!r} is no {left.family}", right)
        address, mask = found
        test = _ORDER[name]
        key = _key(left.family)
        return lambda value: test(key(value) & mask, address)

    def _within(self, name: str, right: Literal) -> Callable[[Value], bool]:
        """Whether an address of either version is of a network."""
        from ipaddress import ip_address, ip_network

        try:
            inside = ip_network(right.text, strict=False)
        except ValueError:
            raise self.error(f"{right.text!r} is no network; write it as 10.0.0.0/8 or fd00::/8", right) from None
        wanted = name == "eq"
        return lambda value: (ip_address(str(value)) in inside) is wanted

    def _possible(self, left: TypedOperand, name: str, constant: Value, right: Literal) -> None:
        """Raises FilterError where a field can never hold a value."""
        info = left.info
        if info is not None and info.never is not None and name == "eq" and constant == info.never[0]:
            raise self.error(
                f"{info.name} is never {right.text} on a frame with a MySQL packet; {info.never[1]}", right
            )
        if info is None or not isinstance(constant, str):
            return
        choices = self._known.get(info.name) or info.choices
        if choices and constant not in choices:
            near = get_close_matches(constant, choices, 1)
            hint = f'is it "{near[0]}"?' if near else f"it is one of {', '.join(sorted(choices))}"
            raise self.error(f"{info.name} is never {constant!r}; {hint}", right)

    def _pattern(self, left: TypedOperand, right: Literal) -> Callable[[Value], bool]:
        if not right.quoted:
            raise self.error("the pattern has to be in quotes", right)
        import regex

        try:
            if left.family == TEXT:
                search = regex.compile(right.text, regex.IGNORECASE).search
            else:
                search = regex.compile(
                    right.text.encode("utf-8", "surrogateescape"), regex.IGNORECASE | regex.DOTALL
                ).search
        except (regex.error, OverflowError, RecursionError, ValueError) as error:
            raise self.error(f"the pattern can not be read: {error}", right) from None
        plain = left.family == TEXT
        wrong = f"the pattern {right.text!r} takes too long on a value; stopped after {PATTERN_SECONDS} s"

        def check(value: Value) -> bool:
            try:
                return search(value if plain else _raw(value), timeout=PATTERN_SECONDS) is not None
            except TimeoutError:
                raise CaptureError("-Y", wrong) from None

        return check

    def _value(self, left: TypedOperand, word: Literal) -> Value:
        """A literal as a value of the left side's type."""
        family = left.family
        if family == TEXT:
            return self._text(left, word)
        if family == BYTES:
            if word.quoted:
                return word.text.encode("utf-8", "surrogateescape")
            raw = octets(word.text)
            if raw is None:
                raise self.error(f"{word.text!r} is no byte array; write it as 01:ff:7e, or as a text in quotes", word)
            return raw
        if family == BOOLEAN:
            truth = None if word.quoted else TRUTHS.get(word.text.lower())
            if truth is None:
                raise self.error(f"{word.text!r} is neither true nor false", word)
            return truth
        if family == NUMBER:
            return self._number(left, word)
        if family == DURATION:
            duration = None if word.quoted else seconds(word.text)
            if duration is None:
                raise self.error(f"{word.text!r} is no number of seconds", word)
            return duration
        when = moment(word.text) if word.quoted else seconds(word.text)
        if when is None:
            raise self.error(
                f'{word.text!r} is no time; write it as "2026-11-22 10:34:03", or in seconds since 1970', word
            )
        return when

    def _text(self, left: TypedOperand, word: Literal) -> Value:
        if word.quoted:
            return word.text
        if real(word.text) is not None or integer(word.text) is not None:
            what = left.info.name if left.info is not None else "it"
            raise self.error(f'{what} is a text and is compared with a number; write "{word.text}"', word)
        if word.text.startswith(("mysql.", "mariadb.", "handshark.", "tcp.", "ip.", "ipv6.", "frame.", "tls.")):
            raise self.unknown(word)
        return word.text

    def _number(self, left: TypedOperand, word: Literal) -> Value:
        names = left.info.values if left.info is not None and left.info.values is not None else {}
        if left.info is not None and left.info.type in REALS:
            found = None if word.quoted else real(word.text)
            if found is None:
                raise self.error(f"{word.text!r} is no number", word)
            return found
        if not word.quoted or word.char:
            number = ord(word.text) if word.char else integer(word.text)
            if number is not None:
                signed = left.info is not None and left.info.type.startswith("INT")
                if left.bits and not (
                    -(1 << left.bits - 1) <= number < 1 << left.bits - 1 if signed else 0 <= number < 1 << left.bits
                ):
                    raise self.error(f"{number} does not fit into {left.bits} bits", word)
                return number
        wanted = word.text.casefold()
        for value, name in names.items():
            if name.casefold() == wanted:
                return value
        if names and word.quoted:
            raise self.error(f"{word.text!r} is none of the field's values", word)
        what = left.info.name if left.info is not None else "it"
        raise self.error(f"{word.text!r} is no number, and {what} is one", word)


def _holds(value: Any, part: Any) -> bool:
    return part in value


def _raw(value: Value) -> bytes:
    """A text or bytes as bytes."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)  # type: ignore[arg-type]


def _cut(raw: bytes, first: int, length: int | None, last: int | None) -> bytes:
    size = len(raw)
    begin = first + size if first < 0 else first
    if begin < 0 or begin >= size:
        return b""
    if last is not None:
        end = (last + size if last < 0 else last) + 1
    else:
        end = size if length is None else begin + length
    # As in Wireshark, a slice that is not wholly there is not there.
    return raw[begin:end] if begin < end <= size else b""


def _key(family: str) -> Callable[[Any], Any]:
    """What values of a family are compared by."""
    if family in (IPV4, IPV6):
        from ipaddress import ip_address

        return lambda value: int(ip_address(value))
    return lambda value: value


def _function(name: str, inner: TypedOperand) -> Get:
    get = inner.get
    if name == "len":
        return lambda source: [len(_raw(value)) for value in get(source)]
    if name == "count":
        return lambda source: [len(values)] if (values := get(source)) else []
    if name == "string":
        info = inner.info
        return lambda source: [formatted(info, value) for value in get(source)]
    if name == "lower":
        return lambda source: [str(value).lower() for value in get(source)]
    return lambda source: [str(value).upper() for value in get(source)]

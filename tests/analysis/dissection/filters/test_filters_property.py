"""Random filters: never anything but a FilterError, and the same answer as plain Python."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as some

from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.filters import FilterError, compile_filter
from tests.analysis.dissection.filters.support import PACKET, Values

_PIECES = [
    "mysql.user",
    "mysql.command",
    "ip.addr",
    "tcp.port",
    "handshark.user",
    '"root"',
    "3",
    "0x10",
    "10.0.0.1/8",
    "aa:bb",
    "True",
    "'c'",
    "==",
    "!=",
    "===",
    "~=",
    ">",
    "<=",
    "&",
    "&&",
    "||",
    "!",
    "and",
    "or",
    "not",
    "xor",
    "in",
    "contains",
    "matches",
    "any",
    "all",
    "(",
    ")",
    "{",
    "}",
    ",",
    "..",
    "[0:2]",
    "[-1]",
    "len",
    "upper",
    "count",
]


@given(some.lists(some.one_of(some.sampled_from(_PIECES), some.text(max_size=4)), max_size=25))
@settings(max_examples=200)
def test_garbage_is_an_error_with_a_place(pieces: list[str]) -> None:
    text = " ".join(pieces)
    error = None
    try:
        compile_filter(text).matches(Values(PACKET))
    except FilterError as found:
        error = found
    if error is not None:
        assert error.reason
        assert 0 <= error.start <= error.end
        assert all(character.isprintable() or character == "\n" for character in error.marked())


Model = tuple[str, Callable[[], bool]]
_NUMBERS = [1, 2, 1045]
_TESTS: list[Model] = [
    ("mysql.user", lambda: True),
    ("mysql.sqlstate", lambda: False),
    ('mysql.user == "root"', lambda: True),
    ('mysql.user != "root"', lambda: False),
    ("mysql.packet_number == 1", lambda: True),
    ("mysql.packet_number != 1", lambda: False),
    ("tcp.port in {1..9}", lambda: False),
    ("mysql.error_code in {1, 1045}", lambda: True),
]


def _joined(word: str, join: Callable[[list[bool]], bool]) -> Callable[[list[Model]], Model]:
    def make(parts: list[Model]) -> Model:
        text = f" {word} ".join(f"({part})" for part, _ in parts)
        return text, lambda: join([holds() for _, holds in parts])

    return make


def _negated(part: Model) -> Model:
    return f"!({part[0]})", lambda: not part[1]()


_MODELS = some.recursive(
    some.sampled_from(_TESTS),
    lambda inner: some.one_of(
        some.lists(inner, min_size=2, max_size=4).map(_joined("and", all)),
        some.lists(inner, min_size=2, max_size=4).map(_joined("||", any)),
        some.lists(inner, min_size=2, max_size=4).map(_joined("xor", lambda truths: sum(truths) % 2 == 1)),
        inner.map(_negated),
    ),
    max_leaves=12,
)


@given(_MODELS)
@settings(max_examples=80)
def test_the_same_as_plain_python(model: Model) -> None:
    text, holds = model
    keep = compile_filter(text)
    source = Values(PACKET)
    assert keep.matches(source) == holds()
    # The two-step way gives the same: every test here is of a packet, but for the port.
    assert keep.decide(keep.packet_bits(source), source) == holds()


@given(some.sampled_from(_TESTS), some.sampled_from(_TESTS), some.sampled_from(_TESTS))
@settings(max_examples=60)
def test_and_binds_stronger_than_xor_and_xor_stronger_than_or(a: Model, b: Model, c: Model) -> None:
    source = Values(PACKET)
    x, y, z = a[1](), b[1](), c[1]()
    assert compile_filter(f"{a[0]} or {b[0]} and {c[0]}").matches(source) == (x or (y and z))
    assert compile_filter(f"{a[0]} xor {b[0]} and {c[0]}").matches(source) == (x != (y and z))
    assert compile_filter(f"{a[0]} or {b[0]} xor {c[0]}").matches(source) == (x or (y != z))
    assert compile_filter(f"not {a[0]} and {b[0]}").matches(source) == (not x and y)


@given(some.sampled_from([name for name, info in FIELDS.items() if info.unavailable is None]))
@settings(max_examples=100)
def test_every_field_can_be_asked_for(name: str) -> None:
    assert not compile_filter(name).matches(Values({}))
    assert compile_filter(f"not {name}").matches(Values({}))


@given(some.integers(0, 3), some.integers(1, 4), some.text(alphabet="abcdef", max_size=8))
def test_slices_are_pythons_where_they_are_whole(first: int, length: int, text: str) -> None:
    keep = compile_filter(f"mysql.user[{first}:{length}]")
    assert keep.matches(Values({"mysql.user": [text]})) == (len(text) >= first + length)
    if len(text) >= first + length:
        wanted = text[first : first + length]
        assert compile_filter(f'mysql.user[{first}:{length}] == "{wanted}"').matches(Values({"mysql.user": [text]}))

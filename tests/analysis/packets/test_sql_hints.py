"""Words that say a statement may hold a secret: found in one pass, and what stands between two of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analyzer.analysis.packets.sql_hints import has_hint
from analyzer.analysis.packets.sql_names import HINTS, Behind, shape_of
from analyzer.analysis.packets.statement_mask import StatementMask

# What stands between two words of a statement, its comments too, as a pattern has it: slow where there is much of it.
GAP = r"(?:[^('#/-]|/(?!\*)|-(?!-)|/\*m?!|/\*(?!m?!)(?:(?!\*/)[\s\S])*\*/|(?:\#|--)[^\n]*\n)+?"
RULES = [
    re.compile(f"(?:{rule.word}){GAP}{rule.name}" if isinstance(rule, Behind) else rule or "") for _, rule in HINTS
]
NEEDLES = [needle for needle, _ in HINTS]
BETWEEN = ("into", "insert", "users", "user", "servers", " ", "\xa0", "/*", "*/", "/*!", "/*m!", "m", "!", "--", "#")
SIGNS = ("\n", "-", "/", "*", "'", "(", ")", "`", '"', ".", "_", "x", "@", ":=", "set", "s", "\xff")


def expected(shape: bytes) -> bool:
    text = shape.decode("latin-1")
    return any(
        needle in text and rule.search(text) and (needle != "@" or ":=" in text or "set" in text or "into" in text)
        for needle, rule in zip(NEEDLES, RULES, strict=True)
    )


@given(pieces=some.lists(some.sampled_from([*NEEDLES, *BETWEEN, *SIGNS]), max_size=12))
def test_one_pass_finds_what_each_pattern_finds(pieces: list[str]) -> None:
    shape = "".join(pieces).encode("latin-1")
    assert has_hint(shape) == expected(shape)


@given(pieces=some.lists(some.sampled_from([*BETWEEN, *SIGNS]), max_size=16))
def test_names_behind_words(pieces: list[str]) -> None:
    shape = "".join(pieces).encode("latin-1")
    assert has_hint(shape) == expected(shape)


@given(raw=some.binary(max_size=40))
def test_any_bytes(raw: bytes) -> None:
    shape = shape_of(raw)
    assert has_hint(shape) == expected(shape)


@pytest.mark.parametrize("gap", [f" /* {'by whom, ' * 200}*/ ", " " * 5000, f" -- {'x' * 500}\n", "/* a */" * 300])
def test_a_gap_may_be_long(gap: str) -> None:
    statement = f"INSERT{gap}INTO users VALUES ('bob', 'hunter2')"
    assert "hunter2" not in StatementMask().statement(statement)
    assert StatementMask().is_plain(f"INSERT{gap}INTO places VALUES ('bob', 'hunter2')".encode())


@pytest.mark.parametrize("word", ["insert/*", "into ", "replace/**/", "insert#\n", "/* insert insert */", "into--"])
def test_many_words_are_looked_at_once(word: str) -> None:
    """Whoever begins anew at each of them goes over the rest of the statement 50,000 times."""
    text = word.encode() * 50_000
    assert not has_hint(text + b"places")

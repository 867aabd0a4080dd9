from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given

from analyzer.report.escape import LONGEST, csv_cell, json_safe, terminal
from tests.report.texts import ANY_TEXT


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("root", "root"),
        ("Zoë 小明", "Zoë 小明"),
        (r"C:\Program Files", r"C:\Program Files"),
        ("\x1b[31mred\x07\x7f", r"\x1b[31mred\x07\x7f"),
        ("\x9b31m", r"\u009b31m"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("\u202egnp\u2066\u2069", r"\u202egnp\u2066\u2069"),
        ("ro\u200bot\ufeff", r"ro\u200bot\ufeff"),
        ("a\u3164b\ufe0f", r"a\u3164b\ufe0f"),
        ("caf\udce9", r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_terminal(text: str, shown: str) -> None:
    assert terminal(text) == shown


def test_terminal_shows_so_much_of_a_long_text() -> None:
    shown = terminal("\x00" * (LONGEST + 5))
    assert shown.startswith(r"\x00\x00")
    assert shown.endswith("… (5 more characters)")


@given(ANY_TEXT)
def test_nothing_dangerous_reaches_a_terminal(text: str) -> None:
    shown = terminal(text)
    shown.encode()
    assert shown.isprintable()
    assert not any(unicodedata.bidirectional(c) in {"RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI"} for c in shown)
    assert terminal(shown) == shown


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_csv_cell_is_no_formula(lead: str) -> None:
    assert csv_cell(lead + "SUM(A1)").startswith("'")


@given(ANY_TEXT)
def test_csv_cell(text: str) -> None:
    cell = csv_cell(text)
    cell.encode()
    assert not cell.startswith(("=", "+", "-", "@"))
    assert cell.isprintable()


@given(ANY_TEXT)
def test_json_safe(text: str) -> None:
    safe = json_safe(text)
    assert json.loads(json.dumps(safe, ensure_ascii=False).encode()) == safe
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert safe == text

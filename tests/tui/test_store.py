"""Connections that are listed: rows, what they show, and what is kept on disk."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.analysis.model.connection import Connection
from analyzer.tui import store as stores
from analyzer.tui.store import ACCOUNT, CLIENT, NUMBER, OUTCOME, TOOK, ConnectionStore
from tests.report import examples


def numbered(number: int, kind: int = 0) -> Connection:
    one = copy.deepcopy((examples.accepted, examples.rejected)[kind % 2]())
    one.stream, one.first_frame = number, number + 1
    return one


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1), st.booleans()), max_size=60), st.integers(0, 8))
def test_rows_are_the_last_news_of_each_connection(news: list[tuple[int, int, bool]], whole: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stores, "WHOLE", whole)
        kept = ConnectionStore()
        last: dict[int, tuple[Connection, bool]] = {}
        rows: dict[int, int] = {}
        for number, kind, final in news:
            connection = numbered(number, kind)
            row = kept.put(connection, final)
            assert row is not None
            assert rows.setdefault(number, row) == row
            last[number] = connection, final
        assert len(kept) == len(last)
        for number, (connection, final) in last.items():
            row = rows[number]
            assert kept.connection(row) == connection
            assert kept.row_of((connection.capture, connection.first_frame)) == row
            assert kept.value(row, NUMBER) == number
            assert kept.value(row, OUTCOME) == connection.outcome
            assert kept.value(row, TOOK) == (connection.lasted_ns if final else -1)
        order = kept.sorted(list(kept.rows()), NUMBER, True)
        assert [kept.value(row, NUMBER) for row in order] == sorted(last, reverse=True)


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 10))
def test_the_oldest_go(numbers: list[int], most: int) -> None:
    kept = ConnectionStore(most)
    for number in numbers:
        kept.put(numbered(number))
        gone = kept.trim()
        assert not any(row in kept for row in gone)
        assert len(kept) <= most
        assert all(kept.connection(row).stream == kept.value(row, NUMBER) for row in kept.rows())
    assert kept.left_out == 0


def test_what_there_is_no_room_for_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_LISTED", 3)
    kept = ConnectionStore()
    rows = [kept.put(numbered(number)) for number in range(5)]
    assert rows == [0, 1, 2, None, None]
    assert (len(kept), kept.left_out) == (3, 2)
    assert kept.put(numbered(1)) == 1


def test_text_of_the_wire_is_safe_and_short() -> None:
    one = numbered(1)
    assert one.login is not None
    one.login.user = "\x1b[2J\u202eevil\n" + "x" * 100_000
    kept = ConnectionStore()
    row = kept.put(one)
    assert row is not None
    text = str(kept.value(row, ACCOUNT))
    assert text.isprintable()
    assert len(text) < 400
    assert kept.found("evil", row)
    assert not kept.found("\x1b", row)
    assert str(kept.value(row, CLIENT))

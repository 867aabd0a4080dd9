"""Where a connection stands is written by `State` alone, and an event that the table does not know is a mistake."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.state import CLIENT, AwaitedCommand, State, UnknownEventError
from analyzer.protocol.records.response import Data

ROOT = Path(__file__).resolve().parents[3]
FIELDS = frozenset(State.__struct_fields__)


def test_nobody_else_writes_it() -> None:
    """No assignment to an attribute of a thing called `at` (a State), nor of `machine` to one of its fields."""
    found = []
    for path in sorted((ROOT / "analyzer").rglob("*.py")) + sorted((ROOT / "live_client").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store) or node.attr not in FIELDS:
                continue
            owner = ast.unparse(node.value)
            if owner.split(".")[-1] in ("at", "machine"):
                found.append(f"{path.name}:{node.lineno}: {owner}.{node.attr}")
    assert not found


def test_an_event_that_is_not_in_the_table() -> None:
    state = State(st.ROWS)
    with pytest.raises(UnknownEventError, match="'greeting' in ROWS"):
        state.move("greeting")


def test_outside_of_tests_it_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(State, "strict", False)
    state = State(st.ROWS)
    assert not state.move("greeting")
    assert state.name == st.ROWS


def test_a_command_and_the_one_behind_it() -> None:
    state = State(st.COMMAND)
    first, second = (AwaitedCommand(3, Data("command", b""), 0) for _ in range(2))
    state.await_response(first)
    assert state.pipeline(second)
    assert (state.name, state.next_sequence) == (st.RESULT, 1)
    assert state.move("ok")
    assert (state.finished, state.command, state.name) == (first, None, st.COMMAND)
    assert state.next_command() is second


def test_wrong_ids() -> None:
    state = State(st.ROWS, sequence=255)
    assert state.next_sequence == 0
    assert not state.check_sequence(CLIENT, 0)
    assert state.sequence_error is None
    assert not state.check_sequence(CLIENT, 7)
    assert state.sequence_error == st.SequenceError(CLIENT, 0, 7)
    state.begin_packet()
    assert state.sequence_error is None
    state.took(None)
    assert state.next_sequence == -1
    assert not state.check_sequence(CLIENT, 9)

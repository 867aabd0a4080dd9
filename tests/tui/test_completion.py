"""What is offered while a display filter is typed."""

from __future__ import annotations

import pytest

from analyzer.analysis.dissection.fields import FIELDS
from analyzer.engine.filters import filter_of
from analyzer.tui.completion import MOST, complete
from tests.report import examples

CONNECTIONS = [examples.accepted(), examples.rejected(), examples.proxied()]


def offered(before: str) -> list[str]:
    return [one.text for one in complete(before, lambda: CONNECTIONS).candidates]


def test_fields_by_their_beginnings_and_their_parts() -> None:
    assert offered("mysql.err")[0].startswith("mysql.err")
    assert "handshark.outcome" in offered("outc")
    assert offered('handshark.user == "a" and handshark.outc') == ["handshark.outcome"]
    assert offered("") == []
    assert offered("(") == []
    assert len(offered("m")) <= MOST


@pytest.mark.parametrize("name", [info.name for info in FIELDS.values() if info.unavailable is None])
def test_every_value_that_is_offered_makes_a_filter(name: str) -> None:
    for text in offered(f"{name} == "):
        filter_of(f"{name} == {text}")


def test_values_are_those_of_the_capture() -> None:
    users = offered("handshark.user == ")
    assert users
    assert all(any(one.login and f'"{one.login.user}"' == user for one in CONNECTIONS) for user in users)
    assert offered('handshark.user == "zzzz') == []
    assert '"access-denied"' in offered('handshark.finding == "acc')
    assert offered("handshark.outcome in {") == ['"accepted"', '"rejected"', '"aborted"', '"encrypted"', '"unknown"']
    assert offered('handshark.outcome in {"accepted", rej') == ['"rejected"']
    assert offered("handshark.tls == ") == ["true", "false"]


@pytest.mark.parametrize("before", ['x == "', "handshark.user == '", "==", '"' * 50, "a" * 5000, "\x1b[2J", "in {{{{"])
def test_whatever_is_typed(before: str) -> None:
    found = complete(before, lambda: CONNECTIONS)
    assert 0 <= found.start <= len(before)


def test_hostile_values_are_no_candidates() -> None:
    one = examples.accepted()
    assert one.login
    one.login.user = 'a"b\\c'
    found = [each.text for each in complete("handshark.user == ", lambda: [one]).candidates]
    assert found == ['"a\\"b\\\\c"']
    filter_of(f"handshark.user == {found[0]}")
    one.login.user = "\x1b[2J"
    assert complete("handshark.user == ", lambda: [one]).candidates == []

"""compare: what a truth says and the analyzer says otherwise, a line each."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.analysis.connection.truth import compare

CONNECTION: dict[str, Any] = {
    "outcome": "accepted",
    "error": None,
    "greeting": {"connection_id": 7, "flavor": "mysql", "frame": 4},
    "login": {"user": "app", "database": None, "attributes": {"a": "b"}, "frame": 5},
    "tls": {"version": "TLSv1.3", "cipher_suite": "TLS_AES_128_GCM_SHA256", "alerts": []},
    "authentication": {"plugin": "dialog", "switches": [{"from": None, "to": "dialog", "frame": 6}]},
    "commands": {"query": 2, "quit": 1},
}


@pytest.mark.parametrize(
    "truth",
    [
        {},
        {"fault": "something", "outcome": "accepted", "error": None},
        {"connection_id": 7, "user": "app", "database": None},
        {"greeting": {"flavor": "mysql"}, "login": {"attributes": {"a": "b"}}},
        {"tls": {"version": "TLSv1.3", "cipher": "as OpenSSL says", "cipher_suite_id": 0x1301}},
        {"tls": {}},
        {"authentication": {"switches": [{"from": None, "to": "dialog"}]}},
        {"commands": {"quit": 1, "query": 2}},
    ],
)
def test_what_agrees(truth: dict[str, Any]) -> None:
    assert compare(CONNECTION, truth) == []


@pytest.mark.parametrize(
    ("truth", "where"),
    [
        ({"outcome": "rejected"}, "outcome: 'rejected' is true, 'accepted' is what the analyzer says"),
        ({"connection_id": 8}, "connection_id: 8"),
        ({"database": "shop"}, "database: 'shop'"),
        ({"error": {"code": 1045}}, "error: "),
        ({"tls": None}, "tls: None"),
        ({"login": {"attributes": {}}}, "login.attributes: {}"),
        ({"tls": {"cipher_suite_id": 0x1302}}, "tls.cipher_suite: 'TLS_AES_256_GCM_SHA384'"),
        ({"authentication": {"switches": []}}, "authentication.switches: []"),
        ({"authentication": {"switches": [{"from": "x", "to": "dialog"}]}}, "authentication.switches[0].from: 'x'"),
        ({"commands": {"query": 2}}, "commands: {'query': 2}"),
    ],
)
def test_what_differs(truth: dict[str, Any], where: str) -> None:
    (difference,) = compare(CONNECTION, truth)
    assert difference.startswith(where)


def test_only_what_can_be_seen_of_an_encrypted_connection() -> None:
    hidden = {**CONNECTION, "outcome": "encrypted", "login": None, "authentication": None, "commands": {}}
    truth = {
        "outcome": "accepted",
        "user": "app",
        "login": {"user": "app"},
        "commands": {"quit": 1},
        "connection_id": 7,
    }
    assert compare(hidden, truth) == []
    assert len(compare(hidden, {**truth, "connection_id": 8, "tls": {"version": "TLSv1.2"}})) == 2

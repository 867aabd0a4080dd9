"""COM_SUBSCRIBE_GROUP_REPLICATION_STREAM: behind its OK the connection is no MySQL session any more."""

from __future__ import annotations

import pytest

from tests.analysis.traffic import one
from tests.wire.mysql import QUIT, err, ok, packet
from tests.wire.script import ACCEPTED

SUBSCRIBE = packet(0, b"\x21")
# As a member of MySQL 9.7 said it: a request for the other's version, and a message of 268 bytes.
XCOM = bytes.fromhex("0000000a0000000001013900") + bytes.fromhex("0000000a0000010c00029a00") + bytes(268)


@pytest.mark.parametrize("tail", [XCOM, XCOM[:3], QUIT, b"\xff" * 60_000, b"\x16\x03\x01\x02\x00\x01"])
def test_nothing_behind_it_is_decoded(tail: bytes) -> None:
    connection = one([*ACCEPTED, ("c", SUBSCRIBE), ("s", ok(1)), ("c", tail), ("s", tail), ("c", tail)])
    assert connection.commands == {"subscribe_group_replication_stream": 1}
    assert [each.code for each in connection.findings if each.severity != "info"] == []
    assert "group-replication" in {each.code for each in connection.findings}


def test_what_comes_with_the_answer_is_not_decoded_either() -> None:
    connection = one([*ACCEPTED, ("c", SUBSCRIBE), ("s", ok(1) + XCOM), ("c", XCOM)])
    assert connection.commands == {"subscribe_group_replication_stream": 1}
    assert [each.code for each in connection.findings if each.severity != "info"] == []


def test_a_refusal_leaves_the_session_as_it_was() -> None:
    busy = err(1, 6141, "Group Replication connection handoff is busy; retry the connection.")
    connection = one([*ACCEPTED, ("c", SUBSCRIBE), ("s", busy), ("c", QUIT)])
    assert connection.commands == {"subscribe_group_replication_stream": 1, "quit": 1}
    assert "group-replication" not in {each.code for each in connection.findings}

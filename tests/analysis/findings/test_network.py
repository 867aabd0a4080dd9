"""Findings about the network: each with what makes it and what comes close, whatever the batches are."""

from __future__ import annotations

import pytest

from analyzer.analysis import Connection
from analyzer.analysis.model.connection import Finding
from tests.analysis.findings.network import (
    NETWORK,
    answer_lost,
    answered_late,
    black_hole,
    black_hole_at_the_client,
    dropped,
    gave_up,
    judged,
    judged_one,
    large_error,
    left_before_the_greeting,
    slow_reader,
)
from tests.analysis.support import codes
from tests.wire.session import MSS, Session


def said(connection: Connection, code: str) -> Finding:
    return next(finding for finding in connection.findings if finding.code == code)


def loud(connection: Connection) -> set[str]:
    return {finding.code for finding in connection.findings if finding.severity != "info"}


@pytest.mark.parametrize("code", NETWORK)
def test_what_makes_the_finding(code: str) -> None:
    connection = NETWORK[code][0]()
    assert code in loud(connection)
    finding = said(connection, code)
    assert finding.frames
    assert finding.evidence
    assert finding.confidence == "certain" or finding.doubt


@pytest.mark.parametrize("code", NETWORK)
def test_what_comes_close_does_not(code: str) -> None:
    assert code not in codes(NETWORK[code][1]())


@pytest.mark.parametrize("code", NETWORK)
def test_the_cause_is_the_only_loud_finding(code: str) -> None:
    assert loud(NETWORK[code][0]()) == {code}


# -- idle-connection-dropped -------------------------------------------------------------------------------------------


def test_an_idle_time_is_named_with_whose_it_commonly_is() -> None:
    message = said(judged_one(dropped(352)), "idle-connection-dropped").message
    assert "352.0 s" in message
    assert "about 350 s (AWS" in message
    assert "Azure" in said(judged_one(dropped(241)), "idle-connection-dropped").message
    assert "about" not in said(judged_one(dropped(420)), "idle-connection-dropped").message


def test_a_command_that_vanishes_after_a_pause() -> None:
    connection = judged_one(dropped(reset=False))
    finding = said(connection, "idle-connection-dropped")
    assert "never acknowledged, though it was sent again 5 times" in finding.message
    assert len(finding.frames) == 3
    assert loud(connection) == {"idle-connection-dropped"}


def test_a_session_that_is_kept_alive_was_not_idle() -> None:
    assert "idle-connection-dropped" not in codes(judged_one(dropped(alive=True)))


def test_a_quiet_session_that_goes_on() -> None:
    assert loud(judged_one(answered_late())) == set()


# -- path-mtu ----------------------------------------------------------------------------------------------------------


def test_full_segments_that_never_come() -> None:
    for lost in (1, 2, 4):
        finding = said(judged_one(black_hole_at_the_client(lost=lost)), "path-mtu")
        assert f"{lost * MSS} bytes of the server" in finding.message
        assert f"MSS {MSS}" in finding.message


@pytest.mark.parametrize(
    "session",
    [
        black_hole(acks=False),  # nothing behind it came: the answer is lost whole
        black_hole(before=large_error()),  # a full segment passed before
        black_hole(behind=MSS),  # a full segment behind it passed
        black_hole_at_the_client(size=400),  # what is missing is small
        black_hole_at_the_client(full=True),  # a full segment passed before
    ],
)
def test_losses_that_are_none_of_its_size(session: Session) -> None:
    assert "path-mtu" not in codes(judged_one(session))


def test_a_black_hole_blames_no_capture() -> None:
    for session in (black_hole(), black_hole_at_the_client()):
        assert not {"capture-gap", "capture-one-sided"} & codes(judged_one(session))


# -- answer-lost, client-gave-up, slow-reader --------------------------------------------------------------------------


def test_an_answer_that_is_lost_whole() -> None:
    finding = said(judged_one(black_hole(acks=False)), "answer-lost")
    assert "sent again 5 times" in finding.message
    assert "answer-lost" not in codes(judged_one(answer_lost(times=2)))


def test_clients_that_leave_after_the_same_time_have_a_time_out() -> None:
    three = judged(*(gave_up(2.0, number=number) for number in range(3)))
    for connection in three:
        message = said(connection, "client-gave-up").message
        assert "waited 2.0 s for the answer to SELECT people" in message
        assert "3 connections from there left after the same time: it is a time-out" in message
    apart = judged(*(gave_up(seconds, number=number) for number, seconds in enumerate((1.0, 2.0, 3.3))))
    assert not any("time-out" in said(connection, "client-gave-up").message for connection in apart)


def test_who_leaves_before_the_greeting() -> None:
    connection = left_before_the_greeting(6)
    assert "waited 6.0 s for the server's greeting" in said(connection, "client-gave-up").message
    assert "probe-connection" not in codes(connection)
    assert "client-gave-up" not in codes(left_before_the_greeting(0.1))


def test_a_reader_that_is_only_slow_is_noted() -> None:
    finding = said(judged_one(slow_reader(gives_up=False)), "slow-reader")
    assert finding.severity == "info"
    assert "61.0 s" in finding.message
    assert "net_write_timeout" in said(judged_one(slow_reader()), "slow-reader").message

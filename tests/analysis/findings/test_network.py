"""Findings about the network: each with what makes it and what comes close, whatever the batches are."""

from __future__ import annotations

from array import array

import pytest

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.connection.fleet import Fleet
from analyzer.analysis.model.connection import Finding
from analyzer.net.clock_steps import ClockSteps
from analyzer.report.prose.story import story
from analyzer.report.prose.summary import SummaryTotals
from tests.analysis.findings.network import (
    NETWORK,
    SELECT,
    answer_lost,
    answered_late,
    black_hole,
    black_hole_at_the_client,
    dropped,
    gave_up,
    in_order,
    judged,
    judged_one,
    killed,
    large_error,
    left_before_the_greeting,
    mirrored,
    port_used_again,
    refused,
    result,
    slow_reader,
    stepped,
    timed,
    translated,
    two_places,
    went_down,
)
from tests.analysis.support import codes
from tests.analysis.traffic import analyse, results_of
from tests.wire.frames import ACK, RST, SYN
from tests.wire.mysql import CLIENT_HELLO, FAST, err, greeting, login, ok, query, ssl_request
from tests.wire.script import SECOND, START
from tests.wire.session import MSS, Session


def said(connection: Connection, code: str) -> Finding:
    return next(finding for finding in connection.findings if finding.code == code)


def loud(connection: Connection) -> set[str]:
    return {finding.code for finding in connection.findings if finding.severity != "info"}


@pytest.mark.parametrize("code", NETWORK)
def test_what_makes_the_finding(code: str) -> None:
    connection = NETWORK[code][0]()
    assert code in codes(connection)
    finding = said(connection, code)
    assert finding.frames
    assert finding.evidence
    assert finding.confidence == "certain" or finding.doubt


@pytest.mark.parametrize("code", NETWORK)
def test_what_comes_close_does_not(code: str) -> None:
    assert code not in codes(NETWORK[code][1]())


NOTED = {"clock-step", "seen-twice", "session-killed"}


@pytest.mark.parametrize("code", NETWORK)
def test_the_cause_is_the_only_loud_finding(code: str) -> None:
    assert loud(NETWORK[code][0]()) == {code} - NOTED


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


def test_a_command_that_never_arrives_is_told() -> None:
    session = Session().log_in().send("c", SELECT, arrives=False).again("c", SELECT, 4)
    connection = judged_one(session.close("c", wait=5, arrives=False))
    assert "was sent again 4 times and never acknowledged" in said(connection, "client-gave-up").message
    assert "acknowledged" not in said(judged_one(gave_up()), "client-gave-up").message


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


# -- server-went-down --------------------------------------------------------------------------------------------------


def test_all_sessions_of_a_server_that_went_down() -> None:
    connections = judged(*went_down(), refused(8), refused(9, 0.5))
    for connection in connections[:3]:
        message = said(connection, "server-went-down").message
        assert "3 sessions ended within 0 us" in message
        assert "2 connections to it were refused" in message
        assert "or crashed" in message
    assert "server-went-down" not in codes(connections[3])


def test_a_shutdown_is_told_from_a_crash() -> None:
    told = judged(*went_down(told=True), refused())
    assert "it was shut down, and said so (error 1053)" in said(told[1], "server-went-down").message
    assert said(told[1], "server-went-down").confidence == "certain"
    assert "Another session was told so" in said(told[0], "server-went-down").message
    early = judged(*went_down(), refused(after=0.1))
    assert "stopped listening before its sessions ended" in said(early[0], "server-went-down").message


def test_sessions_that_said_goodbye_did_not_lose_their_server() -> None:
    assert not any("server-went-down" in codes(c) for c in judged(*went_down(polite=True), refused()))


def test_another_port_of_the_server_is_another_server() -> None:
    elsewhere = refused()
    elsewhere.frames = [f._replace(data=f.data.replace(b"\x0c\xea", b"\x0c\xeb")) for f in elsewhere.frames]
    assert not any("server-went-down" in codes(c) for c in judged(*went_down(), elsewhere))


# -- clock-step --------------------------------------------------------------------------------------------------------


def test_a_clock_that_goes_back() -> None:
    connection = in_order(stepped(frame=9))
    finding = said(connection, "clock-step")
    assert finding.severity == "info"
    assert finding.frames == [9]
    assert "by 5.0 s at frame 9" in finding.message
    assert connection.lasted_ns >= 0


@pytest.mark.parametrize("frame", range(2, 14))
def test_no_time_is_negative(frame: int) -> None:
    connection = in_order(stepped(60, frame))
    assert "clock-step" in codes(connection)
    timing = connection.timing
    times = (timing.tcp_connect_ns, timing.greeting_ns, timing.login_ns, timing.authentication_ns, timing.total_ns)
    assert all(time is None or time >= 0 for time in times)
    assert not any(f" -{digit}" in str(one) for one in connection.findings for digit in range(10))
    options = AnalysisOptions(packets=200)
    ((_, detail),) = results_of(stepped(60, frame).frames, options)[0]
    assert detail is not None
    assert all(packet.time_ns >= 0 for packet in detail.packets)


def test_frames_that_are_late_are_no_step() -> None:
    for frames in (1, 3):
        assert "clock-step" not in codes(in_order(stepped(frame=9, frames=frames)))


@pytest.mark.parametrize("apart_s", [-5, 5])
def test_two_clocks_are_told_and_blame_nobody(apart_s: int) -> None:
    """Of two interfaces, each with the frames of one side. A time between them says nothing."""
    session = Session().log_in()
    for _ in range(4):
        session.send("c", SELECT).send("s", ok(1))
    session.goodbye()
    session.frames = [
        frame._replace(timestamp_ns=frame.timestamp_ns + apart_s * SECOND * (frame.data[34:36] == b"\x0c\xea"))
        for frame in session.frames
    ]
    connection = in_order(session)
    assert "clocks up to 5.0 s apart" in said(connection, "clock-step").message
    assert not loud(connection)


def test_a_connection_behind_the_step_is_not_concerned() -> None:
    first, later = (
        stepped(frame=9),
        Session(client=("10.0.0.1", 50_007), start_ns=START + 8 * SECOND).log_in().goodbye(),
    )
    connections = analyse([*first.frames, *later.frames])
    assert ["clock-step" in codes(connection) for connection in connections] == [True, False]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_steps_are_the_same_for_any_batch(size: int) -> None:
    clock = ClockSteps()
    times = [frame.timestamp_ns for frame in stepped(frame=9).frames]
    for at in range(0, len(times), size):
        part = times[at : at + size]
        clock.feed(memoryview(array("q", range(at + 1, at + 1 + len(part)))), memoryview(array("q", part)))
    assert [(step.frame, step.size_ns) for step in clock.steps] == [(9, clock.steps[0].size_ns)]
    assert 4.9 * SECOND < clock.steps[0].size_ns < 5 * SECOND


# -- seen-twice --------------------------------------------------------------------------------------------------------


def test_copies_are_no_retransmissions() -> None:
    connection = in_order(mirrored())
    assert connection.tcp.retransmissions == 0
    assert "retransmissions" not in codes(connection)
    again = in_order(mirrored(same_id=False))
    assert again.tcp.retransmissions == 6
    assert connection.commands == again.commands == {"query": 1, "quit": 1}


def test_a_connection_before_and_after_translation_is_counted_once() -> None:
    connections = judged(*translated())
    assert [connection.is_copy for connection in connections] == [False, True]
    # What is said of one is not said of the next.
    _, analysis = results_of(sorted((f for s in translated() for f in s.frames), key=lambda frame: frame.timestamp_ns))
    assert analysis.evidence.twin is None
    finding = said(connections[1], "seen-twice")
    assert "stream 0 (10.0.0.1:50000 to 10.0.0.2:3306)" in finding.message
    fleet, totals = Fleet(), SummaryTotals()
    for connection in connections:
        fleet.add(connection)
        totals.add(connection)
    assert fleet.connections == totals.connections == 1
    assert totals.copies == 1
    assert totals.outcomes["accepted"] == 1
    assert [one.code for one in totals.findings() if one.code == "seen-twice"] == ["seen-twice"]


def test_two_connections_with_other_numbers_are_two() -> None:
    assert not any(connection.is_copy for connection in judged(*translated(other_numbers=True)))


# -- slow-login --------------------------------------------------------------------------------------------------------


def login_after(syns: int, retry: float = 1.0) -> Connection:
    session = Session().open(syns, retry=retry)
    for who, data in (("s", greeting()), ("c", login()), ("s", FAST + ok(3))):
        session.send(who, data)
    return judged_one(session.goodbye())


def test_a_slow_login_names_the_syns_that_were_sent_again() -> None:
    finding = said(login_after(3), "slow-login")
    assert finding.severity == "warning"
    assert "before the server answered the client's SYN" in finding.message
    assert finding.frames[0] == 2
    assert finding.evidence[-1] == "SYN or SYN-ACK sent again 2 times: frames 2, 3"
    assert said(login_after(2, 2.0), "slow-login").severity == "info"


def test_a_network_that_is_only_slow_sends_no_syn_again() -> None:
    session = Session()
    session.put("c", flags=SYN)
    session.sent["c"] += 1
    session.got["s"] = session.sent["c"]
    session.put("s", flags=SYN | ACK, wait=1.5)
    session.sent["s"] += 1
    session.got["c"] = session.sent["s"]
    session.put("c")
    for who, data in (("s", greeting()), ("c", login()), ("s", FAST + ok(3))):
        session.send(who, data)
    finding = said(judged_one(session.goodbye()), "slow-login")
    assert "1.5 s of it were TCP connect" in finding.message


# -- bytes that come again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("garbage", [b"\0", b"\xaa"])
def test_the_byte_of_a_keep_alive_is_not_the_last_one_changed(garbage: bytes) -> None:
    """A probe has the number of the last byte sent: where that was a segment of its own, nothing was sent again."""
    session, answer = Session().log_in().send("c", SELECT), err(1, 1146, "no table")
    session.send("s", answer[:-1]).send("s", answer[-1:]).put("c")
    for _ in range(3):
        session.put("s", garbage, seq=session.sent["s"] - 1, wait=30).put("c")
    found = judged_one(session.goodbye())
    assert found.tcp.retransmissions == 0
    assert "retransmission-differs" not in {finding.code for finding in found.findings}


def test_a_byte_that_comes_again_before_others_may_differ() -> None:
    session, answer = Session().log_in().send("c", SELECT), err(1, 1146, "no table")
    session.send("s", answer[:1]).send("s", answer[1:])
    session.put("s", b"\xaa", seq=session.sent["s"] - len(answer))
    assert said(judged_one(session.goodbye()), "retransmission-differs").frames == [8, 10]


# -- ports used again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("goodbye", [True, False])
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_port_used_again_makes_two_sessions(lost: int, goodbye: bool) -> None:
    """Whatever of the second handshake was lost: no byte is missing of either session."""
    first, second = port_used_again(lost, goodbye=goodbye)
    for connection in (first, second):
        assert connection.outcome == "accepted"
        assert connection.tcp.gaps == 0
        assert connection.commands["query"] == 1
        assert "capture-gap" not in {finding.code for finding in connection.findings}


# -- two places, two clocks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("apart", "hops", "numbered"),
    [
        (0.003, 0, True),
        (0.05, 2, True),
        (0.05, 2, False),
        (0.05, 0, True),
        (0.05, 0, False),
        (0.9, 2, True),
        (15, 1, True),
    ],
)
def test_a_capture_of_two_places_shows_each_segment_once(apart: float, hops: int, numbered: bool) -> None:
    """Copies are told from what is sent again, however far apart the clocks are: they are no trouble of the network."""
    connections = judged(two_places(apart, hops, numbered=numbered))
    connection = connections[0]
    assert connection.commands["query"] == 20
    assert connection.tcp.retransmissions == 0
    assert connection.end_time_ns - connection.start_time_ns < SECOND // 10
    assert not {finding.code for finding in connection.findings} - {"seen-twice", "unencrypted-login"}
    copies = connections if len(connections) == 1 else connections[1:]
    assert all("seen-twice" in codes(copy) for copy in copies)
    totals = SummaryTotals()
    for each in connections:
        totals.add(each)
    assert totals.connections == 1


def test_what_was_sent_again_is_told_from_copies() -> None:
    """A segment that was lost, in a capture of two places: it is sent once more, and seen twice."""
    session = Session().log_in().send("c", SELECT).send("s", ok(1), arrives=False).again("s", ok(1), 1).goodbye()
    further = [frame._replace(timestamp_ns=frame.timestamp_ns + SECOND // 20) for frame in session.frames]
    session.frames = sorted([*session.frames, *further], key=lambda frame: frame.timestamp_ns)
    connection = judged_one(session)
    assert "seen-twice" in codes(connection)
    assert connection.tcp.retransmissions == 1


# -- sessions that another one has ended -------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at_work", [True, False])
@pytest.mark.parametrize(
    "kill",
    [
        b"\x03KILL 7",
        b"\x03kill connection 7;",
        b"\x03/* admin */ KILL HARD CONNECTION\n7",
        b"\x03CALL mysql.rds_kill(7)",
        b"\x03 -- by hand\n# or not\nCALL `mysql`.`az_kill`(7)",
        b"\x0c\x07\0\0\0",
    ],
)
def test_who_had_a_session_killed(kill: bytes, at_work: bool, before: bool) -> None:
    """Whichever of the two was first."""
    connections = killed(kill, at_work=at_work, before=before)
    victim = next(each for each in connections if each.client.port == 50_000)
    finding = said(victim, "command-cut-off" if at_work else "server-ended-session")
    assert "It was killed: 10.0.0.9:60000" in finding.message
    assert (finding.confidence, finding.doubt, finding.alternatives) == ("certain", None, [])
    assert "ns" not in said(next(each for each in connections if each is not victim), "session-killed").evidence[0]


@pytest.mark.parametrize("kill", [b"\x03KILL 7", b"\x03KILL 7 /* behind the opening ones */", b"\x0c\x07\0\0\0"])
def test_a_kill_that_is_refused_ends_nothing(kill: bytes) -> None:
    victim, killer = killed(kill, answer=err(1, 1095, "You are not owner of thread 7", "HY000"))
    assert "killed" not in said(victim, "command-cut-off").message
    assert "session-killed" not in codes(killer)


def test_a_session_that_ends_long_behind_a_kill_may_have_another_cause() -> None:
    finding = said(killed(after_ns=60 * SECOND)[0], "command-cut-off")
    assert "It was killed" in finding.message
    assert finding.confidence == "likely"
    assert finding.doubt


@pytest.mark.parametrize(
    ("kill", "server"),
    [
        (b"\x03KILL QUERY 7", "10.0.0.2"),
        (b"\x03KILL 8", "10.0.0.2"),
        (b"\x03KILL 7", "10.0.0.3"),
        (b"\x03SELECT 'KILL 7'", "10.0.0.2"),
    ],
)
def test_what_killed_no_session_is_not_the_cause(kill: bytes, server: str) -> None:
    victim = killed(kill, server=server)[0]
    assert "killed:" not in said(victim, "command-cut-off").message


@pytest.mark.parametrize(
    "kill",
    [
        "KILL 7",
        "/* ops: %s */ kill /* now */ connection 7" % ("x" * 300),
        "/**/\n-- x\nKILL 7",
        "call mysql.rds_kill(7)",
    ],
)
def test_a_kill_behind_many_statements_is_found(kill: str) -> None:
    """Statements that are taken in turns are not looked at; this one is none of them."""
    victim = Session().log_in(7).send("c", SELECT).put("s")
    killer = Session(client=("10.0.0.9", 60_000)).log_in(8)
    for _ in range(20):
        killer.send("c", SELECT).send("s", ok(1))
    killer.send("c", query(kill)).send("s", ok(1)).goodbye()
    victim.now = killer.now + 1000
    victim.close("s").close("c")
    assert "It was killed" in said(judged(victim, killer)[0], "command-cut-off").message


@pytest.mark.parametrize("code", [1317, 1927])
def test_a_statement_that_a_kill_ends_with_an_error(code: int) -> None:
    """MariaDB says so to the client before it closes; KILL QUERY leaves the session as it is."""
    victim = Session().log_in(7).send("c", SELECT).send("s", err(1, code, "interrupted", "70100"))
    killer = Session(client=("10.0.0.9", 60_000)).log_in(8).send("c", query("KILL 7")).send("s", ok(1)).goodbye()
    assert "server-ended-session" not in codes(judged(victim, killer)[0])
    victim.close("s").close("c")
    finding = said(judged(victim, killer)[0], "server-ended-session")
    assert f"answered SELECT people with error {code} and closed the session" in finding.message
    victim.frames = [frame for frame in victim.frames if frame.data[34:36] == (3306).to_bytes(2, "big")]
    assert "server-ended-session" not in codes(judged_one(victim))  # the client may have left


# -- times that say nothing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step_ns", "words"), [(0, "all have the same time"), (-1_000_000, "run backwards")])
def test_times_that_are_not_usable(step_ns: int, words: str) -> None:
    """They are no facts: no duration is told."""
    connection = in_order(timed(step_ns))
    assert words in said(connection, "clock-step").message
    assert {getattr(connection.timing, name) for name in connection.timing.__struct_fields__} == {None}
    assert not loud(connection)
    assert "lasted" not in " ".join(story(connection)[-1].sentences)
    assert "clock-step" not in codes(in_order(timed(1)))


def test_what_only_the_server_sent() -> None:
    """Nothing is said of the client; errors among the answers are."""
    session = Session().log_in()
    for answer in (ok(1), err(1, 1146, "Table 'people' doesn't exist"), ok(1), result(500)):
        session.send("c", SELECT).send("s", answer)
    session.goodbye()
    session.frames = [frame for frame in session.frames if frame.data[34:36] == (3306).to_bytes(2, "big")]
    connection = judged_one(session)
    assert "What the client sent is not in the capture." in [
        line for step in story(connection) for line in step.sentences
    ]
    finding = said(connection, "capture-one-sided")
    assert "It gave at least 2 OKs and 1 result set." in finding.message
    assert finding.message.endswith("At least 1 of its answers is an error.")
    assert any("ERR 1146" in evidence for evidence in finding.evidence)
    assert connection.commands == {}
    # From the middle on, what the server acknowledges shows that the client speaks.
    session.frames = session.frames[4:]
    assert "It gave at least 1 OK and 1 result set." in said(judged_one(session), "capture-one-sided").message


def test_who_is_not_captured_did_not_stay_silent() -> None:
    """The server closes long behind its greeting."""
    session = Session().log_in().send("c", SELECT).send("s", ok(1)).later(10).close("s")
    session.frames = [frame for frame in session.frames if frame.data[34:36] == (3306).to_bytes(2, "big")]
    assert "login-timeout" not in codes(judged_one(session))


def test_a_client_that_was_not_captured_may_have_left() -> None:
    """The server notes that it is gone."""
    session = Session().log_in().send("c", SELECT).send("s", ok(1))
    session.send("s", err(0, 1158, "Got an error reading communication packets")).close("s")
    assert "server-ended-session" in codes(judged_one(session))
    session.frames = [frame for frame in session.frames if frame.data[34:36] == (3306).to_bytes(2, "big")]
    assert "server-ended-session" not in codes(judged_one(session))


def test_a_check_that_resets_behind_its_proxy_header() -> None:
    """As behind nothing."""
    header = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
    assert not loud(judged_one(Session().open().send("c", header).send("s", greeting()).reset("c")))


@pytest.mark.parametrize(("who", "words"), [("s", "until the server reset"), ("c", "until the client reset")])
def test_who_ended_the_wait_for_the_verdict(who: str, words: str) -> None:
    session = Session().open().send("s", greeting()).send("c", login()).reset(who, wait=2)
    assert words in said(judged_one(session), "server-stalled").message


def test_a_login_in_tls_that_failed_behind_a_greeting() -> None:
    """A capture filter that takes data alone leaves the SYNs out."""
    alert = bytes.fromhex("15030300020246")  # fatal, protocol_version
    session = Session().open().send("s", greeting()).send("c", ssl_request()).send("c", CLIENT_HELLO)
    session.send("s", alert).send("s", err(2, 1043, "Bad handshake", "08S01")).close("s")
    session.frames = [frame for frame in session.frames if len(frame.data) > 54]
    assert loud(judged_one(session)) == {"tls-version-refused"}
    session.close("c")
    assert loud(judged_one(session)) == {"tls-version-refused"}


@pytest.mark.parametrize("who", ["s", "c"])
def test_a_filter_that_takes_data_alone_hides_no_cause(who: str) -> None:
    """Without SYNs and FINs the greeting is the start."""
    session = Session().open().send("s", greeting()).send("c", b"GET / HTTP/1.1\r\n\r\n")
    session.send("s", err(1, 1156, "Got packets out of order", "08S01")).close(who)
    whole = loud(judged_one(session))
    session.frames = [frame for frame in session.frames if len(frame.data) > 54]
    assert loud(judged_one(session)) == whole == {"foreign-client"}


def test_silence_is_told_where_the_answer_to_the_syn_is_captured() -> None:
    """Else what came behind it may be missing, too."""
    session = Session().open().later(5).close("s").close("c")
    assert "no-greeting" in loud(judged_one(session))
    del session.frames[1]
    assert "no-greeting" not in codes(judged_one(session))


@pytest.mark.parametrize("who", ["c", "s"])
def test_a_proxy_s_header_and_no_greeting(who: str) -> None:
    """Who closes then: a check is in haste, a server that does not know the header has seen enough."""
    header = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 3306\r\n"
    connection = judged_one(Session().open().send("c", header).reset(who))
    assert loud(connection) == ({"proxy-header-refused"} if who == "s" else set())


@pytest.mark.parametrize(
    ("asked", "answer", "name"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP"),
        (b"AUTH s3cret\r\n", b"+OK\r\n", "Redis"),
    ],
)
def test_another_protocol_whose_client_is_first(asked: bytes, answer: bytes, name: str) -> None:
    connection = judged_one(Session().open().send("c", asked).send("s", answer).close("c").close("s"))
    finding = said(connection, "foreign-server")
    assert f"it speaks {name}" in finding.message
    assert finding.confidence == "likely"
    assert "s3cret" not in str(finding)


def test_one_syn_is_not_sent_again_and_again() -> None:
    """What else is there is no answer to it."""
    session = Session().put("c", flags=SYN).put("s", flags=RST)
    assert (
        "no-greeting" not in codes(judged_one(session))
        or "repeated" not in said(judged_one(session), "no-greeting").message
    )
    assert (
        "repeated" in said(judged_one(Session().put("c", flags=SYN).put("c", flags=SYN, wait=1)), "no-greeting").message
    )


# -- resets from the way -----------------------------------------------------------------------------------------------


def with_hops(session: Session, *hops: int) -> Session:
    """The last frames have another time to live."""
    for index, left in enumerate(hops, len(session.frames) - len(hops)):
        data = bytearray(session.frames[index].data)
        data[22] = left
        session.frames[index] = session.frames[index]._replace(data=bytes(data))
    return session


def test_a_reset_of_a_device_is_told_by_its_time_to_live() -> None:
    busy = Session().log_in().send("c", SELECT).later(300).reset("s")
    own, other = judged_one(busy), judged_one(with_hops(busy, 255))
    assert "The server reset the connection" in said(own, "connection-reset").message
    assert "in the server's name" in said(other, "connection-reset").message
    assert any("255" in evidence for evidence in said(other, "command-cut-off").evidence)
    assert "time to live" not in str(said(own, "command-cut-off"))


def test_a_reset_after_a_pause_that_the_server_did_not_send() -> None:
    finding = said(judged_one(with_hops(dropped(), 61)), "idle-connection-dropped")
    assert (finding.confidence, finding.doubt) == ("certain", None)
    assert said(judged_one(dropped()), "idle-connection-dropped").confidence == "likely"

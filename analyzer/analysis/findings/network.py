"""Findings about who spoke, who was silent and who left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.findings.base import CERTAIN, INFO, LIKELY, NETWORK_ERRORS, Case, Said

SILENT_NS: Final = 1_000_000_000
# Share of retransmitted segments is not known; a few are normal.
MANY: Final = 3


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.3f} s"


def _whole(case: Case) -> bool:
    """Whether the capture holds the connection from its start, with nothing missing."""
    tcp = case.talk.tcp
    both = tcp.halves[0].next >= 0 and tcp.halves[1].next >= 0
    return case.connection.tcp.syn and not case.talk.facts.gaps and both


def probe(case: Case) -> Iterator[Said]:
    c = case.connection
    facts = case.talk.facts
    if facts.greeting is None or c.tcp.bytes_from_client or c.tls or facts.gaps or c.outcome != "aborted":
        return
    if facts.end is None or _by_server(case):
        return
    yield Said(
        "The client closed the connection after the greeting without sending a byte: a health check or a scanner.",
        "Let the check log in, or check less often: such connections count towards max_connect_errors (error 1129).",
        [facts.greeting_frame, facts.end[2]],
        LIKELY,
    )


def _by_server(case: Case) -> bool:
    end = case.talk.facts.end
    return end is not None and end[0] != case.talk.client


def no_greeting(case: Case) -> Iterator[Said]:
    c = case.connection
    if c.phase_reached != "tcp" or c.tcp.bytes_from_server or not c.tcp.syn or not _whole(case):
        return
    if c.tcp.rst_from == "server" and case.talk.tcp.synack_ns is None:
        yield Said(
            "The server's host refused the connection: nothing listens on the port, or a firewall answers for it.",
            "Check that the server runs and listens on this address and port.",
            [c.last_frame],
        )
        return
    yield Said(
        f"The TCP connection was made, and the server said nothing for {_seconds(c.end_time_ns - c.start_time_ns)} "
        '("reading initial communication packet").',
        "Look at a proxy in between, the server's backlog, or its DNS look-up of the client (skip_name_resolve).",
        [c.first_frame, c.last_frame],
        LIKELY,
    )


def foreign_server(case: Case) -> Iterator[Said]:
    c = case.connection
    facts = case.talk.facts
    if facts.greeting is None and not facts.early_error and _whole(case) and c.phase_reached in ("tcp", "greeting"):
        bad = [m for m in facts.malformed if m[0] == 1]
        # Text read as a packet's length promises megabytes: then nothing is malformed, and nothing is complete.
        if bad or (facts.assumed and c.tcp.bytes_from_server):
            yield Said(
                "What the server sent first is no MySQL greeting: something else listens on this port.",
                "Check address and port; a proxy may expect a PROXY protocol header first.",
                [bad[0][5] if bad else c.first_frame],
                LIKELY,
            )


def foreign_client(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    if facts.login is None and facts.greeting is not None and _whole(case) and case.connection.tls is None:
        bad = [m for m in facts.malformed if m[0] == 0 and m[1].startswith("Handshake")]
        if bad or case.connection.tcp.bytes_from_client:
            yield Said(
                "What the client sent in place of a login is none: it speaks another protocol, or a broken one.",
                "Find the program on the client's side of this port.",
                [bad[0][5] if bad else facts.greeting_frame],
                LIKELY,
            )


def login_timeout(case: Case) -> Iterator[Said]:
    c = case.connection
    facts = case.talk.facts
    if facts.greeting is None or c.tcp.bytes_from_client or c.tls or facts.gaps:
        return
    waited = c.end_time_ns - facts.greeting_ns
    if waited >= SILENT_NS and (_by_server(case) or (c.error is not None and c.error.code == 1159)):
        yield Said(
            f"The client said nothing after the greeting, and the server gave up after {_seconds(waited)} "
            "(connect_timeout).",
            "The client hangs, is overloaded, or the greeting did not reach it (firewall, MTU).",
            [facts.greeting_frame, c.last_frame],
        )


def server_stalled(case: Case) -> Iterator[Said]:
    c = case.connection
    facts = case.talk.facts
    if facts.login is None or facts.verdict or c.outcome != "aborted" or len(facts.steps) > 1:
        return
    if not _by_server(case) or c.end_time_ns - facts.login_ns >= SILENT_NS:
        yield Said(
            f"The login was sent and not answered in {_seconds(c.end_time_ns - facts.login_ns)}, until a side gave up.",
            "Look at the server's load, its authentication backend (PAM, LDAP), or a proxy in between.",
            [facts.login_frame, c.last_frame],
            LIKELY,
        )


def server_ended_session(case: Case) -> Iterator[Said]:
    c = case.connection
    if c.error is not None and c.error.phase == "command":
        client = case.talk.tcp.halves[case.talk.client]
        left = client.fin_frame or client.rst_frame
        if c.error.code in NETWORK_ERRORS and 0 < left < c.error.frame:
            return  # the client had closed already
        yield Said(
            f"The server ended the session unasked: error {c.error.code}, {c.error.message!r}.",
            "4031: the session was idle longer than wait_timeout. 1053: the server shut down. 1927 and 1317: it was "
            "killed.",
            [c.error.frame],
            CERTAIN,
        )


def connection_reset(case: Case) -> Iterator[Said]:
    c = case.connection
    reset = case.talk.facts.reset
    if reset is None:
        return
    after_goodbye = "quit" in c.commands or c.tcp.fin_from is not None
    refused = c.phase_reached == "tcp"
    if after_goodbye or refused:
        return
    side = "client" if reset[0] == case.talk.client else "server"
    # Inside TLS a client may have said goodbye before: nobody can see it.
    harmless = c.outcome == "encrypted" or (c.outcome in ("accepted", "rejected") and side == "client")
    yield Said(
        f"The {side} reset the connection in the {c.phase_reached} phase, "
        f"{_seconds(reset[3] - c.start_time_ns)} after it began.",
        f"The {side}'s program ended or aborted; a firewall that drops idle connections looks the same.",
        [reset[2]],
        CERTAIN,
        INFO if harmless else None,
    )


def retransmissions(case: Case) -> Iterator[Said]:
    tcp = case.connection.tcp
    if tcp.retransmissions >= MANY:
        yield Said(
            f"{tcp.retransmissions} segments carry bytes that were in the capture already: the network lost some, or "
            "the capture saw them twice.",
            "Captures on all interfaces (-i any) show a segment once for each it passes.",
            [],
        )

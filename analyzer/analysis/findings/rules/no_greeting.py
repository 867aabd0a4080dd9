"""no-greeting: the connection was made, and the server said nothing."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import without_login
from analyzer.analysis.findings.helpers import SECOND, by_server, ended, is_whole, span
from analyzer.analysis.findings.rule import ERROR, INFO, LIKELY, POSSIBLE, Case, Rule, Verdict
from analyzer.analysis.findings.rules.proxy_header_refused import is_refused

SERVER = 1
SILENT_NS = SECOND


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    if c.phase_reached != "tcp" or c.tcp.bytes_from_server or not c.tcp.syn:
        return
    waited = c.end_time_ns - c.start_time_ns
    filling: dict[str, object] = {"waited": span(waited)}
    if _unanswered(case):
        yield RULE.says(
            [c.first_frame, c.last_frame],
            filling,
            variant="no answer",
            confidence=POSSIBLE,
            evidence=[f"frames {c.first_frame} to {c.last_frame}: SYN, sent again and again"],
            doubt="if the capture holds one direction only, the answer may be missing from it",
        )
        return
    if c.tcp.rst_from == "server" and not case.transport.answered:
        yield RULE.says([c.last_frame], variant="refused", evidence=[f"frame {c.last_frame}: RST in answer to the SYN"])
        return
    if not is_whole(case) or not case.transport.answered or is_refused(case):
        return
    said = [f"frame {c.first_frame}: SYN", "no byte of the server", ended(case)]
    if by_server(case):
        doubt = "the server says no word: it may have waited for the client to speak first"
        yield RULE.says(
            [c.first_frame, c.last_frame], filling, variant="closed", confidence=LIKELY, evidence=said, doubt=doubt
        )
    elif case.facts.closing.end is None and max(c.end_time_ns, case.evidence.last_ns) - c.start_time_ns < SILENT_NS:
        return  # the capture ends before it could have come
    elif waited >= SILENT_NS or case.facts.closing.end is None:
        doubt = "the server, its machine and anything between look the same from here"
        yield RULE.says([c.first_frame, c.last_frame], filling, confidence=LIKELY, evidence=said, doubt=doubt)
    else:
        doubt = "the client may not have meant to wait"
        yield RULE.says(
            [c.first_frame, c.last_frame],
            filling,
            variant="brief",
            severity=INFO,
            confidence=POSSIBLE,
            evidence=said,
            doubt=doubt,
        )


def _unanswered(case: Case) -> bool:
    """Whether the SYN was repeated and nothing came back.

    A capture of one direction would have the client's acknowledgement of the SYN-ACK.
    """
    c, transport = case.connection, case.transport
    if transport.answered or transport.seen[SERVER] or transport.acknowledged or c.tcp.rst_from is not None:
        return False
    return transport.trouble is not None and bool(transport.trouble.syn_retries)


RULE = Rule(
    "no-greeting",
    ERROR,
    "The connection was made, and the server said nothing",
    (without_login,),
    check,
    looks_at=(
        "TCP is up (or a SYN is refused, or not answered), and no byte of the server comes until a side gives up"
    ),
    about=(
        "The server speaks first in MySQL. Until its greeting comes the client can do nothing; its user reads"
        " \"Lost connection to server at 'reading initial communication packet'\". The kernel accepts TCP "
        "connections on the server's behalf, so the TCP handshake proves only that something listens."
    ),
    message=(
        'The TCP connection was made, and the server said nothing for {waited} ("reading initial '
        'communication packet").'
    ),
    advice=(
        "Look whether the server hangs or has no thread left (its error log, back_log), whether it looks up "
        "the client's name in a slow DNS (skip_name_resolve), and at proxies and load balancers in between: "
        "they accept connections before they have one to the server, or wait for a PROXY header first."
    ),
    variants=(
        (
            "refused",
            ("The server's host refused the connection: nothing listens on this port, or a firewall answers for it."),
            (
                "Check that the server runs and listens on this address and port (bind_address, port, "
                "skip_networking), and the firewall."
            ),
        ),
        (
            "no answer",
            "The server's host did not answer at all: the connection attempt was repeated for {waited}.",
            (
                "A firewall drops the packets, the address is wrong, or the machine is down. Check the route "
                "and the firewall from the client's machine."
            ),
        ),
        (
            "closed",
            "The server closed the connection after {waited} without a greeting.",
            (
                "Look in the server's error log for this time: it may refuse connections (tcp wrappers, a "
                "proxy without a back end) or may just have stopped. A listener that waits for a PROXY header or for "
                "TLS gives up after a while as well."
            ),
        ),
        (
            "brief",
            "The client closed the connection after {waited}, before the server had said anything.",
            ("If this is a health check, there is nothing to do; else the client's connect timeout is very short."),
        ),
    ),
    causes=(
        "a slow reverse DNS look-up",
        "a server that is overloaded, starting or stopped in a debugger",
        "a proxy whose back end is down",
        "a port that belongs to a program that waits for its client to speak first",
        "a listener that waits for a PROXY header (HAProxy's accept-proxy, nginx's proxy_protocol), which nobody sends",
        "a listener that wants TLS from the first byte (stunnel, a mesh, a load balancer's TLS port)",
    ),
    sources=(
        "MySQL Reference Manual: Lost Connection to MySQL Server; DNS Lookups and the Host Cache",
        "RFC 9293, section 3.5",
    ),
)

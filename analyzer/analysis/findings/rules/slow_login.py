"""slow-login: the login took long."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import SECOND, span
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import INFO, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.rules.clock_step import late_frames
from analyzer.analysis.findings.signs import ACCEPTED
from analyzer.analysis.model.connection import Connection, Finding, Timing

# A login is worth a look from here on.
WORTH_NS = SECOND // 5
# A login is slow against others if it took so many times their median, of at least so many.
TIMES = 5
ENOUGH = 5
SLOW_NS = SECOND
# A person notices. Less may be a busy machine, and is only noted. From 1 s on a login is slow by itself, before only
# against others (`complete`).
GRAVE_NS = 3 * SECOND
PARTS = {
    "TCP connect": "the network, or a listen queue that is full (back_log)",
    "greeting": "the server before its greeting: a DNS look-up of the client (skip_name_resolve), no free thread, a "
    "proxy that connects to its back end only now",
    "TLS": "the TLS handshake: a client that starts up (a JVM's first TLS connection), certificate checks that ask a "
    "server (OCSP, CRL)",
    "client": "the client before its login: it starts up, resolves something, or is overloaded",
    "authentication": "the authentication: a backend such as PAM or LDAP, a slow key exchange, an overloaded server",
}
# Plugins that may wait for a person.
ASKING = ("dialog", "authentication_webauthn_client", "authentication_fido_client")


def applies(case: Case) -> bool:
    return (case.connection.timing.total_ns or 0) >= WORTH_NS and case.connection.outcome == "accepted"


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    total = c.timing.total_ns
    if total is None or not applies(case) or late_frames(case):
        return
    parts = parts_of(c.timing)
    if not parts:
        return
    name, most = max(parts.items(), key=lambda part: part[1])
    facts = case.facts
    asks = facts.auth.plugin in ASKING and name == "authentication"
    filling: dict[str, object] = {"total": span(total), "part": name, "most": span(most), "where": PARTS[name]}
    retries = syn_retries(case)
    yield RULE.says(
        [*retries[:1], facts.greeting.frame, facts.login.frame, facts.auth.verdict_frame],
        filling,
        variant="syn" if name == "TCP connect" and retries else "",
        confidence=LIKELY,
        severity=INFO if asks or total < GRAVE_NS else None,
        evidence=[*(f"{what}: {span(ns)}" for what, ns in parts.items()), *_sent_again(retries)],
        doubt="the times are those of the place where the capture was made"
        + ("; a person may have typed the password" if asks else ""),
    )


def syn_retries(case: Case) -> list[int]:
    """Frames of SYNs and SYN-ACKs that were sent again."""
    trouble = case.transport.trouble
    return [] if trouble is None else sorted(frame for frame, _ in (*trouble.syn_retries, *trouble.synack_retries))


def _sent_again(frames: list[int]) -> list[str]:
    listed = ", ".join(map(str, frames[:5]))
    return [f"SYN or SYN-ACK sent again {len(frames)} times: frames {listed}"] if frames else []


def parts_of(timing: Timing) -> dict[str, int]:
    """Where the time of a login went, in ns; parts that were not seen are left out."""
    client = None if timing.login_ns is None else timing.login_ns - (timing.tls_ns or 0)
    parts = {
        "TCP connect": timing.tcp_connect_ns,
        "greeting": timing.greeting_ns,
        "TLS": timing.tls_ns,
        "client": client,
        "authentication": timing.authentication_ns,
    }
    return {name: ns for name, ns in parts.items() if ns is not None}


def complete(connection: Connection, finding: Finding, history: History) -> bool:
    total = connection.timing.total_ns or 0
    counts: list[int] = history.durations.get((connection.server.address, connection.server.port)) or []
    if sum(counts) < ENOUGH:
        return total >= SLOW_NS
    median = _median(counts)
    if total < SLOW_NS and total < TIMES * median:
        return False
    finding.message += f" The median of the {sum(counts)} logins before it is about {span(median)}."
    return True


def _median(counts: list[int]) -> int:
    """The median in ns, to a factor of about 1.4, of durations counted by the bits of their microseconds."""
    half = sum(counts) // 2
    passed = 0
    for bits, count in enumerate(counts):
        passed += count
        if passed > half:
            return (3 << bits) // 4 * 1000
    return 0


RULE = Rule(
    "slow-login",
    WARNING,
    "The login took long",
    (applies,),
    check,
    given=ACCEPTED,
    looks_at=(
        "the time from the first SYN to the server's OK, in its parts; 1 s (a warning from 3 s on), or five "
        "times the median of the other logins to the same server and more than 200 ms"
    ),
    about=(
        "How long a login takes is decided by five parts: TCP, the server's greeting, TLS, the client, the "
        "authentication. The largest one says where to look."
    ),
    message="The login took {total}; {most} of it were {part}.",
    advice="Look at {where}.",
    variants=(
        (
            "syn",
            "The login took {total}; {most} of it passed before the server answered the client's SYN: the first ones "
            "were "
            "lost, or thrown away by a listen queue that is full, and sent again.",
            "Look at the server's listen queue (back_log, net.core.somaxconn; nstat -az TcpExtListenOverflows) and at "
            "firewalls and the network in between. Systems send a SYN again after 1 s, 3 s and 7 s.",
        ),
    ),
    causes=("the network's own delay, if each part is slow",),
    sources=("MySQL Reference Manual: DNS Lookups and the Host Cache; Server System Variables, back_log",),
    complete=complete,
)

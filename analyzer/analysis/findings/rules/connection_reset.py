"""connection-reset: a side reset the connection."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import foreign_reset, one_sided, span
from analyzer.analysis.findings.rule import INFO, WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.tls_rules import outside_tls


def applies(case: Case) -> bool:
    return case.facts.closing.reset is not None


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    reset = facts.closing.reset
    if reset is None:
        return
    gone = c.tcp.fin_from is not None or any(case.transport.left_unseen)
    if "quit" in c.commands or gone or c.phase_reached == "tcp":
        return  # after a goodbye, or a refused connection
    side = "client" if reset[0] == case.facts.client else "server"
    # Inside TLS a client may have said goodbye before: nobody can see it.
    # A server that has refused a client and closes with that one's bytes unread sends RST, too.
    # And a health check or a scanner that resets instead of closing is a probe-connection.
    # Where the capture begins in the middle, or is one side's, what came before it is not known.
    header = facts.greeting.proxy.length if facts.greeting.proxy is not None else 0
    harmless = (
        c.outcome in ("encrypted", "rejected")
        or (side == "client" and (c.outcome == "accepted" or c.tcp.bytes_from_client <= header))
        or facts.faults.assumed
        or one_sided(case)
        or any(sender == facts.client for sender, *_ in facts.faults.gaps)
        or facts.auth.verdict_lost
        or outside_tls(case) is not None
    )
    after = reset[3] - c.start_time_ns
    evidence = [f"frame {reset[2]}: RST of the {side}, {span(after)} after the start"]
    quiet = facts.closing.quiet_ns if facts.closing.end is not None and facts.closing.end[2] == reset[2] else None
    if quiet is not None:
        evidence.append(f"{span(quiet)} after the last byte of either side")
    filling: dict[str, object] = {"side": side, "phase": c.phase_reached, "after": span(after)}
    filling["quiet"] = f", {span(quiet)} after the last byte" if quiet is not None else ""
    foreign = foreign_reset(case)
    if foreign is not None:
        evidence.append(foreign)
    variant = "" if foreign is None else "device"
    yield RULE.says([reset[2]], filling, variant=variant, severity=INFO if harmless else None, evidence=evidence)


RULE = Rule(
    "connection-reset",
    WARNING,
    "A side reset the connection",
    (applies,),
    check,
    looks_at=(
        "a RST before any FIN and without COM_QUIT: who sent it, in which phase, how long after what; its time to live "
        "beside that of the sender's other segments"
    ),
    about=(
        "One side (or a device in between, in its name) threw the connection away instead of closing it. A "
        "program that ends with unread data in its socket does this, and so does a firewall that has "
        "forgotten the connection."
    ),
    message="The {side} reset the connection in the {phase} phase, {after} after it began{quiet}.",
    advice=(
        "Look at the {side}: its program ended or aborted. If the connection had been idle for long, look for"
        " a firewall or load balancer that drops idle connections, and turn TCP keepalive on."
    ),
    variants=(
        (
            "device",
            "The connection was reset in the {side}'s name in the {phase} phase, {after} after it began{quiet}. The "
            "reset's time to live is not that of the {side}'s other segments: a device on the way made it.",
            "Look for a firewall, load balancer, proxy or intrusion prevention between the two sides, and at what it "
            "logged at that time: idle time-outs, limits, rules.",
        ),
    ),
    causes=(
        "a firewall or load balancer that sends RST in the name of a side",
        "a program that was killed",
    ),
    sources=(
        "RFC 9293, section 3.5.2",
        "MySQL Reference Manual: Communication Errors and Aborted Connections",
    ),
)

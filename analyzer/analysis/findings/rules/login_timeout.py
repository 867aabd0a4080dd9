"""login-timeout: the client said nothing after the greeting."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import without_login
from analyzer.analysis.findings.helpers import SECOND, by_server, ended, span
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict

SILENT_NS = SECOND
READ_INTERRUPTED = 1159


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    if facts.greeting.record is None or c.tcp.bytes_from_client or c.tls or facts.faults.gaps:
        return
    if not all(case.transport.seen):
        return  # what the client said was not captured
    interrupted = c.error is not None and c.error.code == READ_INTERRUPTED
    if not by_server(case) and not interrupted:
        return
    gave_up = facts.closing.error_ns if interrupted else facts.closing.end[3] if facts.closing.end else c.end_time_ns
    waited = (gave_up or c.end_time_ns) - facts.greeting.time_ns
    if waited < SILENT_NS:
        return
    evidence = [f"frame {facts.greeting.frame}: the greeting", f"no byte of the client in {span(waited)}", ended(case)]
    if c.error is not None:
        evidence.append(f"frame {c.error.frame}: ERR {c.error.code}")
    yield RULE.says([facts.greeting.frame, c.last_frame], {"waited": span(waited)}, evidence=evidence)


RULE = Rule(
    "login-timeout",
    WARNING,
    "The client said nothing after the greeting",
    (without_login,),
    check,
    looks_at=(
        "a greeting, no byte of the client, and the server ends the connection: MySQL with ERR 1159 after "
        "connect_timeout, MariaDB without a word"
    ),
    about=(
        "The client connected and then did not log in. The server waits connect_timeout seconds (default 10) "
        "and gives up."
    ),
    message="The client said nothing after the greeting, and the server gave up after {waited} (connect_timeout).",
    advice=(
        "Look at the client: it hangs, is overloaded, or keeps connections open before it needs them. If it "
        "says that it waits for the server, the greeting does not reach it: look at firewalls and the MTU on "
        "the way."
    ),
    causes=(
        "a program that holds a bare TCP connection open (a pool that fills itself too early, a scanner)",
        "a proxy that connects to the server before its own client has logged in",
    ),
    sources=(
        "MySQL Reference Manual: Server System Variables, connect_timeout",
        "MySQL Error Reference: ER_NET_READ_INTERRUPTED",
    ),
)

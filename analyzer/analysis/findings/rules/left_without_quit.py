"""left-without-quit: the client left without COM_QUIT."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import left_open
from analyzer.analysis.findings.helpers import HANDED_OVER, ended
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.analysis.findings.rules.client_gave_up import WAITED_NS


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    end = case.facts.closing.end
    if c.outcome != "accepted" or end is None or "quit" in c.commands:
        return
    if end[0] != case.facts.client:
        yield from _closed_tls(case)
        return
    if HANDED_OVER in c.commands:
        return  # it is no session of MySQL's any more
    left = case.facts.answers.left
    if left is not None and end[3] - left.time_ns >= WAITED_NS:
        return  # it gave up: client-gave-up
    if case.facts.faults.gaps or case.transport.one_sided:
        return
    yield RULE.says([end[2]], evidence=[ended(case)])


def _closed_tls(case: Case) -> Iterator[Verdict]:
    """The server's FIN may come first where the client ended TLS."""
    tls = case.connection.tls
    if tls is None or case.facts.faults.gaps or case.facts.answers.left is not None:
        return
    for alert in tls.alerts:
        if alert.sender == "client" and alert.description == "close_notify":
            yield RULE.says([alert.frame], evidence=[f"frame {alert.frame}: close_notify of the client", ended(case)])
            return


RULE = Rule(
    "left-without-quit",
    INFO,
    "The client left without COM_QUIT",
    (left_open,),
    check,
    looks_at="an accepted login, no COM_QUIT, and FIN, RST or (in TLS) close_notify of the client",
    about=(
        "A client says goodbye with COM_QUIT. One that only closes its socket is counted by the server as "
        "aborted (Aborted_clients), and noted in its error log with log_error_verbosity 3."
    ),
    message=("The client closed the connection without COM_QUIT: the server counts it as aborted (Aborted_clients)."),
    advice="Let the program close its connections (close(), with blocks, finally).",
    causes=("the program crashed or was stopped",),
    sources=("MySQL Reference Manual: Communication Errors and Aborted Connections",),
)

"""capture-mid-stream: the start of the connection is not in the capture."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_losses
from analyzer.analysis.findings.rule import INFO, LIKELY, POSSIBLE, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    facts, tcp = case.facts, case.connection.tcp
    any_bytes = tcp.bytes_from_client or tcp.bytes_from_server
    if facts.faults.assumed and case.connection.tcp.syn is False and any_bytes:
        c = case.connection
        unlike = tcp.bytes_from_client > 0 and not c.commands and c.tls is None and c.error is None
        yield RULE.says(
            [c.first_frame],
            {"port": c.server.port},
            variant="unlike" if unlike else "",
            confidence=POSSIBLE if unlike else LIKELY,
            evidence=["no SYN, no greeting, no login in the capture"],
            doubt="the port alone says that it is MySQL",
        )


RULE = Rule(
    "capture-mid-stream",
    INFO,
    "The start of the connection is not in the capture",
    (has_losses,),
    check,
    looks_at="a connection on a MySQL port whose start was not captured",
    about=(
        "The connection was open before the capture began, so its greeting and login are not in it: user, "
        "version and what was negotiated are not known."
    ),
    message="The capture begins in the middle of this connection; that it is MySQL is assumed from port {port}.",
    variants=(
        (
            "unlike",
            "The capture begins in the middle of this connection. That it is MySQL is assumed from port {port} alone: "
            "what the client sent is no command of MySQL's that could be told.",
            "",
        ),
    ),
    advice="Start the capture before the connection is made to see its login.",
    sources=("MySQL Source Documentation: Connection Lifecycle",),
)

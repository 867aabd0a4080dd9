"""too-many-connections: the server has no connection left."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    return refusal(case, RULE)


RULE = Rule(
    "too-many-connections",
    ERROR,
    "The server has no connection left",
    (has_error,),
    check,
    looks_at="ERR 1040, in place of the greeting (sequence id 0, often without an sqlstate) or in answer to the login",
    about=(
        "The server has max_connections sessions open and takes no more. MariaDB and older MySQL say so in "
        "place of the greeting; newer MySQL lets the client log in first, because an account with "
        "CONNECTION_ADMIN (SUPER) may have the one connection that is kept free."
    ),
    message=(
        "The server turned the client away because all its connections are taken: error {code}{state}, "
        "{text!r}, {place}."
    ),
    advice=(
        "See who holds the connections (SHOW PROCESSLIST, or performance_schema.threads: most are Sleep), "
        "make clients close what they do not use, pool connections and bound the pools (their sizes added up "
        "have to stay under max_connections), and only then raise max_connections."
    ),
    causes=(
        "a leak: a program that opens connections and forgets them",
        "a restart of many clients at the same time (see connection-churn)",
        "a proxy in between with a limit of its own: it sends the same error",
    ),
    sources=(
        "MySQL Reference Manual: Too many connections",
        "MariaDB Knowledge Base: Server System Variables, max_connections",
    ),
    errors=frozenset({1040}),
)

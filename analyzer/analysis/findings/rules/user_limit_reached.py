"""user-limit-reached: the account has reached one of its limits."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    return refusal(case, RULE)


RULE = Rule(
    "user-limit-reached",
    ERROR,
    "The account has reached one of its limits",
    (has_error,),
    check,
    looks_at="ERR 1226 or 1203 in place of the greeting or in answer to the login",
    about=(
        "The account has a limit (connections at one time, connections, statements or updates an hour) and "
        "has reached it. Others may still connect."
    ),
    message="The account has reached one of its limits: error {code}{state}, {text!r}.",
    advice=(
        "The message names the resource. Close connections that idle, bound the client's pool, or raise the "
        "limit: ALTER USER ... WITH MAX_USER_CONNECTIONS n (MAX_CONNECTIONS_PER_HOUR ...), or the server's "
        "max_user_connections."
    ),
    causes=("several programs that share one account",),
    sources=(
        "MySQL Reference Manual: Setting Account Resource Limits",
        "MariaDB Knowledge Base: max_user_connections",
    ),
    errors=frozenset({1203, 1226}),
)

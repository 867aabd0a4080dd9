"""host-blocked: the server blocks this host after too many broken connections."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, ON_ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    # findings/across.py adds what the earlier connections of the host say.
    return refusal(case, RULE, host=case.connection.client.address)


RULE = Rule(
    "host-blocked",
    ERROR,
    "The server blocks this host after too many broken connections",
    ON_ERROR,
    check,
    looks_at="ERR 1129 in place of the greeting; earlier connections of the same host that ended without a login",
    about=(
        "The server counts, for each client address, connections that end before a login is complete. After "
        "max_connect_errors of them in a row (default 100) it refuses the host altogether, also for programs "
        "that do everything right. Mostly a health check or a port scanner did it, not the program that now "
        "gets the error."
    ),
    message=(
        "The server has blocked the host {host} because too many of its connections broke off before a login:"
        " error {code}{state}, {text!r}."
    ),
    advice=(
        "Find what connects and leaves without logging in (probe-connection findings) and let it log in or "
        "check less often; unblock with TRUNCATE TABLE performance_schema.host_cache (mysqladmin flush-hosts "
        "on MariaDB and older servers); raise max_connect_errors. SELECT * FROM performance_schema.host_cache "
        "shows which kind of error it was that counted."
    ),
    causes=(
        "a load balancer's health check that opens the port and closes it",
        "a network that loses connections in the middle of the login",
    ),
    sources=(
        "MySQL Reference Manual: Host 'host_name' is blocked; DNS Lookups and the Host Cache",
        "MariaDB Knowledge Base: max_connect_errors",
    ),
    errors=frozenset({1129}),
)

"""host-blocked: the server blocks this host after too many broken connections."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.history import NAMED, History, pair_of
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.model.connection import Connection, Finding


def check(case: Case) -> Iterator[Verdict]:
    # `complete` adds what the earlier connections of the host say.
    return refusal(case, RULE, host=case.connection.client.address)


def complete(connection: Connection, finding: Finding, history: History) -> bool:
    ended = history.ended.get(pair_of(connection))
    if ended is None:
        finding.doubt = "what broke off before is not in this capture"
        return True
    which = ", ".join(map(str, ended.frames))
    plural = "s" if ended.count > 1 else ""
    finding.message += (
        f" The capture holds {ended.count} connection{plural} of this host before it that ended without a login"
        + (f", {ended.probes} of them without a byte of the client." if ended.probes else ".")
    )
    last = "the last of them begin" if ended.count > NAMED else "they begin" if plural else "it begins"
    finding.evidence.append(f"{ended.count} broken connection{plural} before it; {last} with frame {which}")
    return True


RULE = Rule(
    "host-blocked",
    ERROR,
    "The server blocks this host after too many broken connections",
    (has_error,),
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
    complete=complete,
)

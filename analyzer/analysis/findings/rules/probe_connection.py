"""probe-connection: greeting seen, nothing sent: a health check or a scanner."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.analysis.findings.conditions import is_aborted
from analyzer.analysis.findings.helpers import by_client, ended, span
from analyzer.analysis.findings.history import History, pair_of
from analyzer.analysis.findings.rule import INFO, LIKELY, POSSIBLE, Case, Rule, Verdict
from analyzer.analysis.findings.rules.client_gave_up import WAITED_NS
from analyzer.analysis.model.connection import Connection, Finding
from analyzer.protocol.tables.capabilities import CLIENT_SSL

# utf8mb4_0900_ai_ci, the first that drivers of before 8.0 have no name for.
NEW_COLLATION = 255
OLD_PLUGINS = ("mysql_native_password", "mysql_old_password")
# Versions that begin with three numbers of which the first is one of MySQL's or MariaDB's.
_USUAL = re.compile(r"(?:[3-9]|1[0-2])\.\d+\.\d+")


def check(case: Case) -> Iterator[Verdict]:
    # `complete` adds how often the same source does this.
    c = case.connection
    facts = case.facts
    greeting = facts.greeting.record
    header = facts.greeting.proxy
    if c.tcp.bytes_from_client > (header.length if header is not None else 0):
        return
    if greeting is None or c.tls or facts.faults.gaps or c.outcome != "aborted":
        return
    end = facts.closing.end
    if end is None or not by_client(case):
        return
    early = facts.greeting.frame > end[2]
    if early and end[3] - c.start_time_ns >= WAITED_NS:
        return  # it waited for the greeting: client-gave-up
    stayed = span(end[3] - (c.start_time_ns if early else facts.greeting.time_ns))
    evidence = [f"frame {facts.greeting.frame}: the greeting", f"no byte of the client in {stayed}", ended(case)]
    if header is not None:
        evidence.insert(0, f"frame {facts.greeting.proxy_frame}: a PROXY header, version {header.version}, and no more")
    if c.error is not None:
        evidence.append(f"frame {c.error.frame}: ERR {c.error.code} is the server's echo of it, no fault of the server")
    without_tls = not greeting.capability_flags & CLIENT_SSL if hasattr(greeting, "capability_flags") else False
    yield RULE.says(
        [facts.greeting.frame, end[2]],
        {"source": c.client.address, "stayed": stayed},
        variant="early" if early else "header" if header is not None else "",
        confidence=POSSIBLE if without_tls else LIKELY,
        evidence=evidence,
        doubt="a program that insists on TLS, and a driver whose time ran out, leave in the same way",
        causes=_stumbles(case),
    )


def _stumbles(case: Case) -> list[str]:
    """What drivers stumble over in a greeting, and leave without a word."""
    greeting = case.connection.greeting
    if greeting is None:
        return []
    odd = []
    if (greeting.collation_id or 0) >= NEW_COLLATION:
        odd.append(f"collation {greeting.collation_id}, which drivers of before 8.0 do not know")
    if greeting.auth_plugin not in (None, *OLD_PLUGINS):
        odd.append(f"the plugin {greeting.auth_plugin}, which old drivers do not have")
    if not _USUAL.match(greeting.server_version):
        odd.append(f"the version {greeting.server_version!r}, which drivers that read numbers may not take")
    return [f"a driver that stumbles over something in the greeting: {'; '.join(odd)}"] if odd else []


def complete(connection: Connection, finding: Finding, history: History) -> bool:
    ended = history.ended.get(pair_of(connection))
    if ended is not None and ended.probes:
        number = ended.probes + 1
        each = (connection.start_time_ns - ended.first_probe_ns) // ended.probes
        finding.message += f" It is number {number} from there in this capture, one every {span(each)} on average."
        ago = span(connection.start_time_ns - ended.last_probe_ns)
        finding.evidence.append(f"{ended.probes} before it, the last {ago} ago")
    return True


RULE = Rule(
    "probe-connection",
    INFO,
    "Greeting seen, nothing sent: a health check or a scanner",
    (is_aborted,),
    check,
    looks_at=(
        "a greeting, no byte of the client, then FIN or RST of the client; a server's ERR 1158 after that is its echo"
    ),
    about=(
        "Something opened the port, read the greeting (or did not) and closed: a load balancer's health "
        "check, a monitoring probe, a port scanner. It does no harm by itself, but each counts towards "
        "max_connect_errors, after which the server refuses that address with error 1129, also for programs "
        "that do everything right. The server may log 'Got an error reading communication packets' for each."
    ),
    message=(
        "{source} opened the connection, waited {stayed} after the greeting, and closed it without sending a "
        "byte: a health check or a scanner."
    ),
    advice=(
        "Let the check log in as an account without rights (mysqladmin ping does), or check less often. Such "
        "connections count towards max_connect_errors and lead to error 1129 for this address; a login that "
        "succeeds sets the count back."
    ),
    variants=(
        (
            "early",
            "{source} opened the connection and closed it after {stayed}, before the greeting came: a health check or "
            "a scanner.",
            "",
        ),
        (
            "header",
            "{source} opened the connection, sent a PROXY header, waited {stayed} after the greeting, and closed it "
            "without a login: a health check of a proxy or load balancer.",
            "",
        ),
    ),
    causes=(
        "a client that requires TLS and does not find CLIENT_SSL in the greeting",
        "a client whose connect timeout ended just then",
        "a program that was stopped",
    ),
    sources=(
        (
            "MySQL Reference Manual: Communication Errors and Aborted Connections; Server System Variables, "
            "max_connect_errors"
        ),
    ),
    complete=complete,
)

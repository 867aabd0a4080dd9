"""health-check: connections of a proxy's, orchestrator's or monitor's check, known by what they do and their rhythm."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from analyzer.analysis.findings.helpers import SECOND, by_client, ended, has_begun, span
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import A_BIT_AHEAD, CERTAIN, INFO, LIKELY, POSSIBLE, Case, Found, Rule, Verdict
from analyzer.analysis.findings.statements import sql_of
from analyzer.analysis.model.connection import Connection
from analyzer.protocol.tables.commands import COM_QUIT

# So many at regular times are a check, whoever makes them; a bare connect or a look at the greeting needs that.
SEVERAL: Final = 3
# A program without a pool may log in and leave at regular times too.
SEVERAL_LOGINS: Final = 6
# Checks come at such pauses; what comes sooner is a program in haste.
LEAST_PAUSE_NS: Final = 400_000_000
# How far a pause may be from the usual one.
SPREAD: Final = 0.4
# A check does not stay.
SHORT_NS: Final = 2 * SECOND
FEW_COMMANDS: Final = 6

# The beginning of a user's name -> who it is.
USERS: Final = (
    ("haproxy", "HAProxy (option mysql-check)"),
    ("proxysql", "ProxySQL's monitor"),
    ("maxscale", "MaxScale's monitor"),
    ("maxmon", "MaxScale's monitor"),
    ("mysqlrouter", "MySQL Router"),
    ("mysql_router", "MySQL Router"),
    ("orchestrator", "Orchestrator"),
    ("clustercheck", "Galera's clustercheck"),
    ("keepalived", "keepalived's check"),
    ("rdsproxyadmin", "AWS RDS Proxy"),
    ("rdsadmin", "AWS RDS"),
    ("cloudsqladmin", "Google Cloud SQL"),
    ("azure_superuser", "Azure's monitoring"),
    ("exporter", "Prometheus' mysqld_exporter"),
    ("mysqld_exporter", "Prometheus' mysqld_exporter"),
    ("prometheus", "Prometheus' mysqld_exporter"),
    ("zabbix", "Zabbix"),
    ("zbx_", "Zabbix"),
    ("nagios", "Nagios"),
    ("icinga", "Icinga"),
    ("datadog", "Datadog's agent"),
    ("newrelic", "New Relic's agent"),
    ("telegraf", "Telegraf"),
    ("pmm", "Percona Monitoring and Management"),
    ("healthcheck", "a health check"),
    ("health", "a health check"),
    ("monitor", "a monitor (ProxySQL's is called so by default)"),
    ("probe", "a probe"),
)
# Commands that ask for nothing else.
SIGNS_OF_LIFE: Final = frozenset({"ping", "statistics"})
# Networks from which clouds probe -> whose they are.
PROBES: Final = (
    ("168.63.129.16/32", "Azure's load balancer"),
    ("35.191.0.0/16", "Google Cloud's health checks"),
    ("130.211.0.0/22", "Google Cloud's health checks"),
)
# What monitors ask, and nobody else asks alone.
_ASKED: Final = re.compile(
    r"\s*(?:select\s+(?:1|@@(?:global\.)?(?:read_only|super_read_only|wsrep_\w+|server_id|hostname|version)\b)|"
    r"show\s+(?:global\s+|session\s+)?(?:status|variables|slave|replica|all\s+slaves|master|binary)|set\b|"
    r"select\s+version\(\)|select\s+.*(?:replication_group_member|performance_schema|information_schema))",
    re.IGNORECASE | re.DOTALL,
)


def applies(case: Case) -> bool:
    """A short connection that did little. Of a user with any name only who asks for nothing but a sign of life."""
    c = case.connection
    if c.end_time_ns - c.start_time_ns > SHORT_NS or len(c.commands) > FEW_COMMANDS or not has_begun(case):
        return False
    if case.facts.faults.gaps or sum(c.commands.values()) > FEW_COMMANDS:
        return False
    if c.login is None or _in_one_go(case) or not SIGNS_OF_LIFE.isdisjoint(c.commands):
        return True
    return known_user(c) != ""


def check(case: Case) -> Iterator[Verdict]:
    """The first half: what looks like a check. `conclude` looks for the rhythm, and drops those that need one."""
    c = case.connection
    if not applies(case):
        return
    what = _what(case)
    if what is None:
        return
    who, sure = _who(case, what)
    evidence = [f"{what}", ended(case)]
    if who:
        evidence.append(f"going by {'its user' if c.login else 'its address or bytes'}: {who}")
    yield RULE.says(
        [c.first_frame, c.last_frame],
        {"what": what, "who": who or "a health check", "source": c.client.address},
        confidence=CERTAIN if sure else LIKELY if who else POSSIBLE,
        evidence=evidence,
        doubt=None if sure else "a program that starts and stops in haste does the same",
    )


def _what(case: Case) -> str | None:
    """What the connection did, in words; None where it did more than checks do."""
    c, facts = case.connection, case.facts
    login = facts.login.record
    if login is None:
        if c.tcp.bytes_from_client or c.tls is not None or not by_client(case) or facts.greeting.proxy is not None:
            return None
        if facts.greeting.record is not None:
            return "it read the greeting and left"
        return "it connected and left" if c.phase_reached == "tcp" and not c.tcp.bytes_from_server else None
    if c.outcome == "rejected" and not known_user(c):
        return None
    if facts.answers.last is None or all(each.code == COM_QUIT for each in facts.answers.opening):
        return "it logged in and left"
    asked = all(_ASKED.match(sql_of(each)) for each in facts.answers.opening if sql_of(each))
    known = {"query", "ping", "quit", "init_db", "statistics", "stmt_prepare", "stmt_execute", "stmt_close"}
    if asked and c.commands.keys() <= known:
        return "it logged in, asked for a sign of life and left"
    return None


def _who(case: Case, what: str) -> tuple[str, bool]:
    """Whose check it is, "" where that is not known; and whether that is certain."""
    c, facts = case.connection, case.facts
    if facts.login.record is not None and _in_one_go(case):
        return "HAProxy (option mysql-check): login and COM_QUIT in one go", True
    user = known_user(c)
    if user and what:
        return user, False
    return _whose(c.client.address), False


@lru_cache(1024)
def _whose(client: str) -> str:
    """Whose network a client's address is in; "" where that is not known."""
    from ipaddress import ip_address, ip_network

    try:
        address = ip_address(client)
    except ValueError:
        return ""
    return next((name for network, name in PROBES if address in ip_network(network)), "")


def _in_one_go(case: Case) -> bool:
    """Whether the login came before the greeting, or COM_QUIT with it."""
    login, opening = case.facts.login, case.facts.answers.opening
    if 0 < login.frame < case.facts.greeting.frame:
        return True
    return bool(opening) and opening[0].code == COM_QUIT and opening[0].frame == login.frame


def known_user(c: Connection) -> str:
    return "" if c.login is None else _who_is(c.login.user)


@lru_cache(1024)
def _who_is(user: str) -> str:
    """Whose check a user's name is of; "" where it is none's."""
    name = user.lower()
    return next((who for begin, who in USERS if name.startswith(begin)), "")


def conclude(found: Sequence[Found], history: History) -> None:
    """Keeps what is known by name or by rhythm, says the rhythm, and takes the place of what was said of each alone."""
    groups: dict[tuple[str, str, int, str], list[Found]] = {}
    for connection, finding in found:
        user = connection.login.user if connection.login is not None else finding.evidence[0]
        key = (connection.client.address, connection.server.address, connection.server.port, user)
        groups.setdefault(key, []).append((connection, finding))
    for several in groups.values():
        pause = _rhythm([connection.start_time_ns for connection, _ in several])
        if pause is not None and several[0][0].login is not None and len(several) < SEVERAL_LOGINS:
            pause = None
        for connection, finding in several:
            if finding.confidence == POSSIBLE and pause is None:
                connection.findings.remove(finding)
                continue
            if pause is not None:
                finding.message += f" It is one of {len(several)} in this capture, one every {span(pause)}."
                finding.evidence.append(f"{len(several)} alike, the usual pause {span(pause)}")
                finding.confidence = LIKELY if finding.confidence == POSSIBLE else finding.confidence
            connection.findings = [each for each in connection.findings if each.code not in REPLACED]


def _rhythm(starts: list[int]) -> int | None:
    """The usual pause between connections in ns; None where they are few, or come at no regular times."""
    if len(starts) < SEVERAL:
        return None
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    ordered, half = sorted(pauses), len(pauses) // 2
    usual = ordered[half] if len(pauses) % 2 else (ordered[half - 1] + ordered[half]) // 2
    regular = sum(abs(pause - usual) <= SPREAD * usual for pause in pauses)
    return usual if usual >= LEAST_PAUSE_NS and regular * 4 >= len(pauses) * 3 else None


# What is said of a connection that is no check.
REPLACED: Final = frozenset(
    {"probe-connection", "no-greeting", "tls-not-offered", "left-without-quit", "connection-reset", "bad-handshake"}
    | {"network-error-reported", "connection-churn", "login-timeout", "client-gave-up"}
)

RULE = Rule(
    "health-check",
    INFO,
    "A health check of a proxy, an orchestrator or a monitor",
    (applies,),
    check,
    looks_at=(
        "connections that do nothing but connect, read the greeting, log in or ask for a sign of life; their user, "
        "address and rhythm"
    ),
    about=(
        "HAProxy, ProxySQL, MaxScale, keepalived, Kubernetes and clouds look every few seconds whether a server is "
        "there. "
        "A check that only connects is noted by the server as a broken handshake (Aborted_connects, and the host's "
        "count of max_connect_errors)."
    ),
    message="{source} made a health check: {what} ({who}).",
    advice=(
        "Nothing is wrong. A check that does not log in counts as a broken handshake: too many of them block the host "
        "(error 1129) where max_connect_errors is low; let it log in (HAProxy: option mysql-check user NAME), or raise "
        "max_connect_errors. Leave it out of what you look at with a filter on its user or address."
    ),
    causes=("a program that starts and stops in haste", "a scanner"),
    sources=(
        "HAProxy Configuration Manual: option mysql-check",
        "ProxySQL: Monitor Module; Kubernetes: Liveness, Readiness and Startup Probes",
        "MySQL Reference Manual: Host Cache, max_connect_errors",
    ),
    conclude=conclude,
    ahead=A_BIT_AHEAD,
)

"""backend-unavailable: accepted, and no server behind it that does the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from analyzer.analysis.findings.conditions import has_error, has_failed_command
from analyzer.analysis.findings.rule import CERTAIN, ERROR, LIKELY, WARNING, Case, Rule, Verdict


class Meaning(msgspec.Struct, frozen=True):
    """What an error says of the server behind; `text`: only where its message has that."""

    why: str
    text: str = ""
    who: str = ""


# Sources: MySQL and MariaDB error references; ProxySQL, MySQL_HostGroups_Manager; MaxScale, readwritesplit; MySQL
# Router, "Connection Routing"; Galera, "Node states"; Vitess, error codes.
CODES: Final[dict[int, tuple[Meaning, ...]]] = {
    1047: (Meaning("the node is not part of a primary component of its Galera cluster", "WSREP", "a Galera node"),),
    1053: (Meaning("the server is shutting down"),),
    1105: (
        Meaning("the tablet behind it is not serving", "tablet|not serving|no healthy", "Vitess"),
        Meaning("the proxy has no server for it", "backend|no (?:available|candidate) server|hostgroup", "a proxy"),
    ),
    1290: (Meaning("the server is read-only: a replica, or a source that was demoted", r"read[-_ ]only"),),
    1792: (Meaning("the transaction is read-only: a replica, or a proxy that takes it for a read"),),
    1836: (Meaning("the server is in read-only mode"),),
    1927: (Meaning("the proxy lost its connection to the server behind it", "backend|server", "MaxScale"),),
    2003: (Meaning("the proxy can not connect to any server behind it", "", "MySQL Router or another proxy"),),
    2006: (Meaning("the server behind the proxy has gone away", "", "a proxy"),),
    2013: (Meaning("the proxy lost its connection to the server behind it", "", "a proxy"),),
    2027: (Meaning("the proxy could not read what the server behind it said", "", "a proxy"),),
    3100: (Meaning("Group Replication could not run its hook: the member has no quorum, or has left the group"),),
    3101: (Meaning("Group Replication rolled the transaction back: another member changed the same rows"),),
    9001: (
        Meaning("no server of the hostgroup could be reached in time", "connect timeout|hostgroup", "ProxySQL"),
        Meaning("the placement driver did not answer", "PD server", "TiDB"),
    ),
    9005: (Meaning("the region is not available", "Region is unavailable", "TiDB"),),
}
# They tell of a server that takes no writes; reads go on.
READ_ONLY: Final = frozenset({1290, 1792, 1836})
# Where a message goes on with the statement and its values: Vitess.
_STATEMENT: Final = re.compile(r"[\s,;(]*\b(?:Sql|BindVars|query|statement)\s*[:=].*\Z", re.DOTALL | re.IGNORECASE)
_HOSTGROUP: Final = re.compile(r"hostgroup (\d+)", re.IGNORECASE)


def meaning_of(code: int, text: str) -> Meaning | None:
    """What an error says of the server behind; None where it says nothing of one."""
    for meaning in CODES.get(code, ()):
        if not meaning.text or re.search(meaning.text, text, re.IGNORECASE):
            return meaning
    return None


def _without_statement(text: str) -> str:
    """A message up to the statement that it quotes: its literals may be secrets."""
    return _STATEMENT.sub(" …", text)


def check(case: Case) -> Iterator[Verdict]:
    answers = case.facts.answers
    told: set[int] = set()
    for each in answers.errors:
        code, text = each.error.error_code, _without_statement(case.said(each.error))
        meaning = meaning_of(code, text)
        if meaning is None or code in told:
            continue
        told.add(code)
        count = answers.error_counts.get(code, 1)
        commands = sum(case.connection.commands.values()) - case.connection.commands.get("quit", 0)
        filling = _filling(code, text, meaning) | {"count": count, "plural": "s" if count > 1 else ""}
        evidence = [f"frame {each.frame}: ERR {code}, {text!r}", f"{count} of {commands} commands were answered so"]
        frames = [other.frame for other in answers.errors if other.error.error_code == code]
        read_only = code in READ_ONLY
        yield RULE.says(
            frames,
            filling,
            variant="read-only" if read_only else "",
            confidence=CERTAIN,
            severity=WARNING if read_only else None,
            evidence=evidence,
        )
    error = case.connection.error
    if error is None or error.phase == "command" or error.code == 1053:
        return
    text = _without_statement(error.message)
    meaning = meaning_of(error.code, text)
    if meaning is not None:
        yield RULE.says(
            [error.frame],
            _filling(error.code, text, meaning),
            variant="login",
            confidence=LIKELY,
            evidence=[f"frame {error.frame}: ERR {error.code}, {text!r}"],
            doubt="the error is the proxy's word; what is behind it is not in this capture",
        )


def _filling(code: int, text: str, meaning: Meaning) -> dict[str, object]:
    group = _HOSTGROUP.search(text)
    who = meaning.who + (f", hostgroup {group[1]}" if group is not None else "")
    return {"code": code, "text": text, "why": meaning.why, "who": f" (by its words {who})" if who else ""}


RULE = Rule(
    "backend-unavailable",
    ERROR,
    "No server behind the connection does the work",
    (has_failed_command, has_error),
    check,
    of_login=True,
    failures=frozenset(CODES),
    looks_at=(
        "errors that proxies and cluster nodes send for what is behind them: 1047, 1927, 2003, 2013, 9001, 3100 ...; "
        "and "
        "those of a server that takes no writes: 1290, 1792, 1836"
    ),
    about=(
        "The login was accepted, by a proxy or by a node that is not able to work; commands are answered with errors "
        "about the server behind. Applications show them as if the database were down, though the connection is whole."
    ),
    message="Commands were answered with error {code}{who}, {count} time{plural}: {why}. Its words: {text!r}.",
    advice=(
        "Look at the state of the cluster and of the proxy, not at this client: SHOW STATUS LIKE 'wsrep_%', "
        "performance_schema.replication_group_members, ProxySQL's runtime_mysql_servers, maxctrl list servers. The "
        "client may connect again and retry; a health check that only logs in does not see this state."
    ),
    variants=(
        (
            "read-only",
            "The server takes no writes: {count} command{plural} answered with error {code}: {why}. Its words: "
            "{text!r}.",
            "After a failover, pools hold connections to the old source: close them (maximum lifetime, a test of "
            "read_only before use), and let the address or the proxy point at the new one: SELECT @@read_only, "
            "@@super_read_only, @@hostname.",
        ),
        (
            "login",
            "The connection was refused with error {code}{who}: {why}. Its words: {text!r}.",
            "",
        ),
    ),
    causes=("a failover that goes on", "a cluster without quorum", "a proxy whose list of servers is out of date"),
    sources=(
        "MySQL Error Reference: ER_OPTION_PREVENTS_STATEMENT, ER_RUN_HOOK_ERROR",
        "Galera Cluster: Node States; ProxySQL: MySQL Error Codes; MySQL Router: Connection Routing",
    ),
)

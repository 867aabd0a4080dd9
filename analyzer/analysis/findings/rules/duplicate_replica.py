"""duplicate-replica: two replicas with one server_id or server_uuid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from analyzer.analysis.conversation.session_facts import SentCommand
from analyzer.analysis.findings.conditions import asks_for_events
from analyzer.analysis.findings.history import History
from analyzer.analysis.findings.rule import ERROR, INFO, Case, Found, Rule, Verdict
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.tables.commands import COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID

# ER_MASTER_FATAL_ERROR_READING_BINLOG of MySQL and old MariaDB, ER_SLAVE_SAME_ID of MariaDB 11.
FATAL, SAME_ID = 1236, 4052
_SAME = re.compile(r"same server[_-]?(id|uuid)", re.IGNORECASE)
# Where the command's server_id stands: behind position and flags, or behind the flags.
_AT = {COM_BINLOG_DUMP: 7, COM_BINLOG_DUMP_GTID: 3}
MOST_NAMED = 5


def is_same(error: ErrPacket) -> bool:
    """Whether the source says that another replica has the same name."""
    return error.error_code in (FATAL, SAME_ID) and _SAME.search(error.error_message) is not None


def check(case: Case) -> Iterator[Verdict]:
    """The first half: every client that reads the binlog. `conclude` keeps those of which one was refused for it."""
    refused = [each for each in case.facts.answers.errors if is_same(each.error)]
    sent = _dump_of(case)
    if sent is None:
        return
    number = int.from_bytes(sent.head[_AT[sent.code] : _AT[sent.code] + 4], "little")
    client = f"{case.connection.client.address}:{case.connection.client.port}"
    evidence = [f"server_id {number}: {client}, frame {sent.frame}"]
    if not refused:
        yield RULE.says(
            [sent.frame], {"number": number, "clients": client, "what": "", "code": 0}, severity=INFO, evidence=evidence
        )
        return
    error = refused[0]
    what = _SAME.search(error.error.error_message)
    evidence.append(f"frame {error.frame}: ERR {error.error.error_code}, {case.said(error.error)!r}")
    filling: dict[str, object] = {"number": number, "clients": client, "code": error.error.error_code}
    filling["what"] = f"server_{what[1].lower()}" if what is not None else "server_id"
    yield RULE.says([sent.frame, error.frame], filling, evidence=evidence)


def _dump_of(case: Case) -> SentCommand | None:
    answers = case.facts.answers
    sent = [answers.last, *(each.command for each in answers.errors), *answers.opening]
    return next((each for each in sent if each is not None and each.code in _AT), None)


def conclude(found: Sequence[Found], history: History) -> None:
    """Names all clients of one server_id, and drops those of whom none was refused."""
    groups: dict[tuple[str, int, str], list[Found]] = {}
    for connection, finding in found:
        number = finding.evidence[0].partition(":")[0]
        key = (connection.server.address, connection.server.port, number)
        groups.setdefault(key, []).append((connection, finding))
    for several in groups.values():
        refused = any(finding.severity != INFO for _, finding in several)
        clients = list(dict.fromkeys(f"{c.client.address}:{c.client.port}" for c, _ in several))
        named = " and ".join(clients[:2]) if len(clients) <= 2 else ", ".join(clients[:MOST_NAMED])
        if len(clients) > MOST_NAMED:
            named += f" and {len(clients) - MOST_NAMED} more"
        for connection, finding in several:
            if not refused or finding.severity == INFO:
                connection.findings.remove(finding)
                continue
            client = f"{connection.client.address}:{connection.client.port}"
            finding.message = finding.message.replace(f"({client})", f"({named})", 1)
            finding.evidence += [each.evidence[0] for _, each in several if each is not finding][:MOST_NAMED]


RULE = Rule(
    "duplicate-replica",
    ERROR,
    "Two replicas with one server_id or server_uuid",
    (asks_for_events,),
    check,
    looks_at="ERR 1236 or 4052 that ends a binlog dump, the server_id of each client that asks for the binlog",
    about=(
        "A source keeps one binlog dump for each server_uuid (server_id in MariaDB). When a second replica with the "
        "same "
        "one connects, the first is thrown out; it connects again and throws the second out, and so on: replicas that "
        "reconnect every few seconds and fall behind. Mostly a machine was cloned with its data directory."
    ),
    message=(
        "Two replicas with the same {what} throw each other out (error {code}): server_id {number} is used by the "
        "clients ({clients})."
    ),
    advice=(
        "Give one of them another server_id (in its configuration; SET GLOBAL server_id) and, on MySQL, another "
        "server_uuid: stop it, delete auto.cnf in its data directory, start it. SHOW REPLICAS (SHOW SLAVE HOSTS) on "
        "the "
        "source lists them."
    ),
    causes=("a replica whose old dump the source still holds, after its network was cut",),
    sources=(
        "MySQL Reference Manual: Replication and Binary Logging Options, server_id and server_uuid",
        "MySQL Error Reference: ER_SOURCE_FATAL_ERROR_READING_BINLOG",
    ),
    conclude=conclude,
)

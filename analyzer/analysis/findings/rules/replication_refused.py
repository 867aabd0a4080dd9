"""replication-refused: the server ended a replica's stream of events with an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from analyzer.analysis.findings.conditions import asks_for_events
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.rules.duplicate_replica import is_same
from analyzer.protocol.tables.commands import COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID

DUMPS: Final = frozenset({COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID})
# What the words of the error say of its cause: sql/rpl_source.cc of MySQL, sql/sql_repl.cc of MariaDB.
_REASONS: Final[tuple[tuple[str, str], ...]] = (
    ("could not find first log", "the file that the replica asks for is not there, or not any more"),
    (
        r"purged|not in the (?:source|master)'s binlog|could not find gtid|gtid state .* not",
        "what the replica still needs was purged from the binlog",
    ),
    (
        "position|impossible",
        "the replica asks for a place that is no beginning of an event: behind the end of the file",
    ),
    ("max_allowed_packet|packet too large", "an event is larger than max_allowed_packet"),
    ("checksum", "the replica has not said that it knows checksums of events"),
    ("corrupt|bogus|read error|truncated|failed on", "the file can not be read there"),
    ("privilege|denied", "the account lacks the privilege REPLICATION SLAVE"),
    ("binary log is not open|not enabled|binlog is (?:not open|disabled)", "the server writes no binlog"),
    ("misconfigured|server.?id", "the server, or the replica, has no server_id"),
)


def check(case: Case) -> Iterator[Verdict]:
    for each in case.facts.answers.errors:
        text = case.said(each.error)
        if each.code not in DUMPS or is_same(each.error):
            continue  # two replicas of one name are told elsewhere
        reason = next((said for words, said in _REASONS if re.search(words, text, re.IGNORECASE)), "")
        yield RULE.says(
            [each.command.frame if each.command is not None else 0, each.frame],
            {"code": each.error.error_code, "text": text, "reason": f": {reason}" if reason else ""},
            evidence=[f"frame {each.frame}: ERR {each.error.error_code}, {text!r}"],
        )
        return


RULE = Rule(
    "replication-refused",
    ERROR,
    "The server ended a replica's stream of events with an error",
    (asks_for_events,),
    check,
    looks_at="the errors that answer COM_BINLOG_DUMP and COM_BINLOG_DUMP_GTID, at once or behind events",
    about=(
        "A replica, or a reader of the binlog (mysqlbinlog, Debezium, Maxwell, Canal), asks for events from a place "
        "on. An error in their stead ends the stream: a replica stops with it (Last_IO_Error), most with error 1236, "
        "whose words say why."
    ),
    message="The server ended the stream of binlog events with error {code}{reason}. Its words: {text!r}.",
    advice=(
        "Compare what the replica asks for (the command's file and position, or its GTID set) with SHOW BINARY LOGS "
        "and @@gtid_purged of the source. Where what it needs is gone, the replica has to be made anew (CLONE, a "
        "backup); raise binlog_expire_logs_seconds so that it does not happen again."
    ),
    causes=("the binlog was purged while the replica was away", "the source was made anew, or another one answers"),
    sources=(
        "MySQL Error Reference: ER_SOURCE_FATAL_ERROR_READING_BINLOG (1236)",
        "MySQL Source Documentation: COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID",
    ),
)

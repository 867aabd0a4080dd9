"""statement-leak: statements are prepared and never closed."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_failed_command
from analyzer.analysis.findings.driver_options import STATEMENTS, name_of, option
from analyzer.analysis.findings.rule import CERTAIN, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.protocol.tables.commands import COM_CHANGE_USER, COM_RESET_CONNECTION, COM_STMT_CLOSE, COM_STMT_PREPARE

NO_MORE = 1461
# So many that were not closed are worth a word without an error, if hardly any was.
MANY = 1000
CLOSED = 0.1


def leaves_many(case: Case) -> bool:
    commands = case.facts.commands
    return commands.get(COM_STMT_PREPARE, 0) >= MANY


def check(case: Case) -> Iterator[Verdict]:
    commands = case.facts.commands
    refusals = case.facts.answers.error_counts.get(NO_MORE, 0)
    prepared, closed = commands.get(COM_STMT_PREPARE, 0) - refusals, commands.get(COM_STMT_CLOSE, 0)
    refused = next((each for each in case.facts.answers.errors if each.error.error_code == NO_MORE), None)
    filling: dict[str, object] = {
        "prepared": prepared,
        "closed": closed or "none",
        "driver": name_of(case),
        "option": option(case, STATEMENTS),
    }
    if refused is not None:
        text = case.said(refused.error)
        evidence = [f"{prepared} statements prepared, {closed} closed on this connection"]
        evidence.append(f"frame {refused.frame}: ERR {NO_MORE}, {text!r}")
        leaks = closed < prepared / 2
        yield RULE.says(
            [refused.frame],
            filling,
            variant="" if leaks else "elsewhere",
            confidence=CERTAIN if leaks else LIKELY,
            evidence=evidence,
            doubt=None if leaks else "this connection closes its statements: others of this server may not",
        )
    elif prepared >= MANY and closed <= prepared * CLOSED and not _forgets(case):
        yield RULE.says(
            [case.connection.last_frame],
            filling,
            variant="many",
            confidence=LIKELY,
            evidence=[f"{prepared} statements prepared, {closed} closed on this connection"],
            doubt="the server has not refused any so far",
        )


def _forgets(case: Case) -> bool:
    """Whether the session was reset in between, which closes all statements."""
    commands = case.facts.commands
    return bool(commands.get(COM_RESET_CONNECTION) or commands.get(COM_CHANGE_USER))


RULE = Rule(
    "statement-leak",
    WARNING,
    "Statements are prepared and never closed",
    (has_failed_command, leaves_many),
    check,
    failures=frozenset({NO_MORE}),
    looks_at="ERR 1461, and how many statements a connection prepared and closed",
    about=(
        "A prepared statement takes memory of the server until it is closed, or its session ends. Where a program "
        "prepares each statement anew and closes none, the server's max_prepared_stmt_count (16382 by default, for all "
        "sessions together) is reached, and nobody can prepare any more: 1461."
    ),
    message=(
        "{driver} prepared {prepared} statements on this connection and closed {closed}, until the server refused one "
        "more (error 1461)."
    ),
    advice=(
        "Close statements when they are done with, and prepare those that are used again once ({option}). Raising "
        "max_prepared_stmt_count only puts the end off. Which session holds how many: "
        "performance_schema.prepared_statements_instances."
    ),
    variants=(
        (
            "elsewhere",
            "The server has no room for another prepared statement (error 1461), though this connection closes its own "
            "({prepared} prepared, {closed} closed): others leak.",
            "",
        ),
        (
            "many",
            "{driver} prepared {prepared} statements on this connection and closed {closed}: the server keeps all of "
            "them, up to max_prepared_stmt_count (then error 1461).",
            "",
        ),
    ),
    causes=("another program that shares the server, and leaks", "max_prepared_stmt_count set lower than is needed"),
    sources=(
        "MySQL Reference Manual: Server System Variables, max_prepared_stmt_count",
        "MySQL Error Reference: ER_MAX_PREPARED_STMT_COUNT_REACHED",
    ),
)

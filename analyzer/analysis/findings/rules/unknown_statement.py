"""unknown-statement: the server does not know the prepared statement that is named."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_failed_command
from analyzer.analysis.findings.driver_options import NO_PREPARE, name_of, option
from analyzer.analysis.findings.helpers import has_begun
from analyzer.analysis.findings.rule import CERTAIN, INFO, LIKELY, WARNING, Case, Rule, Verdict
from analyzer.protocol.tables.commands import COM_STMT_PREPARE

UNKNOWN = 1243


def check(case: Case) -> Iterator[Verdict]:
    unknown = [each for each in case.facts.answers.errors if each.error.error_code == UNKNOWN]
    if not unknown:
        return
    here = case.facts.commands.get(COM_STMT_PREPARE, 0)
    numbers = sorted({_number(each.command.head) for each in unknown if each.command is not None})
    count = case.facts.answers.error_counts.get(UNKNOWN, len(unknown))
    filling: dict[str, object] = {
        "numbers": ", ".join(map(str, numbers[:5])) or "?",
        "count": count,
        "driver": name_of(case),
        "option": option(case, NO_PREPARE),
        "plural": "s" if count > 1 else "",
    }
    evidence = [f"frame {each.frame}: ERR {UNKNOWN}, {case.said(each.error)!r}" for each in unknown[:5]]
    evidence.append(f"{here} statements were prepared on this connection")
    whole = has_begun(case) and not case.facts.faults.gaps
    variant = "elsewhere" if not here and whole else ""
    yield RULE.says(
        [frame for each in unknown[:5] for frame in (each.command.frame if each.command else 0, each.frame)],
        filling,
        variant=variant,
        confidence=CERTAIN if variant else LIKELY,
        severity=None if variant else INFO,
        evidence=evidence,
        doubt=None if variant else "the statement may have been closed, or its session reset, by the client itself",
    )


def _number(head: bytes) -> int:
    return int.from_bytes(head[1:5], "little")


RULE = Rule(
    "unknown-statement",
    WARNING,
    "The server does not know a prepared statement",
    (has_failed_command,),
    check,
    failures=frozenset({UNKNOWN}),
    looks_at="ERR 1243, which statements it is about, and whether they were prepared on this connection",
    about=(
        "A prepared statement belongs to one session of one server. Where a pool or a proxy (one that shares back ends "
        "among clients) gives another session between prepare and execute, or resets it, the number means nothing "
        "there."
    ),
    message="The server does not know prepared statement {numbers} (error 1243, {count} time{plural}).",
    advice=(
        "Prepare again after a reconnect, a COM_RESET_CONNECTION or a COM_CHANGE_USER; let the proxy keep a session "
        "with prepared statements at one back end (no multiplexing for it), or prepare in the client: {option}."
    ),
    variants=(
        (
            "elsewhere",
            "{driver} executed prepared statement {numbers}, which was never prepared on this connection (error 1243, "
            "{count} time{plural}): it belongs to another session.",
            "",
        ),
    ),
    causes=(
        "a proxy or pool that gives another back end between prepare and execute",
        "COM_RESET_CONNECTION, COM_CHANGE_USER or a reconnect, which close all statements",
        "a statement that was closed twice, or used after it was closed",
    ),
    sources=(
        "MySQL Error Reference: ER_UNKNOWN_STMT_HANDLER",
        "ProxySQL: Multiplexing; Prepared statements",
    ),
)

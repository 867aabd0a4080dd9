"""init-connect-failed: the server's init_connect failed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error, has_failed_command
from analyzer.analysis.findings.rule import CERTAIN, ERROR, LIKELY, Case, Rule, Verdict

# ER_NEW_ABORTING_CONNECTION, ER_ABORTING_CONNECTION.
ABORTING = (1184, 1152)
_MENTIONS = re.compile(r"init_connect", re.IGNORECASE)


def check(case: Case) -> Iterator[Verdict]:
    for each in case.facts.answers.errors:
        if each.error.error_code in ABORTING:
            text = case.said(each.error)
            yield from _said(case, each.error.error_code, text, each.frame, bool(_MENTIONS.search(text)))
            return
    error = case.connection.error
    if error is not None and error.code in ABORTING:
        yield from _said(case, error.code, error.message, error.frame, bool(_MENTIONS.search(error.message)))


def _said(case: Case, code: int, text: str, frame: int, mentions: bool) -> Iterator[Verdict]:
    if not mentions and (case.facts.auth.verdict != "accepted" or sum(case.facts.commands.values()) > 2):
        return
    yield RULE.says(
        [case.facts.auth.verdict_frame, frame],
        {"code": code, "text": text},
        confidence=CERTAIN if mentions else LIKELY,
        evidence=[f"frame {frame}: ERR {code}, {text!r}, in answer to the first command after the login"],
        doubt=None if mentions else "the message does not name init_connect",
    )


RULE = Rule(
    "init-connect-failed",
    ERROR,
    "The server's init_connect failed",
    (has_failed_command, has_error),
    check,
    of_login=True,
    failures=frozenset(ABORTING),
    looks_at="ERR 1184 or 1152 right after an accepted login",
    about=(
        "init_connect holds statements that the server runs for each account without CONNECTION_ADMIN (SUPER). If they "
        "fail (a table that is not there, no right to write it, a syntax error), the login is accepted and the first "
        "command is answered with 1184; then the server closes."
    ),
    message="The login was accepted, and the server's init_connect failed for this account: error {code}, {text!r}.",
    advice=(
        "Look at SELECT @@init_connect and the server's error log, which has the failing statement; try it as this "
        "user. "
        "Give the account the rights it needs, or correct init_connect (SET GLOBAL init_connect = '')."
    ),
    causes=("the statements of init_connect use an object or right that this account has not",),
    sources=(
        "MySQL Reference Manual: Server System Variables, init_connect",
        "MySQL Error Reference: ER_NEW_ABORTING_CONNECTION",
    ),
)

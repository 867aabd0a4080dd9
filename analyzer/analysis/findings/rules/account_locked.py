"""account-locked: the account is locked."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    return refusal(case, RULE)


RULE = Rule(
    "account-locked",
    ERROR,
    "The account is locked",
    (has_error,),
    check,
    looks_at="ERR 3118 (MySQL) or 4151 (MariaDB) in answer to the login",
    about=(
        "An administrator locked the account (ACCOUNT LOCK), or the server made it locked: mysql.session and "
        "other built-in accounts are. The password is not looked at, or was right."
    ),
    message="The account is locked: error {code}{state}, {text!r}.",
    advice="ALTER USER 'name'@'host' ACCOUNT UNLOCK, if it is meant to be used; SHOW CREATE USER shows the lock.",
    sources=(
        "MySQL Reference Manual: Account Locking",
        "MariaDB Knowledge Base: Account Locking",
    ),
    errors=frozenset({3118, 4151}),
)

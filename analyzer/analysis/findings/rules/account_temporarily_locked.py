"""account-temporarily-locked: the account is locked for a time after failed logins."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    return refusal(case, RULE)


RULE = Rule(
    "account-temporarily-locked",
    ERROR,
    "The account is locked for a time after failed logins",
    (has_error,),
    check,
    looks_at="ERR 3955 (MySQL), 4150 (MariaDB: max_password_errors) in answer to the login",
    about=(
        "So many logins in a row failed that the server refuses the account for a while, whatever password "
        "comes (FAILED_LOGIN_ATTEMPTS and PASSWORD_LOCK_TIME of the account; in MariaDB max_password_errors)."
    ),
    message="The account is locked for a time because of failed logins before: error {code}{state}, {text!r}.",
    advice=(
        "Find the client with the old password (access-denied findings for the same user, here or in an "
        "earlier capture), give it the new one, then wait, or ALTER USER ... ACCOUNT UNLOCK (MariaDB: FLUSH "
        "PRIVILEGES)."
    ),
    causes=("somebody guesses passwords",),
    sources=(
        "MySQL Reference Manual: Password Management, Failed-Login Tracking and Temporary Account Locking",
        "MariaDB Knowledge Base: max_password_errors",
    ),
    errors=frozenset({3955, 4150}),
)

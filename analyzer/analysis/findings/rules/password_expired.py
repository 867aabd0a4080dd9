"""password-expired: the account's password has expired."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error, has_failed_command
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, WARNING, Case, Rule, Verdict

MUST_CHANGE = 1820


def check(case: Case) -> Iterator[Verdict]:
    yield from refusal(case, RULE)
    refused = next((each for each in case.facts.answers.errors if each.error.error_code == MUST_CHANGE), None)
    if refused is not None:
        count = case.facts.answers.error_counts.get(MUST_CHANGE, 1)
        yield RULE.says(
            [refused.frame],
            {"text": case.said(refused.error), "count": count, "plural": "s were" if count > 1 else " was"},
            variant="sandbox",
            severity=WARNING,
            evidence=[f"frame {refused.frame}: ERR {MUST_CHANGE}, {case.said(refused.error)!r}"],
        )


RULE = Rule(
    "password-expired",
    ERROR,
    "The account's password has expired",
    (has_error, has_failed_command),
    check,
    failures=frozenset({MUST_CHANGE}),
    looks_at="ERR 1862 in answer to the login, or 1820",
    about=(
        "The password was right and is too old (default_password_lifetime, PASSWORD EXPIRE). A client that "
        "sets CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS is let in to a sandbox in which it may do nothing but set a"
        " new one (error 1820 for all else); others are refused."
    ),
    message="The password was right and has expired: error {code}{state}, {text!r}.",
    advice=(
        "Log in with a client that can handle it (the mysql command line does when used by hand) and ALTER "
        "USER USER() IDENTIFIED BY 'new'; for accounts of programs ALTER USER ... PASSWORD EXPIRE NEVER, or a"
        " date after which they are told in time."
    ),
    variants=(
        (
            "sandbox",
            "The account's password has expired: it was let in only to set a new one, and {count} command{plural} "
            "refused "
            "with error 1820, {text!r}.",
            "",
        ),
    ),
    sources=(
        "MySQL Reference Manual: Server Handling of Expired Passwords",
        "MariaDB Knowledge Base: User Password Expiry",
    ),
    errors=frozenset({1862, 1820}),
)

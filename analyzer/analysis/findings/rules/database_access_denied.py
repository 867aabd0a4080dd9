"""database-access-denied: the account has no rights on the database it asked for."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    login = case.connection.login
    return refusal(case, RULE, database=(login.database if login else None) or "?")


RULE = Rule(
    "database-access-denied",
    ERROR,
    "The account has no rights on the database it asked for",
    (has_error,),
    check,
    looks_at="ERR 1044 in answer to a login that names a database",
    about=(
        "User and password were right. The database that the login names is one on which the account has no "
        "rights, and servers do not say whether it exists."
    ),
    message=(
        "The password was right, but the account has no rights on the database {database!r}: error "
        "{code}{state}, {text!r}."
    ),
    advice=(
        "GRANT rights on that database to the account (SHOW GRANTS FOR ... shows what it has), or connect "
        "without naming a database."
    ),
    causes=(
        "the database's name is misspelt: without rights on it that looks the same",
        "rights that come with a role which is not active by default (SET DEFAULT ROLE)",
    ),
    sources=(
        "MySQL Reference Manual: Access Control, Stage 2: Request Verification",
        "MySQL Error Reference: ER_DBACCESS_DENIED_ERROR",
    ),
    errors=frozenset({1044}),
)

"""unknown-database: the database named in the login does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    return refusal(case, RULE)


RULE = Rule(
    "unknown-database",
    ERROR,
    "The database named in the login does not exist",
    (has_error,),
    check,
    looks_at="ERR 1049 in answer to a login that names a database",
    about=("User and password were right, and the account may use the database it named; there is none of that name."),
    message="The login was right, but the database it names does not exist: error {code}{state}, {text!r}.",
    advice=(
        "Correct the database in the connection options (upper and lower case differ on most servers: "
        "lower_case_table_names), create it (CREATE DATABASE), or connect without naming one."
    ),
    causes=("the client reached another server than was meant (see address, port and server version)",),
    sources=(
        "MySQL Reference Manual: Identifier Case Sensitivity",
        "MySQL Error Reference: ER_BAD_DB_ERROR",
    ),
    errors=frozenset({1049}),
)

"""login-refused: the server refused the login."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal, wants_tls
from analyzer.analysis.findings.rule import ERROR, NETWORK_ERRORS, Case, Rule, Verdict
from analyzer.analysis.findings.rules.backend_unavailable import meaning_of
from analyzer.analysis.findings.rules.proxy_header_refused import is_refused

# Errors that findings of their own explain.
EXPLAINED = NETWORK_ERRORS | frozenset(
    {1040, 1043, 1044, 1045, 1049, 1129, 1130, 1153, 1156, 1157, 1203, 1226, 1251, 1524, 1698, 1820, 1862, 3118, 3159}
    | {1152, 1184, 3955, 4150, 4151, 1053, 4031, 9000}
)


def check(case: Case) -> Iterator[Verdict]:
    error = case.connection.error
    if error is None or error.code in EXPLAINED or is_refused(case):
        return
    if wants_tls(error.code, error.message) and case.connection.tls is None:
        return
    if meaning_of(error.code, error.message) is None:
        yield from refusal(case, RULE)


RULE = Rule(
    "login-refused",
    ERROR,
    "The server refused the login",
    (has_error,),
    check,
    of_login=True,
    looks_at="any other ERR in the connection phase",
    about="An error that ends the login and for which there is no finding of its own.",
    message="The server ended the login with error {code}{state}, {text!r}, {place}.",
    advice="Look the code up in the server's error message reference (perror CODE prints it).",
    sources=(
        "MySQL Error Reference: Server Error Message Reference",
        "MariaDB Knowledge Base: MariaDB Error Codes",
    ),
)

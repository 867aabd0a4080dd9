"""tls-required: the server takes no login without TLS."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.driver_options import TLS, option
from analyzer.analysis.findings.helpers import error_seen, is_mariadb, refusal, wants_tls
from analyzer.analysis.findings.rule import ERROR, LIKELY, Case, Rule, Verdict
from analyzer.analysis.findings.signs import REFUSED

ACCESS_DENIED = 1045


def applies(case: Case) -> bool:
    """Whether the error says so, or a password may tell."""
    error = case.connection.error
    return error is not None and (case.evidence.password is not None or wants_tls(error.code, error.message))


def check(case: Case) -> Iterator[Verdict]:
    error = case.connection.error
    if error is None or error.phase == "command":
        return
    if wants_tls(error.code, error.message) and case.connection.tls is None:
        yield from refusal(case, RULE, option=option(case, TLS))
        return
    if error.code != ACCESS_DENIED:
        return
    # MariaDB before 11 says 1045 under require_secure_transport. Only a password known to be right tells it apart.
    password = case.evidence.password
    proofs = case.facts.auth.proofs
    if password is None or not proofs or case.connection.tls is not None or not is_mariadb(case):
        return
    _, plugin, nonce, response = proofs[-1]
    if not plugin.verify(password, nonce, response):
        return
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    filling: dict[str, object] = {"code": error.code, "state": state, "text": error.message}
    yield RULE.says(
        [case.facts.login.frame, error.frame],
        filling | {"option": option(case, TLS)},
        variant="mariadb",
        confidence=LIKELY,
        evidence=[error_seen(case), "the given password makes the captured response"],
        doubt="an account for another host, or with another password, gives the same error",
    )


RULE = Rule(
    "tls-required",
    ERROR,
    "The server takes no login without TLS",
    (applies,),
    check,
    by_login=True,
    given=REFUSED,
    looks_at=(
        "ERR 3159 (perhaps after the auth exchange, `01 03`), 9002 of Azure, 2012 of Vitess, and others whose text "
        "says so; "
        "on MariaDB 10 an ERR 1045 although the given "
        "password makes the captured response"
    ),
    about=(
        "require_secure_transport is ON: the server takes TLS, Unix sockets and shared memory only. MySQL 9 "
        "and MariaDB 11 say so with error 3159; MariaDB 10.11 answers 1045, as if the password were wrong. "
        "MySQL may check the password first and refuse after `01 03` (the password was right)."
    ),
    message="The server takes no login without TLS: error {code}{state}, {text!r}.",
    advice="Turn TLS on: {option}. On the server this is require_secure_transport.",
    variants=(
        (
            "mariadb",
            (
                "The password was right, and MariaDB refused the login all the same, with error "
                "{code}{state}, {text!r}: it likely wants TLS."
            ),
            (
                "Turn TLS on: {option}. On the server look at require_secure_transport and at REQUIRE in SHOW"
                " CREATE USER."
            ),
        ),
    ),
    causes=("REQUIRE SSL of the account (MariaDB 10: the same 1045)",),
    sources=(
        "MySQL Reference Manual: Configuring MySQL to Use Encrypted Connections, require_secure_transport",
        "MariaDB Knowledge Base: require_secure_transport",
    ),
)

"""unencrypted-login: a login without TLS over a network."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.driver_options import TLS, option
from analyzer.analysis.findings.helpers import is_local, login41
from analyzer.analysis.findings.rule import INFO, MOST_CHOICES, Case, Rule, Verdict


def applies(case: Case) -> bool:
    return case.connection.tls is None and login41(case) is not None


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    login = login41(case)
    if login is None or case.connection.tls is not None or is_local(case.connection.server.address):
        return
    driver = case.connection.driver
    seen = (bool(login.database), bool(login.attributes), facts.auth.protection == "scramble")
    # Nearly every connection of some captures has this finding: its few wordings are made once.
    said = case.evidence.said.get((RULE.code, seen, driver and driver.name))
    if said is None:
        said = _said(case, *seen)
        if len(case.evidence.said) < MOST_CHOICES:
            case.evidence.said[RULE.code, seen, driver and driver.name] = said
    yield Verdict(said.message, said.advice, [facts.login.frame])


def _said(case: Case, database: bool, attributes: bool, scramble: bool) -> Verdict:
    seen = ["the user name"]
    if database:
        seen.append("the database")
    if attributes:
        seen.append("the connection attributes")
    if scramble:
        seen.append("a scramble that allows guessing the password offline")
    return RULE.says([], {"seen": ", ".join(seen), "option": option(case, TLS)})


RULE = Rule(
    "unencrypted-login",
    INFO,
    "A login without TLS over a network",
    (applies,),
    check,
    by_login=True,
    of_login=True,
    looks_at="a login in plain text to an address that is not loopback",
    about=(
        "Without TLS everything between client and server can be read on the way: names, statements, results."
        " The password itself is mostly protected by a scramble, which allows guessing it offline."
    ),
    message=(
        "The login went over the network without TLS: readable by anyone on the way were {seen}, and every "
        "statement after it."
    ),
    advice="Turn TLS on: {option}. Enforce it with REQUIRE SSL or require_secure_transport.",
    causes=("a tunnel or VPN around this connection protects it outside of what the capture shows",),
    sources=(
        "MySQL Reference Manual: Using Encrypted Connections",
        "MariaDB Knowledge Base: Securing Connections for Client and Server",
    ),
)

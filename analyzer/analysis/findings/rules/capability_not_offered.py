"""capability-not-offered: the client sets flags that the server never offered."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import login41, not_offered
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import CAPABILITIES, flag_names


def applies(case: Case) -> bool:
    login = case.facts.login.record
    return isinstance(login, HandshakeResponse41) and not_offered(case.facts.greeting.record, login) != 0


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    login = login41(case)
    if login is None:
        return
    flags = not_offered(facts.greeting.record, login)
    if not flags:
        return
    names = ", ".join(flag_names(flags, CAPABILITIES))
    evidence = [f"frame {facts.greeting.frame}: greeting", f"frame {facts.login.frame}: login with {names}"]
    yield RULE.says([facts.greeting.frame, facts.login.frame], {"names": names}, evidence=evidence)


RULE = Rule(
    "capability-not-offered",
    INFO,
    "The client sets flags that the server never offered",
    (applies,),
    check,
    by_login=True,
    looks_at="capabilities of the login that the greeting does not have (flags that only clients set are left out)",
    about=(
        "Both sides may use only what both have set. A client that sets a flag its server never offered works"
        " with servers that ignore it, and misleads tools that go by the client's flags alone: they expect "
        "fields that are not there."
    ),
    message="The client sets flags that the server never offered: {names}.",
    advice=(
        "Harmless with this server; other tools (and proxies) may misread the connection. The client should "
        "mask its flags with those of the greeting."
    ),
    sources=(
        "MySQL Source Documentation: Capabilities Flags",
        "MariaDB Knowledge Base: Connection, Capabilities",
    ),
)

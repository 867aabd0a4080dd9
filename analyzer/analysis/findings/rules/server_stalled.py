"""server-stalled: the server did not answer the login."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import is_aborted
from analyzer.analysis.findings.helpers import SECOND, by_server, ended, span
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict

SILENT_NS = SECOND


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    if facts.login.record is None or facts.auth.verdict or c.outcome != "aborted" or len(facts.auth.steps) > 1:
        return
    waited = (facts.closing.end[3] if facts.closing.end else c.end_time_ns) - facts.login.time_ns
    if not by_server(case) and waited < SILENT_NS:
        return
    yield RULE.says(
        [facts.login.frame, c.last_frame],
        {"waited": span(waited), "how": _end(case)},
        confidence=LIKELY,
        evidence=[f"frame {facts.login.frame}: the login", f"no byte of the server in {span(waited)}", ended(case)],
        doubt="what the server did in that time is not on the wire",
    )


def _end(case: Case) -> str:
    """Who ended the wait."""
    end = case.facts.closing.end
    if end is None:
        return "the capture ended"
    how = "reset" if end[1] == "rst" else "closed"
    return f"the {'client' if end[0] == case.facts.client else 'server'} {how} the connection"


RULE = Rule(
    "server-stalled",
    WARNING,
    "The server did not answer the login",
    (is_aborted,),
    check,
    looks_at="a login, no byte of the server after it, until a side gives up",
    about=(
        "The login was sent and nothing came back. The server is busy with something outside of the protocol,"
        " does not read, or waits for something that the login seems to announce (see tls-flag-without-tls)."
    ),
    message="The login was sent and not answered in {waited}, until {how}.",
    advice=(
        "Look at the server's load and its authentication backend (PAM, LDAP, a DNS look-up), at its error "
        "log, and at proxies in between."
    ),
    causes=(
        "an authentication plugin that waits for LDAP, PAM or Kerberos",
        "the login never reached the server (a proxy holds it)",
        "CLIENT_SSL in the login: the server waits for TLS",
    ),
    sources=("MySQL Source Documentation: Connection Phase",),
)

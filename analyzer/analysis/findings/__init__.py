"""Findings: verdicts with evidence. One file and one line of `table.TABLE` each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analyzer.analysis.findings import rule as base
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.helpers import is_local
from analyzer.analysis.findings.offered import not_offered
from analyzer.analysis.findings.rule import CERTAIN, ERROR, INFO, WARNING, Case, Evidence, Rule, Verdict
from analyzer.analysis.findings.rules.connection_churn import is_milestone
from analyzer.analysis.findings.rules.deprecated_plugin import MYSQL as OLD_PLUGINS
from analyzer.analysis.model.connection import Connection, Finding
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.collations import collation

if TYPE_CHECKING:
    from analyzer.analysis.conversation.conversation import Conversation
    from analyzer.analysis.conversation.facts import Facts

__all__ = ["TABLE", "find"]

# A login is worth a look from here on.
SLOW_NS = 200_000_000
# Attributes of a login that are worth a look: bytes.
MANY_ATTRIBUTES = 512
# latin1_swedish_ci, utf8mb3_general_ci, utf8mb4_general_ci, utf8mb4_unicode_ci: in every server.
EVERYWHERE: Final = frozenset({8, 33, 45, 224})
# MySQL's utf8mb4_0900_ai_ci, the lowest of those that MariaDB may not have.
MYSQL_ONLY = 255
# The server's words for what other findings say in full, and the consequences of what they say -> those findings; none
# named: whatever else was found.
EXPLAINED_BY: Final[dict[str, tuple[str, ...]]] = {
    "bad-handshake": (),
    "packet-refused": (),
    "network-error-reported": (),
    "plugin-unsupported": ("protocol-41-missing",),
    "server-stalled": ("tls-flag-without-tls",),
    "wrong-password": ("access-denied",),
    "malformed-packet": ("truncated-login", "protocol-41-missing", "foreign-client", "foreign-server"),
}
RANK = {ERROR: 0, WARNING: 1, INFO: 2}


def _offered(connection: Connection, conversation: Conversation, evidence: Evidence) -> int:
    """What a connection offers of what rules need."""
    facts = conversation.facts
    offered = base.ALWAYS
    if connection.error is not None:
        offered |= base.ON_ERROR
    outcome = connection.outcome
    if outcome == "aborted":
        offered |= base.ON_ABORT
    if facts.faults.malformed or facts.faults.sequence_errors:
        offered |= base.ON_FAULT
    if (
        facts.faults.gaps
        or facts.faults.cut_packets
        or facts.faults.assumed
        or conversation.machine.one_sided
        or evidence.cut_short
    ):
        offered |= base.ON_LOSS
    if connection.tls is not None:
        offered |= base.ON_TLS
    if evidence.password is not None:
        offered |= base.ON_PROOF
    if facts.auth.messages_in_clear:
        offered |= base.ON_CLEARTEXT
    if connection.tcp.rst_from is not None:
        offered |= base.ON_RESET
    if connection.tcp.retransmissions:
        offered |= base.ON_RETRANSMISSION
    if facts.login.record is None:
        offered |= base.NO_LOGIN
    else:
        offered |= _of_login(connection, facts)
    if outcome == "accepted":
        if facts.auth.switches:
            offered |= base.ON_SWITCH
        if facts.auth.path == "full":
            offered |= base.ON_FULL
        if facts.auth.plugin in OLD_PLUGINS:
            offered |= base.ON_OLD_PLUGIN
        if (connection.timing.total_ns or 0) >= SLOW_NS:
            offered |= base.ON_SLOW
    if "quit" not in connection.commands and (outcome == "accepted" or facts.faults.assumed):
        offered |= base.ON_UNQUIT
    if facts.burst and is_milestone(facts.burst):
        offered |= base.ON_BURST
    return offered


def _of_login(connection: Connection, facts: Facts) -> int:
    login = facts.login.record
    if not isinstance(login, HandshakeResponse41):
        return 0
    offered = 0
    if connection.tls is None and not is_local(connection.server.address):
        offered |= base.ON_PLAIN
    if login.character_set in EVERYWHERE:
        odd = False
    else:
        odd = _foreign(connection, login.character_set) or collation(login.character_set, True) is None
    if odd or login.filler[0]:
        offered |= base.ON_COLLATION
    if not_offered(facts.greeting.record, login):
        offered |= base.ON_CAPABILITY
    if login.attributes and sum([len(name) + len(value) for name, value in login.attributes]) > MANY_ATTRIBUTES:
        offered |= base.ON_ATTRIBUTES
    return offered


def _foreign(connection: Connection, number: int) -> bool:
    """Whether a collation is one that a MariaDB may not have."""
    return number >= MYSQL_ONLY and connection.greeting is not None and connection.greeting.flavor == "mariadb"


def find(connection: Connection, conversation: Conversation, evidence: Evidence) -> list[Finding]:
    """All that is found of a connection, the gravest first."""
    case = Case(connection, conversation, evidence)
    error = connection.error.code if connection.error is not None else 0
    key = (_offered(connection, conversation, evidence), error)
    rules = evidence.choices.get(key)
    if rules is None:
        rules = tuple(r for r in TABLE if r.needs & key[0] and (not r.errors or error in r.errors))
        if len(evidence.choices) < base.MOST_CHOICES:
            evidence.choices[key] = rules
    found = [_finding(rule, said) for rule in rules for said in rule.check(case)]
    if len(found) > 1:
        _note_only(found)
        found.sort(key=lambda finding: RANK[finding.severity])
    return found


def _note_only(found: list[Finding]) -> None:
    """What another finding explains better is only noted."""
    grave = {finding.code for finding in found if finding.severity != INFO}
    for finding in found:
        by = EXPLAINED_BY.get(finding.code)
        if by is not None and finding.severity != INFO:
            # Two of the server's general words do not explain each other.
            others = grave.intersection(by) if by else {code for code in grave if EXPLAINED_BY.get(code) != ()}
            if others:
                finding.severity = INFO


def _finding(rule: Rule, said: Verdict) -> Finding:
    severity = said.severity or rule.severity
    unsure = said.doubt is not None or said.confidence != CERTAIN
    return Finding(
        rule.code,
        severity,
        said.confidence,
        said.message,
        said.advice,
        said.frames,
        said.evidence,
        said.doubt,
        list(rule.causes) if unsure else [],
    )

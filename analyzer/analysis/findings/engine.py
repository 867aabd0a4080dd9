"""Asks the rules what they find of a connection, and puts it in order, the gravest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from analyzer.analysis.conversation.session_facts import MOST
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.conditions import SIGNS, has_error, has_failed_command
from analyzer.analysis.findings.kept import Kept, frames_of, kept_of, marked, own_texts
from analyzer.analysis.findings.rule import (
    CERTAIN,
    INFO,
    MOST_CHOICES,
    RANK,
    Case,
    Condition,
    Evidence,
    Rule,
    Verdict,
    times_of,
)
from analyzer.analysis.findings.signs import ACCEPTED, IRREGULAR, REFUSED, signs_of
from analyzer.analysis.model.connection import Finding

# The server's words for what other findings say in full, and the consequences of what they say -> those findings; none
# named: whatever else was found.
EXPLAINED_BY: Final[dict[str, tuple[str, ...]]] = {
    "bad-handshake": (),
    "packet-refused": (),
    "network-error-reported": (),
    "plugin-unsupported": ("protocol-41-missing",),
    "wrong-password": ("access-denied",),
    "server-ended-session": ("server-went-down",),
    "connection-reset": ("server-went-down", "idle-connection-dropped", "slow-reader", "path-mtu", "answer-lost"),
    "command-cut-off": ("server-went-down", "idle-connection-dropped", "slow-reader", "path-mtu", "answer-lost"),
    "unanswered-commands": ("idle-connection-dropped", "path-mtu", "answer-lost"),
    "server-stalled": ("tls-flag-without-tls", "path-mtu", "answer-lost"),
    "client-gave-up": ("tls-flag-without-tls", "no-greeting", "server-stalled"),
    "malformed-packet": ("truncated-login", "protocol-41-missing", "foreign-client", "foreign-server"),
}
# Each condition that rules name, once, and the bit that stands for it.
CONDITIONS: Final[tuple[tuple[int, Condition], ...]] = tuple(
    (1 << place, condition)
    for place, condition in enumerate(dict.fromkeys(condition for rule in TABLE for condition in rule.applies))
)
BITS: Final[dict[Condition, int]] = {condition: bit for bit, condition in CONDITIONS}
# The signs without which a condition is not asked; 0: it is always. What several rules share says it itself.
GIVEN: Final[dict[Condition, int]] = {
    condition: rule.given for rule in TABLE for condition in rule.applies if condition not in SIGNS
} | SIGNS
# Those that are alike where logins are.
OF_LOGIN: Final = frozenset(condition for rule in TABLE if rule.by_login for condition in rule.applies) - SIGNS.keys()
NONE: Final[frozenset[int]] = frozenset()
# Signs of how a login was decided.
DECIDED: Final = ACCEPTED | REFUSED
# Those that say nothing of the login beside that.
SESSION: Final = DECIDED | IRREGULAR
Asked = tuple[tuple[int, Condition], ...]
Key = tuple[int, int, frozenset[int]]
# Rules, each with what is kept of its findings; None: it is asked each time.
Plan = tuple[tuple[Rule, tuple[Kept, ...] | None], ...]


def find(case: Case) -> list[Finding]:
    """All that is found of a connection, the gravest first."""
    signs, key = asked(case)
    found: list[Finding] = []
    if not is_known(case, signs):
        for rule in _choice(case.evidence, key):
            found += said_by(rule, case)
    else:
        for rule, kept in _plan(case, signs, key):
            filled = None if kept is None else filled_in(kept, case)
            found += said_by(rule, case) if filled is None else filled
    if len(found) > 1:
        _only_note(found)
        found.sort(key=lambda finding: RANK[finding.severity])
    return found


def asked(case: Case) -> tuple[int, Key]:
    """The signs that a connection shows, and the conditions of rules that it meets."""
    signs = signs_of(case)
    return signs, _met(case, signs)


def is_known(case: Case, signs: int) -> bool:
    """Whether rules of logins say what they say of all logins that are alike."""
    return case.login is not None and not signs & ~SESSION


def filled_in(kept: Sequence[Kept], case: Case) -> list[Finding] | None:
    """The findings of a connection; None where it lacks a text of its own."""
    found: list[Finding] = []
    for each in kept:
        texts = own_texts(each, times_of(case.facts))
        if texts is None:
            return None
        found.append(each.filled([*frames_of(case.facts), *texts]))
    return found


def kept_findings(case: Case, signs: int, key: Key) -> tuple[Kept, ...] | None:
    """All that is found of a login of which rules are known to say it; None where a rule has to be asked."""
    kept: list[Kept] = []
    for _, each in _plan(case, signs, key):
        if each is None:
            return None
        kept += each
    found = filled_in(kept, case)
    if found is None:
        return None
    _only_note(found)
    kept = [msgspec.structs.replace(each, severity=as_is.severity) for each, as_is in zip(kept, found, strict=True)]
    return tuple(sorted(kept, key=lambda each: RANK[each.severity]))


def said_by(rule: Rule, case: Case) -> list[Finding]:
    """What a rule finds of a connection."""
    return [_finding(rule, said) for said in rule.check(case)]


def _plan(case: Case, signs: int, key: Key) -> Plan:
    """The rules that apply to a login of a known shape; with those that say the same of all such, what they say."""
    evidence = case.evidence
    of = (case.login, signs, case.connection.server.address, key)
    plan = evidence.kept.get(of)
    if plan is None:
        plan = tuple((rule, _kept_of_rule(rule, case)) for rule in _choice(evidence, key))
        if len(evidence.kept) < MOST_CHOICES:
            evidence.kept[of] = plan
    return plan


def _kept_of_rule(rule: Rule, case: Case) -> tuple[Kept, ...] | None:
    if not rule.of_login:
        return None
    in_marks = marked(case)
    kept = kept_of(said_by(rule, in_marks), case.facts, in_marks.owned or ())
    return None if kept is None or filled_in(kept, case) != said_by(rule, case) else kept


def chosen(case: Case) -> tuple[Rule, ...]:
    """The rules that apply to a connection, in the order of the table."""
    return _choice(case.evidence, _met(case, signs_of(case)))


def _met(case: Case, signs: int) -> Key:
    """Which conditions a connection meets, its error's code, and those of commands that failed.

    Most connections are alike: which conditions are worth asking of those with the same signs is kept.
    """
    met, asked = _worth_asking(case, signs)
    for bit, condition in asked:
        if condition(case):
            met |= bit
    error = case.connection.error.code if case.connection.error is not None else 0
    failed = frozenset(case.facts.answers.error_counts) if met & BITS[has_failed_command] else NONE
    return met, error, failed


def _choice(evidence: Evidence, key: Key) -> tuple[Rule, ...]:
    """The rules for those that meet the same conditions."""
    rules = evidence.choices.get(key)
    if rules is None:
        rules = tuple(rule for rule in TABLE if _applies(rule, *key))
        if len(evidence.choices) < MOST_CHOICES:
            evidence.choices[key] = rules
    return rules


def _worth_asking(case: Case, signs: int) -> tuple[int, Asked]:
    """The conditions that are known to be met, and those that are to be asked."""
    evidence = case.evidence
    alike = evidence.by_login.get((case.login, signs)) if case.login is not None else None
    if alike is not None:
        return alike
    asked = evidence.asked.get(signs)
    if asked is None:
        asked = evidence.asked[signs] = asked_of(signs)
    if case.login is None:
        return 0, asked
    met = sum(bit for bit, condition in asked if condition in OF_LOGIN and condition(case))
    alike = met, tuple(each for each in asked if each[1] not in OF_LOGIN)
    if len(evidence.by_login) < MOST_CHOICES:
        evidence.by_login[case.login, signs] = alike
    return alike


def asked_of(signs: int) -> Asked:
    """The conditions that a connection with these signs may meet, each with its bit."""
    return tuple((bit, condition) for bit, condition in CONDITIONS if not GIVEN[condition] or GIVEN[condition] & signs)


def _applies(rule: Rule, met: int, error: int, failed: frozenset[int]) -> bool:
    """Whether one of the rule's conditions is met; an error of the connection, and of a command, has to be one of the
    rule's."""
    passed_over = set()
    if rule.errors and error not in rule.errors:
        passed_over.add(has_error)
    # Where there are so many that not all are counted, it may be any.
    if rule.failures and len(failed) < MOST and not rule.failures & failed:
        passed_over.add(has_failed_command)
    return any(met & BITS[condition] for condition in rule.applies if condition not in passed_over)


def _only_note(found: list[Finding]) -> None:
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
        [*rule.causes, *said.causes] if unsure else [],
    )

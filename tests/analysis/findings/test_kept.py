"""What rules say of a login that others are like is said once: it must rest on nothing else of a connection."""

from __future__ import annotations

import random
from copy import copy
from functools import cache
from typing import Any

import pytest

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.connection import builder
from analyzer.analysis.conversation.session_facts import CommandFacts, SentCommand
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.engine import filled_in, find, is_known, said_by
from analyzer.analysis.findings.kept import frames_of, kept_of, marked
from analyzer.analysis.findings.rule import Case, Rule
from analyzer.analysis.findings.signs import signs_of
from analyzer.analysis.model.connection import Endpoint, Finding, Timing
from tests.bench.replay import frames_of as frames_made
from tests.bench.replay import turns_of
from tests.corpus import REPOSITORY
from tests.reading import read_through
from tests.wire.frames import Frame, batches

SAMPLES = (
    "mysql97_cli_fast-auth.pcap",
    "mysql97_cli_wrong-password.pcap",
    "mariadb1011_cli_native.pcap",
    "mariadb1011_cli_unknown-user.pcap",
    "mariadb118_cli_parsec.pcapng",
)
COPIES = 4
OF_LOGIN = [rule for rule in TABLE if rule.of_login]


@cache
def _cases() -> tuple[list[Case], list[tuple[Any, ...]]]:
    """The cases of logins of known shapes in which nothing else shows, and what was kept."""
    frames: list[Frame] = []
    rng = random.Random(7)
    for number in range(len(SAMPLES) * COPIES):
        said = turns_of(REPOSITORY / "samples" / SAMPLES[number % len(SAMPLES)])
        made = frames_made(said, number, number * 1_000_000_000, rng)
        frames += [Frame(data, timestamp_ns=time_ns) for time_ns, data in made]
    cases: list[Case] = []

    def taken(case: Case) -> list[Finding]:
        cases.append(case)
        return find(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "find", taken)
        analysis = Analysis("capture", AnalysisOptions())
        read_through(analysis, batches(frames))
    known = [case for case in cases if is_known(case, signs_of(case))]
    return known, list(analysis.evidence.kept.values())


def test_it_is_kept() -> None:
    cases, plans = _cases()
    assert len(cases) > len(SAMPLES)
    codes = {each.code for plan in plans for _, kept in plan for each in kept or ()}
    assert codes == {"access-denied", "plugin-switch", "unencrypted-login"}
    # Those that found nothing are not asked again, either.
    assert any(kept == () for plan in plans for _, kept in plan)


@pytest.mark.parametrize("rule", OF_LOGIN, ids=lambda rule: rule.code)
def test_a_rule_of_logins_asks_of_nothing_else(rule: Rule) -> None:
    for case in _cases()[0]:
        facts, connection = copy(case.facts), copy(case.connection)
        connection.client = Endpoint("203.0.113.77", 1)
        connection.stream, connection.first_frame, connection.last_frame = 77, 77_777, 88_888
        connection.start_time_ns, connection.end_time_ns = 1, 1 << 60
        connection.timing = Timing(None, None, None, None, None, 1 << 50)
        connection.tcp = copy(connection.tcp)
        connection.tcp.bytes_from_client = connection.tcp.bytes_from_server = 1 << 30
        facts.nth, facts.burst, facts.burst_ns = 50, 50, 1
        facts.greeting, facts.login, facts.closing = copy(facts.greeting), copy(facts.login), copy(facts.closing)
        facts.greeting.time_ns = facts.closing.spoke_ns = 1 << 55
        answers = facts.answers = CommandFacts()
        answers.last = SentCommand(3, b"", 1, 77, 77)
        answers.error_counts, answers.overlap_count, answers.waiting = {1064: 1}, 1, 2
        other = Case(connection, facts, case.transport, None, case.evidence, case.words, case.name, case.login)
        assert said_by(rule, other) == said_by(rule, case)


def test_what_is_filled_in_is_what_the_rule_says() -> None:
    filled = 0
    for case in _cases()[0]:
        for rule in OF_LOGIN:
            said = said_by(rule, case)
            in_marks = marked(case)
            kept = kept_of(said_by(rule, in_marks), case.facts, in_marks.owned or ())
            assert kept is not None
            assert filled_in(kept, case) == said
            filled += len(said)
    assert filled > len(SAMPLES)


def test_a_text_of_the_wire_may_look_like_anything() -> None:
    case = _cases()[0][0]
    frame = marked(case).facts.login.frame
    finding = Finding("x", "info", "certain", f"100 % of {frame} %d {{0}}", "a", [frame], [f"{frame}"])
    (kept,) = kept_of([finding], case.facts) or ()
    number = case.facts.login.frame
    assert kept.filled(frames_of(case.facts)).message == f"100 % of {number} %d {{0}}"
    assert kept.filled(frames_of(case.facts)).frames == [number]


def test_a_frame_that_is_none_of_the_login_is_not_kept() -> None:
    case = _cases()[0][0]
    finding = Finding("x", "info", "certain", "m", "a", [case.connection.last_frame])
    assert kept_of([finding], case.facts) is None


def test_a_finding_that_is_filled_in_is_the_connections_own() -> None:
    case = next(case for case in _cases()[0] if case.connection.error is not None)
    first, second = find(case), find(case)
    assert first == second
    first[0].evidence.append("more")
    first[0].alternatives.append("more")
    assert find(case) == second

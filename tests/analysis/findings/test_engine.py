"""Rules are chosen by cheap conditions before they are looked at: those that are not would have found nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from analyzer.analysis.connection import builder
from analyzer.analysis.findings import engine, signs
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.conditions import SIGNS
from analyzer.analysis.findings.rule import Case
from analyzer.analysis.model.connection import Finding
from analyzer.analysis.options import AnalysisOptions
from tests.analysis.support import analyse_file
from tests.corpus import LAB

SAMPLES = Path(__file__).parents[3] / "samples"
CAPTURES = sorted(path for path in SAMPLES.rglob("*.pcap*") if path.suffix in (".pcap", ".pcapng"))
OTHERS = sorted(LAB.glob("*.pcap*")) if LAB.is_dir() else []


@pytest.mark.parametrize("password", [None, b"secret"], ids=["", "password"])
@pytest.mark.parametrize("captures", [CAPTURES, OTHERS], ids=["samples", "corpus"])
def test_what_is_skipped_changes_no_finding(
    captures: list[Path], password: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not captures:
        pytest.skip("../shared/corpus is not here")
    judged: list[tuple[str, list[str]]] = []

    def find(case: Case) -> list[Finding]:
        chosen = engine.chosen(case)
        skipped = [rule for rule in TABLE if rule not in chosen]
        judged.append((where, [rule.code for rule in skipped if list(rule.check(case))]))
        # What was kept for connections that meet the same conditions is what is chosen anew.
        assert chosen == engine.chosen(replace(case, evidence=replace(case.evidence, choices={})))
        return engine.find(case)

    monkeypatch.setattr(builder, "find", find)
    for path in captures:
        where = path.name
        analyse_file(path, AnalysisOptions(password=password))
    assert [one for one in judged if one[1]] == []
    assert len(judged) >= len(captures) // 2


def test_each_condition_is_asked_once() -> None:
    asked = [condition for _, condition in engine.CONDITIONS]
    assert len(asked) == len(set(asked)) == len({bit for bit, _ in engine.CONDITIONS})
    assert all(rule.applies for rule in TABLE)


def test_conditions_of_clean_connections_are_few() -> None:
    clean = {condition for _, condition in engine.asked_of(signs.ACCEPTED)}
    assert len(clean) < len(engine.CONDITIONS) / 2
    everything = engine.asked_of(-1)
    assert everything == engine.CONDITIONS
    assert all(set(engine.asked_of(1 << bit)) < set(everything) for bit in range(12))


def test_a_condition_that_several_rules_name_has_one_set_of_signs() -> None:
    own = [(condition, rule.given) for rule in TABLE for condition in rule.applies if condition not in SIGNS]
    assert len({condition for condition, _ in own}) == len(set(own))


def test_what_several_rules_share_says_itself_when_it_is_asked() -> None:
    """A rule's `given` is of its own conditions: of a shared one the last rule's would stand for all."""
    named = Counter(condition for rule in TABLE for condition in set(rule.applies))
    assert {condition.__name__ for condition, count in named.items() if count > 1 and condition not in SIGNS} == set()

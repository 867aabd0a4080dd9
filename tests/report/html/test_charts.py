"""The pictures: what they are counted from, that they agree with their words, and that they are plain SVG."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.html.charts import pictures, ticks
from analyzer.report.prose.chart_data import BARS, SLOTS, ChartData, DurationHistogram, Timeline
from tests.report import examples

PLAIN = {"svg", "g", "rect", "path", "text"}


def statistics(number: int = 60) -> ChartData:
    made = ChartData()
    kinds = (examples.accepted, examples.rejected, examples.aborted, examples.encrypted, examples.hostile)
    for index in range(number):
        made.add(kinds[index % 5](index))
    return made


def test_pictures_are_plain_svg_and_the_same_every_time() -> None:
    first, second = pictures(statistics()), pictures(statistics())
    assert [one.name for one in first] == ["logins", "phases", "plugins", "tls", "drivers", "servers"]
    for one, other in zip(first, second, strict=True):
        assert one.svg == other.svg
        tree = ElementTree.fromstring(one.svg)
        for node in tree.iter():
            assert node.tag in PLAIN
            assert not {"style", "id", "onclick", "href"} & set(node.attrib)
        assert "http" not in one.svg.replace("http-", "")
        assert one.words
        assert one.table
        assert len(one.links) in (0, len(one.table))
        assert {node.attrib["data-q"] for node in tree.iter() if "data-q" in node.attrib} == {*one.links} - {""}


def test_bars_and_words_agree_with_what_was_counted() -> None:
    logins, phases, plugins, tls, _, _ = pictures(statistics())
    assert "12 accepted, 24 rejected, 12 aborted, 12 not known" in logins.words
    assert logins.legend == [
        ("accepted", "accepted"),
        ("rejected", "rejected"),
        ("aborted", "aborted"),
        ("unknown", "not known"),
    ]
    counted = [sum(int(row[column]) for row in logins.table) for column in range(1, 5)]
    assert counted == [12, 24, 12, 12]
    # A rect for each series in each bar that has it.
    bars = re.findall('class="rect"', logins.svg)
    assert len(bars) == sum(cell != "0" for row in logins.table for cell in row[1:])
    assert "Authentication 1.9ms" in phases.words
    assert [row[1] for row in plugins.table] == ["12", "12", "12"]
    assert tls.words == "48 logins: none 36, TLSv1.3 12."


@given(st.integers(0, 10**13))
def test_each_duration_is_in_a_bar(ns: int) -> None:
    made = ChartData()
    made.durations["Login"].add(ns)
    (phases,) = (one for one in pictures(made) if one.name == "phases")
    assert phases.svg.count('class="rect"') == 1
    assert [name for _, name in phases.legend] == ["Login"]


def test_what_is_seldom_is_put_together() -> None:
    made = ChartData()
    for number in range(1100):
        one = examples.accepted(number)
        assert one.driver
        one.driver.version = str(number)
        made.add(one)
    drivers = next(one for one in pictures(made) if one.name == "drivers")
    assert len(made.drivers) <= 1001
    assert "other" in drivers.words
    assert drivers.svg.count("<rect") < 20


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=200))
def test_quantiles_are_within_a_step(values: list[int]) -> None:
    made = DurationHistogram()
    for value in values:
        made.add(value)
    values.sort()
    for share in (0.5, 0.95, 1.0):
        exact = values[math.ceil(share * len(values)) - 1]
        found = made.quantile(share)
        assert found <= values[-1]
        if 1000 < exact < 10**12:
            assert 0.95 * exact <= found <= 1.06 * exact


@given(st.integers(1001, 10**13))
def test_a_step_is_a_fiftieth_of_a_decade(ns: int) -> None:
    made = DurationHistogram()
    made.add(ns)
    assert made.counts.index(1) == min(int(50 * math.log10(ns / 1000)), len(made.counts) - 1)


@given(st.lists(st.integers(-(10**15), 10**18), min_size=1, max_size=300))
def test_timeline_loses_no_login_and_stays_small(times: list[int]) -> None:
    made = Timeline()
    for index, time in enumerate(times):
        made.add(time, index % 4)
    assert len(made.slots) <= SLOTS + 1
    start, length, bars = made.bars()
    assert len(bars) <= BARS + 1
    assert sum(map(sum, bars)) == len(times)
    assert start <= min(times)
    assert max(times) < start + length * len(bars)


@given(st.integers(1, 10**9))
def test_ticks_cover_the_largest(largest: int) -> None:
    found = ticks(largest)
    assert found[0] == 0
    assert found[-1] >= largest
    assert 2 <= len(found) <= 6
    assert len({b - a for a, b in pairwise(found)}) == 1


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_and_one(number: int) -> None:
    assert len(pictures(statistics(number))) == (6 if number else 0)

"""Markdown for tickets, and the comparison of two captures: what they say, and that text of the wire stays text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from analyzer.analysis.model.connection import Connection
from analyzer.report import diff
from analyzer.report.markdown import MarkdownReport, text
from analyzer.report.prose import changes as comparison
from tests.report import examples
from tests.report.html.reading import Page
from tests.report.texts import ANY_TEXT, disguised


def report(*connections: Connection, title: str = "Demo", note: str | None = None) -> str:
    made = MarkdownReport(title, note)
    for one in connections:
        made.connection(one)
    return made.text([examples.source(len(connections), title)])


def test_report_says_the_verdict_first() -> None:
    lines = report(*examples.everything(), note="Seen on Friday").splitlines()
    assert lines[0] == "## Demo"
    assert lines[2] == "> Seen on Friday"
    assert lines[4].startswith("**5 MySQL connections to 1 server: 1 accepted, 2 rejected")
    assert any(line.startswith("| error | `access-denied` | 2 |") for line in lines)
    assert any("Access denied for user 'report'&#64;'192.168.56.1'" in line for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert {"|---|---|---:|---|---|", "|---:|---|---|---|---|---|---|---|---|---|"} <= set(tables)


@given(ANY_TEXT)
def test_text_can_be_nothing_but_text(value: str) -> None:
    shown = text(value)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[`*_\[\]|~]", shown)
    assert not re.search("[<>@]", shown)
    assert "://" not in shown


def test_colons_stay_but_in_what_becomes_a_link_or_a_picture() -> None:
    assert text("2 connections: error 1045 (10:32:47)") == "2 connections: error 1045 (10:32:47)"
    assert text("see http://x") == "see http&#58;//x"
    assert text("a :tada: b") == "a &#58;tada: b"


@given(ANY_TEXT)
def test_rows_have_as_many_cells_as_their_head(value: str) -> None:
    width = 0
    for line in report(disguised(value), title=value).splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line)) - 1
            width = width or cells
            assert cells == width
        else:
            width = 0


def test_many_connections_are_bounded_and_the_wrong_ones_first() -> None:
    many = [examples.accepted(n) for n in range(100)] + [examples.rejected(n) for n in range(100, 130)]
    shown = report(*many)
    assert "80 further connections not listed" in shown
    assert sum("rejected" in line for line in shown.splitlines() if line.startswith("| 1")) == 30


def sides(before: list[Connection], after: list[Connection]) -> tuple[comparison.Side, comparison.Side]:
    made = []
    for name, connections in (("before.pcap", before), ("after.pcap", after)):
        side = comparison.Side(name)
        for one in connections:
            side.add(one)
        side.source = examples.source(len(connections), name)
        made.append(side)
    return made[0], made[1]


def upgraded(stream: int) -> Connection:
    """As `accepted`, with TLS, another server, another driver, fewer capabilities, and slower."""
    one = examples.accepted(stream)
    one.tls = examples.tls()
    one.greeting = examples.greeting("9.7.0")
    one.greeting.capabilities = [n for n in one.greeting.capabilities if n != "CLIENT_FOUND_ROWS"]
    assert one.driver
    one.driver.version = "9.7.0"
    one.timing.authentication_ns = 40_000_000
    return one


def changes(groups: list[comparison.ChangeGroup]) -> dict[str, dict[str, str]]:
    return {group.title: {line.name: line.change for line in group.changed} for group in groups if group.changed}


def test_what_an_upgrade_changed() -> None:
    found = changes(
        comparison.compare(*sides([examples.accepted(n) for n in range(40)], [upgraded(n) for n in range(40, 80)]))
    )
    assert found["Servers"] == {"MySQL 8.4.3": "gone", "MySQL 9.7.0": "new"}
    assert found["TLS"] == {"none": "gone", "TLSv1.3": "new"}
    assert found["Drivers"] == {"libmysqlclient 8.4.3": "gone", "libmysqlclient 9.7.0": "new"}
    assert found["Capabilities that servers offer"] == {"CLIENT_FOUND_ROWS": "gone"}
    assert found["Times (median and 95 %)"] == {"Authentication": "more"}
    assert "Outcomes" not in found
    assert "Auth plugins" not in found


def test_failures_that_became_more() -> None:
    before = [examples.accepted(n) for n in range(90)] + [examples.rejected(n) for n in range(90, 100)]
    after = [examples.accepted(n) for n in range(50)] + [examples.rejected(n) for n in range(50, 100)]
    found = changes(comparison.compare(*sides(before, after)))
    assert found["Outcomes"] == {"accepted": "less", "rejected": "more"}
    assert found["Server errors"] == {"1045 (28000)": "more"}
    assert found["Findings"]["access-denied"] == "more"


def test_chance_is_no_change() -> None:
    before = [examples.accepted(n) for n in range(18)] + [examples.rejected(n) for n in range(2)]
    after = [examples.accepted(n) for n in range(17)] + [examples.rejected(n) for n in range(3)]
    groups = comparison.compare(*sides(before, after))
    assert changes(groups) == {}
    assert comparison.verdict(groups) == "Nothing changed that is more than chance."
    assert changes(comparison.compare(*sides(before, before))) == {}


def test_comparison_as_markdown_and_as_page() -> None:
    pair = sides([examples.accepted(), examples.hostile()], [upgraded(0), examples.rejected()])
    shown = diff.markdown(*pair, "Upgrade", "On Friday")
    assert shown.startswith("## Upgrade\n\n> On Friday\n\n**What changed: ")
    assert "<script" not in shown
    page = Page()
    page.feed(diff.html(*pair, "Upgrade <b>", examples.HOSTILE))
    page.close()
    assert page.open == []
    assert page.scripts == []
    assert "only after" in "".join(page.text)


@pytest.mark.parametrize("empty", ["before", "after", "both"])
def test_a_capture_without_connections(empty: str) -> None:
    before = [] if empty in ("before", "both") else [examples.accepted()]
    after = [] if empty in ("after", "both") else [examples.accepted()]
    diff.markdown(*sides(before, after), "Demo", None)
    diff.html(*sides(before, after), "Demo", None)

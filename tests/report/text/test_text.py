from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.model.connection import Connection, Endpoint, Finding
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.report.prose import labels
from analyzer.report.text.connections import TextReport
from analyzer.report.text.layout import Column, cells, clip, place, wrap
from tests.report import examples
from tests.report.texts import ANY_TEXT, disguised

SGR = re.compile(r"\x1b\[\d*m")


def printed(
    *connections: Connection,
    width: int = 80,
    color: bool = False,
    verbose: int = 0,
    detail: ConnectionDetail | None = None,
) -> str:
    out: list[str] = []
    report = TextReport(out.append, width, color, verbose)
    report.begin("office.pcapng")
    for one in connections:
        report.connection(one, detail)
    report.end(examples.source(len(connections)))
    report.summary()
    return "".join(out)


def test_a_given_password_is_answered_in_a_line_and_summed_up() -> None:
    out: list[str] = []
    report = TextReport(out.append, password=True)
    report.begin("office.pcapng")
    for number, code in enumerate(("right-password", "wrong-password", None)):
        one = examples.accepted(number)
        one.findings = [Finding(code, "info", "certain", f"Said of {code}.", "", [3])] if code else []
        report.connection(one)
    report.summary()
    text = "".join(out)
    assert "    -> Said of right-password. [right-password]\n" in text
    assert "    -> Said of wrong-password. [wrong-password]\n" in text
    flat = " ".join(text.split())
    assert "The given password, of 3 logins: 1 made with it, 1 with another, or spoiled, 1 can not be checked" in flat


def test_news_are_said_once_and_again_where_there_is_more() -> None:
    out: list[str] = []
    report = TextReport(out.append)
    report.begin("-")
    report.news(examples.accepted(0), None, False)
    report.news(examples.accepted(0), None, True)
    report.news(examples.accepted(1), None, False)
    report.news(msgspec.structs.replace(examples.accepted(1), outcome="aborted"), None, True)
    report.summary()
    rows = [line.split() for line in "".join(out).splitlines() if line.startswith("  0 ") or line.startswith("  1 ")]
    assert [(row[0], row[-1]) for row in rows] == [("0", "open"), ("1", "open"), ("1", "12ms")]
    assert "2 MySQL connections: 1 accepted, 1 aborted." in out[-1] or any(
        "2 MySQL connections: 1 accepted, 1 aborted." in line for line in out
    )


def test_a_table_in_80_columns() -> None:
    text = printed(examples.accepted(), examples.rejected(), examples.aborted(), examples.encrypted())
    assert (
        text
        == """\
office.pcapng
  # Time UTC Client             Server  User/db     Auth      TLS Outcome Lasted
    2024-05-01
  0 09:54:56 192.168.56.1:50000 8.4.3   root/shop   sha2/fast -   accepted  12ms
  1 09:54:58 192.168.56.1:50001 10.11.6 report      native    -   rejected 4.2ms
    -> 1045 (28000) Access denied for user 'report'@'192.168.56.1' (using
       password: YES) [access-denied] (+1: old-plugin)
  2 09:54:59 192.168.56.1:50002 8.4.3   -           -         -   aborted    10s
    -> The client closed the connection 10.0 s after the greeting without a
       login; server's side is healthy. [closed-before-login]
  3 09:55:00 [2001:db8::4711]:50003 9.1.0 -         -        1.3 encrypted 1h02m

1 file, 1,234 frames, 6 TCP connections.
4 MySQL connections: 1 accepted, 1 rejected, 1 aborted, 1 encrypted.
Findings:
  error    access-denied        1 connection
  warning  closed-before-login  1 connection
  warning  old-plugin           1 connection
  info     no-keys              1 connection
"""
    )


def test_a_wide_terminal_is_used() -> None:
    text = printed(examples.accepted(), examples.rejected(), width=130)
    assert "09:54:56.789 192.168.56.1:50000" in text
    assert "MySQL 8.4.3" in text
    assert "MariaDB 10.11.6" in text
    assert "caching_sha2/fast" in text


def test_what_does_not_fit_is_told_below() -> None:
    one = examples.accepted(12345)
    assert one.login
    one.login.user = one.login.database = "wordpress_production"
    one.client = Endpoint("2001:db8:1234:5678:9abc:def0:1234:5678", 54321)
    text = printed(one)
    assert "…" in text
    assert "[2001:db8:1234:5678:9abc:def0:1234:5678]:54321" in text
    assert "wordpress_production/wordpress_production" in text


def test_ladder_fields_and_bytes() -> None:
    detail = examples.detail()
    ladder = printed(examples.accepted(), verbose=1, detail=detail)
    assert "   0.400 ms        ← server   1  HandshakeV10  8.4.3, connection 127," in ladder
    assert "   0.800 ms  client →         2  HandshakeResponse41  root" in ladder
    assert "malformed: AuthMoreData.data at byte 1" in ladder
    assert "... 7 more packets" in ladder
    assert "CLIENT_SSL" not in ladder
    fields = printed(examples.accepted(), verbose=2, detail=detail)
    assert "[1:9]        CLIENT_SSL: not set\n" in fields
    assert ".8.4.3.." not in fields
    assert "0000  0a 38 2e 34 2e 33 00 01  02" in printed(examples.accepted(), verbose=3, detail=detail)


def test_colour_only_when_asked_for() -> None:
    plain = printed(*examples.everything(), verbose=3, detail=examples.detail())
    coloured = printed(*examples.everything(), verbose=3, detail=examples.detail(), color=True)
    assert "\x1b" not in plain
    assert "\x1b[32maccepted\x1b[0m" in coloured
    assert "\x1b[31mrejected\x1b[0m" in coloured
    assert "\x1b[33maborted\x1b[0m" in coloured
    assert SGR.sub("", coloured) == plain


def test_sources_without_connections_and_with_warnings() -> None:
    out: list[str] = []
    report = TextReport(out.append)
    for name in ("empty.pcap", "cut\x1b.pcap"):
        report.begin(name)
        source = examples.source(0, name)
        source.warnings.append("cut short at offset 99")
        source.notes.append("1 X Protocol connection")
        report.end(source)
    report.summary()
    text = "".join(out)
    assert "no MySQL connection in 2 TCP connections, 1,234 frames" in text
    assert r"cut\x1b.pcap" in text
    assert "warning: cut short at offset 99" in text
    assert "2 files, 2,468 frames, 4 TCP connections, 2 warnings." in text
    assert "0 MySQL connections." in text


@given(ANY_TEXT, st.sampled_from([80, 100, 140]))
def test_any_text_is_safe_and_within_the_width(text: str, width: int) -> None:
    detail = examples.detail()
    packet = detail.packets[0]
    packet.summary = packet.fields[-1].value = text
    shown = printed(disguised(text), width=width, verbose=3, detail=detail)
    shown.encode()
    lines = shown.split("\n")
    assert all(line.isprintable() for line in lines)
    assert max(map(cells, lines)) <= width


@given(st.lists(ANY_TEXT.filter(str.isprintable), min_size=3, max_size=3), st.integers(30, 60))
def test_place(texts: list[str], width: int) -> None:
    columns = [Column("a", 5, right=True, least=3), Column("b", 12, least=6), Column("c", 8, least=4)]
    placed = place(columns, texts, width)
    assert sum(gap + cells(text) for gap, text in placed.cells) <= width
    assert all(gap >= 1 for gap, _ in placed.cells[1:])
    for index, (_, text) in enumerate(placed.cells):
        assert (text != texts[index]) == (index in placed.cut)


@given(st.text(alphabet="ab 小", max_size=60), st.integers(2, 20))
def test_wrap_loses_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_clip_counts_cells() -> None:
    assert clip("小明小明", 5) == "小明…"
    assert clip("root", 4) == "root"


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (0, "0us"),
        (999_499, "999us"),
        (999_500, "1.0ms"),
        (12_345_678, "12ms"),
        (999_600_000, "1.0s"),
        (59_940_000_000, "60s"),
        (61_000_000_000, "1m01s"),
        (3_725_000_000_000, "1h02m"),
        (100 * 3600 * 10**9, "4d04h"),
        (-1_500_000, "-1.5ms"),
    ],
)
def test_duration(ns: int, shown: str) -> None:
    assert labels.duration(ns) == shown


def test_a_time_out_of_range_is_no_reason_to_fail() -> None:
    assert labels.date(2**70) == "1970-01-01"


def test_labels() -> None:
    assert labels.plugin(examples.authentication("client_ed25519", "direct")) == "ed25519"
    assert labels.plugin(examples.authentication("own_plugin", "full")) == "own_plugin/full"
    assert labels.product(examples.greeting("5.7.25-TiDB-v7.1.0", "tidb")) == "tidb 5.7.25"
    assert labels.product(examples.greeting("weird", "mysql")) == "MySQL weird"
    assert labels.client(examples.proxied()) == "203.0.113.9:41000"
    assert labels.account(examples.connection(login=examples.login("", None))) == "(anonymous)"

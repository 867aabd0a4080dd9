"""The page as text: what is in it, that nothing else is, and that what its blocks hold is what was put in."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re

import pytest
from hypothesis import given, settings

from analyzer.analysis.commands.excerpt import FAILED, FIRST, LONGEST_MESSAGE, LONGEST_STATEMENT, SLOWEST
from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.model.command import CommandError
from analyzer.analysis.model.connection import Finding
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import Field, PacketExcerpt
from analyzer.report.html.connection_view import VIEW_NAMES, encoded, joined, view
from analyzer.report.html.manual import CAPABILITY_MEANINGS, MANUAL
from analyzer.report.html.packets import packet_columns
from analyzer.report.html.page import THEMES, HtmlReport
from analyzer.report.html.prepare import Later, Prepare
from analyzer.report.html.workload import workload_view
from analyzer.report.text.hexdump import nested
from tests.report import examples
from tests.report.html.reading import blocks, data, page, parsed
from tests.report.texts import ANY_TEXT, disguised
from tests.wire.script import SECOND, START


def test_every_part_is_there() -> None:
    found = parsed(page(*examples.everything()))
    text = " ".join(" ".join(found.text).split())
    for part in (
        "5 MySQL connections to 1 server: 1 accepted, 2 rejected, 1 aborted before a verdict, 1 encrypted from TLS on.",
        "were refused: user, password, host or a required TLS property do not match (error",
        "3 logins of 4 went over the network without TLS",
        "1045 (28000) Access denied for user 'report'@'192.168.56.1'",
        "10.11.6-MariaDB-1:10.11.6+maria~ubu2204",
        "The server switches to mysql_native_password",
        "set up for mysql_native_password, not for caching_sha2_password",
        "TLS_AES_256_GCM_SHA384",
        "CLIENT_QUERY_ATTRIBUTES",
        CAPABILITY_MEANINGS["CLIENT_QUERY_ATTRIBUTES"],
        "_client_version",
        "HandshakeResponse41",
        "0000 0a 38 2e 34 2e 33",
        "7 further packets left out.",
        "Passwords, tokens and scrambles are masked, in the bytes too.",
        "Logins over time",
        "Login duration by phase",
        "3 rows affected",
        "896 commands not listed",
        "… 70,000 bytes in all",
        "6 of 4,711 commands are listed: the first 200,",
    ):
        assert part in text, part
    # Frames 7 and 8, which the findings name; SYN and SYN, ACK stand before the first packet.
    assert {"#c1-p6", "#c1-p7"} <= set(found.links)
    assert {"c1-p6", "c1-p7"} <= set(found.ids)


def test_policy_names_the_very_script_and_style() -> None:
    text = page(examples.accepted())
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src &#39;none&#39;; ")
    for tag in ("script", "style"):
        [body] = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy.replace("&#43;", "+")
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son\w+=", re.sub("<script.*?</script>", "", text, flags=re.DOTALL))


def test_hostile_text_stays_text() -> None:
    text = page(examples.hostile(), title=examples.HOSTILE, text=examples.HOSTILE)
    found = parsed(text)
    shown = "".join(found.text)
    assert r"\u202egnp" in shown
    assert "<script>alert(1)</script>" in shown
    for held in (text, json.dumps([blocks(text, kind) for kind in ("rows", "views", "packets")], ensure_ascii=False)):
        assert not {"\u202e", "\x1b", "\u200b", "\udc80"} & set(held)


@settings(max_examples=15, deadline=None)
@given(ANY_TEXT)
def test_any_text(text: str) -> None:
    made = page(disguised(text), title=text, text=text)
    made.encode()
    parsed(made)
    assert made.replace("\n", "").isprintable()
    held = json.dumps([blocks(made, kind) for kind in ("rows", "views", "packets")], ensure_ascii=False)
    assert held.isprintable()


@given(ANY_TEXT)
def test_encoded_is_the_value_made_safe(text: str) -> None:
    [raw] = encoded([[text, [text, 1, None]]])
    value = json.loads(raw)
    assert value[1] == [value[0], 1, None]
    assert value[0].isprintable()
    if text.isascii() and text.isprintable() and len(text) < 2000:
        assert value[0] == text


def test_blocks_hold_every_connection_in_order() -> None:
    kinds = (examples.accepted, examples.rejected, examples.aborted, examples.encrypted)
    text = page(*(kinds[number % 4](number) for number in range(23)))
    facts = data(text)
    [rows] = blocks(text, "rows")
    assert rows[0] == list(range(23))
    assert rows[-2] == [f"c{number}" for number in range(23)]
    views = blocks(text, "views")
    assert facts["names"] == list(VIEW_NAMES)
    assert facts["starts"]["views"] == [0]
    assert [n for columns in views for n in columns[0]] == list(range(23))
    assert facts["kept"] == 23


def test_view_survives_the_columns() -> None:
    connection, detail = examples.rejected(), examples.detail('quoted " and \\ and é')
    columns = packet_columns(connection, detail)
    found = joined(encoded(view(connection).values()), encoded(columns))
    packets = found["packets"]
    assert [packet[4] for packet in packets[:2]] == ["SYN", "SYN, ACK"]
    assert [packet[0] for packet in packets[2:]] == [packet.frame for packet in detail.packets]
    assert [packet[-1] for packet in packets[2:]] == [
        [
            # Fields end with the bytes that are shown.
            (depth, name, field.value, min(field.start, len(packet.data)), min(field.end, len(packet.data)))
            for depth, name, field in nested(packet.fields)
        ]
        for packet in detail.packets
    ]
    assert bytes.fromhex(packets[2][8]) == detail.packets[0].data
    assert found["left_out"] == 7


def test_names_and_values_of_a_view_agree() -> None:
    assert tuple(view(examples.accepted())) == VIEW_NAMES


def test_in_force_is_what_both_set() -> None:
    one = examples.accepted()
    assert one.greeting
    assert one.login
    one.greeting.capabilities = ["CLIENT_PROTOCOL_41", "CLIENT_SSL", "MARIADB_CLIENT_PROGRESS", "UNKNOWN_0x4000000000"]
    one.login.capabilities = ["CLIENT_PROTOCOL_41", "MARIADB_CLIENT_PROGRESS"]
    names = list(CAPABILITY_MEANINGS)
    found = {names[n] if isinstance(n, int) else n: bits for n, bits in view(one)["capabilities"]}
    assert found == {
        "CLIENT_PROTOCOL_41": 7,
        "CLIENT_SSL": 1,
        "MARIADB_CLIENT_PROGRESS": 7,
        "UNKNOWN_0x4000000000": 1,
    }
    one.login.capabilities.append("CLIENT_LONG_PASSWORD")
    assert dict(view(one)["capabilities"])[names.index("MARIADB_CLIENT_PROGRESS")] == 3


def test_every_capability_has_a_meaning() -> None:
    from analyzer.protocol.tables.capabilities import CAPABILITIES

    assert list(CAPABILITY_MEANINGS) == list(CAPABILITIES.values())


def test_manual_pages_are_those_of_records() -> None:
    for record, (title, mysql, mariadb) in MANUAL.items():
        assert title, record
        assert mysql.startswith("https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_") or not mysql
        assert mariadb.startswith("https://mariadb.com/docs/server/reference/clientserver-protocol/") or not mariadb
        assert mysql or mariadb


def test_secrets_shown_is_said() -> None:
    assert "Secrets are shown." in page(examples.accepted(), secrets_shown=True)


def test_limit_keeps_first_and_faulty_and_says_so() -> None:
    many = [examples.accepted(n) for n in range(30)] + [examples.rejected(n) for n in range(30, 60)]
    for number in (55, 57):
        many[number].findings.append(Finding("odd-one", "warning", "certain", "Odd.", "", [1]))
    text = page(*many, limit=2)
    parsed(text)
    [columns] = blocks(text, "rows")
    kept = [anchor for anchor, number in zip(columns[-2], columns[-1], strict=True) if number >= 0]
    # The first two, the first two that were refused, and the first two with a finding of their own.
    assert kept == ["c0", "c1", "c30", "c31", "c55", "c57"]
    assert "6 connections of 60 keep their packets here" in text
    assert len(blocks(text, "views")[0][0]) == 60


def test_packets_come_in_a_second_reading() -> None:
    out = io.StringIO()
    many = [examples.accepted(n) for n in range(6)]
    with HtmlReport(out, "Demo", limit=4) as report:
        for one in many:
            report.connection(one)
        assert report.missing == {"office.pcapng": frozenset(one.first_frame for one in many[:4])}
        for number in (0, 2, 3):  # one is not found again
            found = Prepare(4).packets((many[number], examples.detail()))
            report.packets(found)
        report.packets(Later("office.pcapng", many[5].first_frame, [b"[]"]))  # was not asked for
        report.close([examples.source(6)])
    text = out.getvalue()
    assert data(text)["kept"] == 4
    [columns] = blocks(text, "packets")
    assert [len(frames) for frames in columns[0]] == [7, 0, 7, 7]
    assert "3 connections of 6 keep their packets here" in text


def test_what_a_peer_makes_huge_stays_bounded() -> None:
    one = examples.rejected()
    assert one.error
    assert one.login
    one.error.message = "x" * 3_000_000
    one.findings[0].message = "y" * 2_000_000
    one.login.attributes = {f"name {n}": "v" * 3000 for n in range(500)}
    fields = [Field(f"field {n}", "v" * 256, n, n + 1) for n in range(300)]
    packets = [PacketExcerpt(n, n, "client", 0, "ComQuery", "s" * 512, 1024, bytes(1024), fields) for n in range(200)]
    said, error = "s" * LONGEST_STATEMENT, "e" * LONGEST_MESSAGE
    many = FIRST + SLOWEST + FAILED
    refused = CommandError(1064, None, error)
    commands = [
        examples.command(n, n, n, "query", said, (1, 1), ("error", n), statement_cut=9999, rows=1, error=refused)
        for n in range(many)
    ]
    out = io.StringIO()
    with HtmlReport(out, "Demo") as report:
        report.connection(one, ConnectionDetail(packets, 0, commands, many))
        report.close([examples.source()])
    assert len(out.getvalue()) < 300_000


def test_captures_do_not_share_anchors() -> None:
    other = examples.accepted()
    other.capture = "second.pcap"
    found = parsed(page(examples.accepted(), other))
    assert {"c0", "c2-0"} <= set(found.ids)


def test_without_connections_and_without_detail() -> None:
    empty = page()
    assert "No MySQL connection was found." in empty
    assert "What to try next" in empty
    out = io.StringIO()
    report = HtmlReport(out, "Demo")
    report.connection(examples.accepted())
    report.close([examples.source(), examples.source(0, "b.pcap")])
    parsed(out.getvalue())
    assert "2 files, 2,468 frames" in out.getvalue()


@pytest.mark.parametrize("theme", THEMES)
def test_theme(theme: str) -> None:
    out = io.StringIO()
    with HtmlReport(out, "Demo", theme=theme, note="Seen from\nthe <db> side") as report:
        report.connection(examples.accepted(), examples.detail())
        report.close([examples.source()])
    assert f'data-theme="{theme}"' in out.getvalue()
    assert "Seen from<br>the &lt;db&gt; side" in out.getvalue()
    parsed(out.getvalue())


def test_fields_nest_by_name_and_by_bytes() -> None:
    packet = examples.packet(1, "server", "HandshakeV10")
    assert [(depth, name) for depth, name, _ in nested(packet.fields)] == [
        (0, "payload_header"),
        (0, "capabilities"),
        (1, "CLIENT_PROTOCOL_41"),
        (1, "CLIENT_SSL"),
        (0, "text"),
    ]


def test_the_page_names_files_and_no_folders() -> None:
    one = examples.accepted()
    one.capture = "/home/somebody/secret-project/office.pcapng"
    source = examples.source(1, one.capture)
    source.warnings.append(f"{one.capture}: the file is cut short")
    out = io.StringIO()
    with HtmlReport(out, "Demo") as report:
        report.connection(one, examples.detail())
        report.close([source])
    assert "somebody" not in out.getvalue()
    assert "office.pcapng: the file is cut short" in out.getvalue()
    assert blocks(out.getvalue(), "rows")[0][2] == ["office.pcapng"]


def test_each_message_of_a_finding_is_there() -> None:
    made = [examples.rejected(number) for number in range(6)]
    for number, one in enumerate(made):
        one.findings[0].message = f"The server refused user <{number % 5}>."
    text = " ".join(" ".join(parsed(page(*made)).text).split())
    for number in range(5):
        assert f"The server refused user <{number}>." in text
    assert "The server refused user <0>. 2 x" in text
    assert "2 more messages" in text


def counted(statements: int = 20) -> Workload:
    """A workload in which every second statement fails; the later a statement, the longer it takes."""
    workload = Workload()
    for number in range(statements):
        failed = number % 2 == 1
        (workload.failed if failed else workload.went_well).add(START + number * 86_400 * SECOND)
        workload.uses["reading"] += 1
        where = ("office.pcapng", number, 10 + number)
        group = workload.group(f"SELECT <{number}>", 100)
        group.count_one(1_000_000 * (number + 1), True, failed, False, 3, 100, where)
    return workload


def test_commands_of_all_connections() -> None:
    out = io.StringIO()
    with HtmlReport(out, "Demo") as report:
        for number in range(20):
            report.connection(examples.accepted(number), examples.detail())
        report.workload(counted(12))
        report.workload(counted(20))
        report.close([examples.source(20)])
    found = parsed(out.getvalue())
    text = " ".join(" ".join(found.text).split())
    assert "32 commands: 96 rows, 3,200 bytes of MySQL packets, 32 to read." in text
    assert "Half of 32 commands took at most" in text
    assert "16 went well, 16 failed" in text
    # Two of the longest statement of 12, one of that of 20: the first of all took 24 of 288 ms.
    assert re.search(r"SELECT <11> 8\.3 % 24ms 2 12ms 12ms 12ms 12ms frame 21 6 2", text)
    assert "5 further statements took less." in text
    assert {"#workload", "#connections", "#pictures"} <= set(found.links)
    assert "office" not in re.search(r"<h2 id=\"workload\">.*?</section>", out.getvalue(), re.DOTALL)[0]  # type: ignore[index]


def test_bars_of_commands_are_few_however_long_it_lasts() -> None:
    workload = Workload()
    workload.went_well.add(START)
    workload.went_well.add(START + 400 * 86_400 * SECOND)
    view = workload_view(workload, lambda capture, stream: "c0")
    assert view is not None
    assert view.pictures[0].svg.count("<rect") < 150
    assert len(view.pictures[0].table) == 2

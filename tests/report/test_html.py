"""The page as text: what is in it, and that nothing else is."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser

from hypothesis import given, settings

from analyzer.analysis.model import Connection
from analyzer.report.dump import nested
from analyzer.report.html import HtmlReport

from . import examples
from .test_escape import ANY_TEXT
from .test_machine_formats import disguised

TAGS = re.compile(
    "a|article|b|body|br|dd|details|div|dl|dt|em|footer|form|h[1-3]|head|header|html|i|input|li|main|meta|ol|option"
    "|output|p|pre|rect|script|section|select|span|style|summary|svg|table|tbody|td|th|thead|time|title|tr|ul"
)
ATTRIBUTES = re.compile(
    "aria-(hidden|label)|charset|class|content|data-(end|filter|outcome|start|value)|height|hidden|href|http-equiv|id"
    "|lang|name|placeholder|role|tabindex|title|type|value|width|x"
)
VOID = {"meta", "input", "br", "rect"}


class Page(HTMLParser):
    """Fails on a tag or attribute that no template holds, and on tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert TAGS.fullmatch(tag), tag
        for name, value in attrs:
            assert ATTRIBUTES.fullmatch(name), name
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page(
    *connections: Connection, secrets_shown: bool = False, limit: int = 500, title: str = "Demo", text: str = "8.4.3"
) -> str:
    out = io.StringIO()
    source = examples.source(len(connections))
    source.name = title
    with HtmlReport(out, title, secrets_shown=secrets_shown, limit=limit) as report:
        for one in connections:
            report.connection(one, examples.detail(text))
        report.close([source])
    return out.getvalue()


def parsed(html: str) -> Page:
    found = Page()
    found.feed(html)
    found.close()
    assert found.open == []
    assert found.scripts == 1
    assert len(set(found.ids)) == len(found.ids)
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    return found


def test_every_part_is_there() -> None:
    found = parsed(page(*examples.everything()))
    text = " ".join(" ".join(found.text).split())
    for part in (
        "5 MySQL connections to 1 server: 1 accepted, 2 rejected, 1 aborted before a verdict, 1 encrypted from TLS on.",
        "Most in need of attention: access-denied (2 connections).",
        "1045 (28000) Access denied for user 'report'@'192.168.56.1'",
        "10.11.6-MariaDB-1:10.11.6+maria~ubu2204",
        "caching_sha2_password to mysql_native_password",
        "TLS_AES_256_GCM_SHA384",
        "CLIENT_QUERY_ATTRIBUTES",
        "_client_version",
        "HandshakeResponse41",
        "0000 0a 38 2e 34 2e 33",
        "7 further packets left out.",
        "Passwords and tokens are masked.",
    ):
        assert part in text, part
    assert "c3p5" in found.ids
    assert {"#c1p4", "#c1p5"} <= set(found.links)  # frames 7 and 8, which the findings name


def test_policy_names_the_very_script_and_style() -> None:
    html = page(examples.accepted())
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        [body] = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy.replace("&#43;", "+")
    assert "unsafe" not in policy
    assert "http" not in html.replace("http-equiv", "")


def test_hostile_text_stays_text() -> None:
    html = page(examples.hostile(), title=examples.HOSTILE, text=examples.HOSTILE)
    found = parsed(html)
    assert r"\u202egnp" in html
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert "<script>alert(1)</script>" in "".join(found.text)


@settings(max_examples=15, deadline=None)
@given(ANY_TEXT)
def test_any_text(text: str) -> None:
    html = page(disguised(text), title=text, text=text)
    html.encode()
    parsed(html)
    assert html.replace("\n", "").isprintable()


def test_secrets_shown_is_said() -> None:
    assert "Secrets are shown." in page(examples.accepted(), secrets_shown=True)


def test_limit_keeps_errors_and_says_what_was_left_out() -> None:
    many = [examples.accepted(n) for n in range(30)] + [examples.rejected(n) for n in range(30, 60)]
    html = page(*many, limit=2)
    found = parsed(html)
    shown = [one for one in found.ids if re.fullmatch(r"c\d+", one)]
    assert shown == ["c0", "c1", "c30", "c31"]
    assert "56 connections of 60 left out here" in html
    assert "20 further connections not listed" in html
    assert "60 MySQL connections" in html


def test_captures_do_not_share_anchors() -> None:
    other = examples.accepted()
    other.capture = "second.pcap"
    found = parsed(page(examples.accepted(), other))
    assert {"c0", "c2-0"} <= set(found.ids)


def test_without_connections_and_without_detail() -> None:
    assert "No MySQL connection was found." in page()
    out = io.StringIO()
    report = HtmlReport(out, "Demo")
    assert report.wants(examples.accepted())
    report.connection(examples.accepted())
    report.close([examples.source(), examples.source(0, "b.pcap")])
    parsed(out.getvalue())
    assert "2 files, 2,468 frames" in out.getvalue()


def test_fields_nest_by_name_and_by_bytes() -> None:
    packet = examples.packet(1, "server", "HandshakeV10")
    assert [(depth, name) for depth, name, _ in nested(packet.fields)] == [
        (0, "payload_header"),
        (0, "capabilities"),
        (1, "CLIENT_PROTOCOL_41"),
        (1, "CLIENT_SSL"),
        (0, "text"),
    ]

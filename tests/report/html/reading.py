"""The page read back: its HTML, and what its blocks hold."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from html.parser import HTMLParser
from typing import Any

from analyzer.analysis.model.connection import Connection
from analyzer.report.html.manual import MANUAL
from analyzer.report.html.page import HtmlReport
from tests.report import examples

TAGS = re.compile(
    "a|article|b|body|br|code|dd|details|div|dl|dt|em|figcaption|figure|footer|form|g|h[1-4]|head|header|html|input|label"
    "|li|main|meta|nav|kbd|button|ol|output|p|path|pre|rect|script|section|small|span|style|summary|svg|table|tbody|td|text|th|thead"
    "|title|tr|ul"
)


ATTRIBUTES = re.compile(
    "aria-(hidden|label|labelledby)|autocomplete|charset|class|colspan|content|d|data-q|data-theme|focusable|height|hidden|href"
    "|http-equiv|id|lang|name|placeholder|rel|role|rx|ry|scope|stroke-width|spellcheck|tabindex|text-anchor|transform|type|viewbox"
    "|width|x|y"
)


VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """Fails on a tag or attribute that no template holds, and on tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.scripts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert TAGS.fullmatch(tag), tag
        for name, value in attrs:
            assert ATTRIBUTES.fullmatch(name), name
            if name == "id":
                self.ids.append(value or "")
            if name == "href":
                self.links.append(value or "")
        if tag == "script":
            self.scripts.append(dict(attrs).get("type"))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

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
    with HtmlReport(out, title, secrets_shown=secrets_shown, limit=limit, note=text) as report:
        for one in connections:
            report.connection(one, examples.detail(text))
        report.close([source])
    return out.getvalue()


def parsed(html: str) -> Page:
    found = Page()
    found.feed(html)
    found.close()
    assert found.open == []
    # One script runs; the others are data, which the policy does not even have to forbid.
    assert [kind for kind in found.scripts if kind not in ("application/json", "application/x-deflate")] == [None]
    assert len(set(found.ids)) == len(found.ids)
    manuals = {page for pages in MANUAL.values() for page in pages[1:]}
    for link in found.links:
        name = link.removeprefix("#").partition("?")[0]
        assert link in manuals or (link.startswith("#") and (name in found.ids or re.fullmatch(r"c(\d+-)?\d+", name)))
    return found


def blocks(html: str, kind: str) -> list[Any]:
    packed = re.findall(f'<script type="application/x-deflate" class="{kind}">([^<]*)</script>', html)
    return [json.loads(zlib.decompress(base64.b64decode(one))) for one in packed]


def data(html: str) -> dict[str, Any]:
    [text] = re.findall('<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found

"""Bytes of a capture file to every output, and what has to hold of each output whatever the bytes were."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import msgspec

from analyzer.analysis import Analysis, AnalysisOptions, Connection, ConnectionDetail, Source
from analyzer.capture import open_stream
from analyzer.engine.reading import Reading
from analyzer.errors import CaptureError
from analyzer.report.csv import COLUMNS
from analyzer.report.csv import encode as csv_line
from analyzer.report.html.manual import MANUAL
from analyzer.report.html.page import HtmlReport
from analyzer.report.jsonl import encode as json_line
from analyzer.report.text.connections import TextReport

# What a terminal acts on, what hides or reorders text, and what is no text.
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
# Numbers are written as they are; a negative one (a time before 1970) is no formula.
NUMBER = re.compile(r"-?[0-9]+")
# Attributes that make a browser load or run something.
ACTIVE = frozenset({"src", "srcset", "action", "formaction", "data", "background", "ping", "srcdoc"})


@dataclass
class Told:
    """What the analysis said of a capture; `refused` is the CaptureError's message, None where it was read."""

    lines: list[bytes] = field(default_factory=list)
    results: list[tuple[Connection, ConnectionDetail | None]] = field(default_factory=list)
    source: Source | None = None
    refused: str | None = None


def analyse(
    content: bytes, *, packets: int = 0, columns: bool = True, batch_bytes: int = 1 << 20, name: str = "capture"
) -> Told:
    """The whole line, from bytes to JSON lines. Only a CaptureError may come of bytes that are no capture."""
    told = Told()
    analysis = Analysis(name, AnalysisOptions(packets=packets, commands=packets > 0, columns=columns))
    try:
        with open_stream(io.BytesIO(content), name, batch_bytes=batch_bytes) as source:
            reading = Reading(analysis, source)
            for result in reading.results():
                told.results.append(result)  # one by one: what came before an error is kept
            told.source = reading.source()
    except CaptureError as error:
        told.refused = str(error)
    told.lines = [json_line(connection) for connection, _ in told.results]
    return told


def check_json(told: Told) -> None:
    """Each connection is one line of valid JSON."""
    for line in told.lines:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        msgspec.json.decode(line.decode("utf-8"))


def text_of(told: Told, *, width: int = 80, verbose: int = 3) -> str:
    """The text report, checked: nothing in it moves a cursor or hides text."""
    parts: list[str] = []
    report = TextReport(parts.append, width, False, verbose)
    report.begin(told.source.name if told.source else "capture")
    for connection, detail in told.results:
        report.connection(connection, detail)
    if told.source is not None:
        report.end(told.source)
    report.summary()
    text = "".join(parts)
    found = UNSAFE.search(text)
    assert found is None, f"{found.group()!r} in the text report"
    text.encode()
    return text


def csv_of(told: Told) -> list[list[str]]:
    """The rows of the CSV, checked: no cell is a formula, each connection is one row."""
    lines = [csv_line(connection).decode() for connection, _ in told.results]
    for line in lines:
        assert UNSAFE.search(line.removesuffix("\r\n")) is None
    rows = list(csv.reader(io.StringIO("".join(lines), newline="")))
    assert len(rows) == len(told.results)
    for row in rows:
        assert len(row) == len(COLUMNS)
        for cell in row:
            assert not cell.startswith(FORMULAS) or NUMBER.fullmatch(cell), cell
    return rows


MANUALS = {address for pages in MANUAL.values() for address in pages[1:]}
DATA = {"application/json", "application/x-deflate"}


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def html_of(told: Told, title: str = "capture") -> Page:
    """The HTML page, checked: one script and one style of our own, nothing is loaded, no handlers."""
    out = io.StringIO()
    with HtmlReport(out, title) as report:
        for connection, detail in told.results:
            report.connection(connection, detail)
        report.close([told.source] if told.source else [])
    text = out.getvalue()
    text.encode()
    page = Page()
    page.feed(text)
    page.close()
    # Blocks of data are script elements that no browser runs.
    kinds = [value for name, value in page.attributes if name == "type" and value in DATA]
    assert page.tags.count("script") - len(kinds) <= 1
    assert page.tags.count("style") <= 1
    assert not {"iframe", "img", "object", "embed", "base", "link", "animate"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on"), name
        assert name not in ACTIVE, name
        if name == "href":
            assert (value or "").startswith("#") or value in MANUALS, value
    found = UNSAFE.search("".join(page.text).replace("\t", " "))
    assert found is None, f"{found.group()!r} in the page"
    return page


def check_all(told: Told) -> None:
    """Every output of one analysis."""
    check_json(told)
    text_of(told)
    csv_of(told)
    html_of(told)

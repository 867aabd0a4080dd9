"""The page: one self-contained HTML file that opens from disk, with no network and also without JavaScript.

The summary stands on top but is known last, so rows and connections wait in temporary files and memory stays bounded.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TextIO

import jinja2
from markupsafe import Markup, escape

from analyzer.analysis.model import Connection, ConnectionDetail, Source
from analyzer.report import labels
from analyzer.report.dump import hex_lines, nested
from analyzer.report.escape import terminal
from analyzer.report.layout import clip
from analyzer.report.summary import Totals, captured

LIMIT = 500
_ROWS_PER_LIMIT = 20  # rows are small: so many of them for each connection that the limit allows in full
_CELL = 48  # characters of a cell in the table of connections
_CHUNK = 1 << 16


def _shown(value: object) -> object:
    """What a template prints: all text is made safe to look at, and autoescape then makes it safe as HTML."""
    if value is None:
        return "-"
    return terminal(value) if type(value) is str else value


def capabilities(connection: Connection) -> list[tuple[str, bool, bool]]:
    """(name, offered by the server, asked for by the client); in force is what both did."""
    offered = connection.greeting.capabilities if connection.greeting else []
    asked = connection.login.capabilities if connection.login else []
    return [(name, name in offered, name in asked) for name in dict.fromkeys([*offered, *asked])]


def shares(parts: Sequence[tuple[str, int | None]]) -> list[tuple[str, str, str]]:
    """(name, start, width) in percent, for a bar of which each part takes its share."""
    total = sum(number or 0 for _, number in parts) or 1
    at = 0
    bars: list[tuple[str, str, str]] = []
    for name, number in parts:
        bars.append((name, f"{100 * at / total:.2f}", f"{100 * (number or 0) / total:.2f}"))
        at += number or 0
    return bars


def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("analyzer.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(labels=labels, capabilities=capabilities, shares=shares, nested=nested)
    env.filters["brief"] = lambda text: clip(terminal(text), _CELL)
    env.filters["hex_lines"] = lambda data: escape("\n".join(hex_lines(data)))
    return env


def _hash(text: str) -> str:
    """For the page's content security policy: only this very text may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class HtmlReport:
    """Collects connections with `connection(...)` and writes the whole page to `file` at `close(sources)`.

    `file` is open for writing text in UTF-8, and stays open. The first `limit` connections are shown in full, beyond
    them, up to twice as many, those with an error; of the rest there is a row, or at least a number. `secrets_shown`
    only decides what the page says: masking is done before. `wants` tells whether a detail is worth making. As
    a context manager it throws the temporary files away, also where `close` was not reached.
    """

    def __init__(self, file: TextIO, title: str, *, secrets_shown: bool = False, limit: int = LIMIT) -> None:
        self._file = file
        self._title = title
        self._secrets_shown = secrets_shown
        self._limit = limit
        self._env = _environment()
        self._row = self._env.get_template("row.html")
        self._section = self._env.get_template("connection.html")
        self._totals = Totals()
        self._captures: dict[str, int] = {}
        self._rows = self._full = 0
        self._anchors: set[str] = set()
        self._spools = ExitStack()
        self._row_spool = self._spools.enter_context(_spool())
        self._section_spool = self._spools.enter_context(_spool())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._spools.close()

    def wants(self, connection: Connection) -> bool:
        """Whether the next connection, if it is this one, will be shown in full."""
        if self._full < self._limit:
            return True
        failed = connection.error is not None or any(one.severity == "error" for one in connection.findings)
        return failed and self._full < 2 * self._limit

    def connection(self, connection: Connection, detail: ConnectionDetail | None = None) -> None:
        """One connection, in the order in which they are to be shown."""
        self._totals.add(connection)
        anchor = self._anchor(connection)
        full = self.wants(connection)
        if self._rows < self._limit * _ROWS_PER_LIMIT:
            self._rows += 1
            self._row_spool.write(self._row.render(c=connection, anchor=anchor if full else None))
        if full:
            self._full += 1
            self._anchors.add(anchor)
            self._section_spool.write(self._section.render(c=connection, detail=detail, anchor=anchor))

    def close(self, sources: Sequence[Source]) -> None:
        """Writes the page. `sources` are the captures that were read."""
        loader = self._env.get_template
        style, script = (loader(name).render() for name in ("style.css", "page.js"))
        totals = self._totals
        findings = [
            (one, [(c.stream, self._anchor(c)) for c in one.examples if self._anchor(c) in self._anchors])
            for one in totals.findings()
        ]
        with self._spools:
            page = loader("page.html").generate(
                title=self._title,
                sources=sources,
                captured=captured(sources),
                totals=totals,
                findings=findings,
                rows=_chunks(self._row_spool),
                sections=_chunks(self._section_spool),
                rows_left_out=totals.connections - self._rows,
                sections_left_out=totals.connections - self._full,
                several=len(self._captures) > 1,
                secrets_shown=self._secrets_shown,
                style=Markup(style),
                script=Markup(script),
                style_hash=_hash(style),
                script_hash=_hash(script),
            )
            for piece in page:
                self._file.write(piece)

    def _anchor(self, connection: Connection) -> str:
        """c12, or c2-12 in the second capture."""
        number = self._captures.setdefault(connection.capture, len(self._captures) + 1)
        return f"c{connection.stream}" if number == 1 else f"c{number}-{connection.stream}"


def _spool() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="")


def _chunks(spool: TextIO) -> Iterator[Markup]:
    """What was rendered before, and so is HTML already."""
    spool.seek(0)
    while chunk := spool.read(_CHUNK):
        yield Markup(chunk)

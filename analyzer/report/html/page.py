"""The page: one self-contained HTML file that opens from disk, with no network, and is read without JavaScript too.

What is said of each connection is JSON, compressed in blocks of many connections (alike as they are, they take little),
which the page's script unpacks when they are looked at. Beside that stands a bounded part as plain HTML, for readers
without JavaScript. The summary stands on top but is known last, so blocks wait in a temporary file and memory stays
bounded.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from importlib import resources
from types import TracebackType
from typing import Any, Final, Self, TextIO

import jinja2
import msgspec
from markupsafe import Markup, escape
from msgspec.structs import replace

from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.report.escape import terminal
from analyzer.report.html.charts import pictures
from analyzer.report.html.connection_view import (
    COLUMNS,
    LONGEST_CELL,
    VIEW_NAMES,
    Memo,
    View,
    encoded,
    joined,
    row,
    view,
)
from analyzer.report.html.manual import CAPABILITY_MEANINGS, MANUAL, manual
from analyzer.report.html.packets import FIELD_COLUMNS, PACKET_COLUMNS, packet_columns
from analyzer.report.prose import labels
from analyzer.report.prose.chart_data import PHASES, ChartData
from analyzer.report.prose.summary import SummaryTotals, captured
from analyzer.report.text.hexdump import hex_lines
from analyzer.report.text.layout import clip

LIMIT: Final = 500
THEMES: Final = ("auto", "light", "dark")
# Rows of the table; what is beyond is counted only.
MOST_ROWS: Final = 100_000
# Compressed bytes of packets in one page; connections after that keep everything but their packets.
MOST_BYTES: Final = 9 << 20
ROWS_PER_BLOCK: Final = 5000
VIEWS_PER_BLOCK: Final = 200
PACKETS_PER_BLOCK: Final = 100
BLOCK_BYTES: Final = 2 << 20  # of JSON, before it is compressed
LEVEL: Final = 3
# What stands in the page as plain HTML.
STATIC_ROWS: Final = 200
STATIC_BYTES: Final = 240 << 10
STATIC_CANDIDATES: Final = 12
STATIC_PACKETS: Final = 100  # of one connection
STATIC_COMMANDS: Final = 40
_CHUNK: Final = 1 << 16
SCRIPTS: Final = ("unpack.js", "table.js", "connection.js", "panes.js", "page.js")

# Packets that were to be kept and never came.
NO_PACKETS: Final = [*[b"[]"] * (PACKET_COLUMNS + FIELD_COLUMNS), b'[0,""]', b"[]"]

_encode = msgspec.json.Encoder().encode


class Entry(msgspec.Struct):
    """A connection made ready for the page, in whichever process found it.

    `row`, `view` and `packets` hold the JSON of each value of the functions of html_view; `packets` may be empty.
    """

    connection: Connection
    row: list[bytes]
    view: list[bytes]
    packets: list[bytes]


class Prepare:
    """Makes entries; used in each process, and knows only what that process has seen.

    `wants` is asked before packets are worked out. They are wanted of the first `limit` connections, and of the first
    `limit` with each kind of error or warning: many that fail alike are not worth the room, one that fails in its own
    way is.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._seen = 0
        self._faults: Counter[str] = Counter()
        self._memo: Memo = {}

    def wants(self, connection: Connection) -> bool:
        """Whether the packets of this connection are to be worked out. Asked once of each, in any order."""
        self._seen += 1
        # Connections come as they end: one that comes late may yet be among the first by its number.
        return self.rare(connection) or self._seen <= self.limit or connection.stream < self.limit

    def rare(self, connection: Connection) -> bool:
        """Whether it is one of the first with something that is wrong with it."""
        wrong = False
        for code in faults(connection):
            self._faults[code] += 1
            wrong |= self._faults[code] <= self.limit
        return wrong

    def entry(self, result: tuple[Connection, ConnectionDetail | None]) -> Entry:
        """A connection made ready."""
        connection, detail = result
        said = encoded(view(connection, self._memo).values())
        packets = [] if detail is None else self.columns(connection, detail)
        return Entry(_slim(connection), encoded(row(connection)), said, packets)

    def packets(self, result: tuple[Connection, ConnectionDetail | None]) -> tuple[str, int, list[bytes]]:
        """(capture, first frame, packets) of a connection whose entry was made before, in an earlier reading."""
        connection, detail = result
        columns = [] if detail is None else self.columns(connection, detail)
        return connection.capture, connection.first_frame, columns

    def columns(self, connection: Connection, detail: ConnectionDetail) -> list[bytes]:
        return encoded(packet_columns(connection, detail))


def faults(connection: Connection) -> set[str]:
    """Codes of the errors and warnings of a connection; an error of the server without a finding is one too."""
    found = {one.code for one in connection.findings if labels.rank(one.severity) <= 1}
    return found or ({str(connection.error.code)} if connection.error is not None else set())


def _slim(c: Connection) -> Connection:
    """The connection without the long lists that its entry says already: it may go from one process to another."""
    greeting = None if c.greeting is None else replace(c.greeting, capabilities=[], status_flags=[])
    login = None if c.login is None else replace(c.login, capabilities=[], attributes=None)
    auth = None if c.authentication is None else replace(c.authentication, steps=[], switches=[])
    return replace(c, greeting=greeting, login=login, authentication=auth, commands={})


class _Static(msgspec.Struct):
    """A connection that may stand in the page as plain HTML."""

    anchor: str
    faulty: bool
    view: list[bytes]
    packets: list[bytes]


class _Blocks:
    """Blocks of the page, each of many connections: [the first value of each], [the second of each] ...

    What is alike stands side by side that way. `starts` holds the number of the first connection of each block.
    """

    def __init__(self, spool: TextIO, kind: str, connections: int) -> None:
        self.starts: list[int] = []
        self.count = 0
        self.packed = 0  # bytes in the page
        self._spool = spool
        self._kind = kind
        self._connections = connections
        self._columns: list[list[bytes]] = []
        self._size = 0

    def add(self, values: list[bytes]) -> None:
        """One more connection: the JSON of each of its values."""
        if not self._columns:
            self.starts.append(self.count)
            self._columns = [[] for _ in values]
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
            self._size += len(value)
        self.count += 1
        if self._size >= BLOCK_BYTES or len(self._columns[0]) >= self._connections:
            self.end()

    def end(self) -> None:
        """Writes what there is as a block: an element that browsers take for data."""
        if not self._columns:
            return
        content = b"[" + b",\n".join(b"[" + b",".join(column) + b"]" for column in self._columns) + b"]"
        packed = base64.b64encode(zlib.compress(content, LEVEL)).decode()
        self._spool.write(f'<script type="application/x-deflate" class="{self._kind}">{packed}</script>\n')
        self.packed += len(packed)
        self._columns = []
        self._size = 0


def _shown(value: object) -> object:
    """What a template prints: all text is made safe to look at, and autoescape then makes it safe as HTML."""
    if value is None:
        return "-"
    return terminal(value) if type(value) is str else value


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Keeps compiled templates for the next page; one that can not be kept is compiled again."""

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _compiled() -> _Compiled | None:
    """In a directory below the system's for temporary files that is this user's alone, as jinja2 sees to."""
    try:
        return _Compiled()
    except (OSError, RuntimeError):
        return None


def environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("analyzer.report.html"),
        bytecode_cache=_compiled(),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        labels=labels,
        manual=manual,
        meanings=list(CAPABILITY_MEANINGS.items()),
        shares=shares,
        phase_class=phase_class,
        br=Markup("<br>"),
    )
    env.filters["brief"] = lambda text: clip(terminal(text), LONGEST_CELL)
    env.filters["hex_lines"] = lambda digits: escape("\n".join(hex_lines(bytes.fromhex(digits))))
    env.filters["ms"] = lambda ns: f"{ns / 1e6:,.3f}"
    return env


def shares(parts: Sequence[tuple[str, int]]) -> list[tuple[str, str, str]]:
    """(name, start, width) in percent, for a bar of which each part takes its share."""
    total = sum(number for _, number in parts) or 1
    at = 0
    bars: list[tuple[str, str, str]] = []
    for name, number in parts:
        bars.append((name, f"{100 * at / total:.2f}", f"{100 * number / total:.2f}"))
        at += number
    return bars


def phase_class(name: str) -> str:
    """The class that gives a phase its colour, here and in the pictures."""
    return f"phase{[phase for phase, _ in PHASES].index(name)}"


def asset(name: str) -> str:
    """A style sheet or script of the project, as it is."""
    return resources.files("analyzer.report.html").joinpath("assets", name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """The page's content security policy: nothing from anywhere, and only this very style and script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json_in_html(value: object) -> Markup:
    """JSON that can stand in a script element: no character of it can end that."""
    text = _encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


class HtmlReport:
    """Collects connections and writes the whole page to `file` at `close(sources)`.

    `file` is open for writing text in UTF-8, and stays open. The first `limit` connections keep their packets, and the
    first with each kind of error or warning, as far as MOST_BYTES go; all others keep everything else.
    `secrets_shown` only decides what the page says: masking is done before. As a context manager it throws the
    temporary file away, also where `close` was not reached.
    """

    def __init__(
        self,
        file: TextIO,
        title: str,
        *,
        secrets_shown: bool = False,
        limit: int = LIMIT,
        theme: str = "auto",
        note: str | None = None,
    ) -> None:
        self._file = file
        self._title = title
        self._note = note
        self._theme = theme
        self._secrets_shown = secrets_shown
        self._limit = limit
        self._env = environment()
        self._prepare = Prepare(limit)
        self._again = Prepare(limit)  # decides anew, where other processes saw only their share
        self._totals = SummaryTotals()
        self._statistics = ChartData()
        self._captures: dict[str, int] = {}
        self._anchors: list[str] = []
        self._kept = 0  # connections that are to keep their packets
        self._with_packets = 0  # and those that do
        self._missing: dict[str, dict[int, int]] = {}  # capture -> first frame -> number among those kept
        self._static: dict[int, _Static] = {}  # by the number among those kept
        self._static_rows: list[list[Any]] = []
        self._spools = ExitStack()
        spools = [self._spools.enter_context(_spool()) for _ in range(3)]
        self._rows = _Blocks(spools[0], "rows", ROWS_PER_BLOCK)
        self._views = _Blocks(spools[1], "views", VIEWS_PER_BLOCK)
        self._packets = _Blocks(spools[2], "packets", PACKETS_PER_BLOCK)
        self._all_spools = spools

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._spools.close()

    def connection(self, connection: Connection, detail: ConnectionDetail | None = None) -> None:
        """One connection, in the order in which they are to be shown."""
        self.add(self._prepare.entry((connection, detail)))

    def add(self, entry: Entry) -> None:
        """One connection that was made ready before, in order."""
        connection = entry.connection
        self._totals.add(connection)
        self._statistics.add(connection)
        number = self._rows.count
        faulty = self._again.rare(connection)
        if number >= MOST_ROWS:
            return
        anchor = self.anchor(connection)
        kept = -1
        if number < self._limit or faulty:
            kept = self._kept
            self._kept += 1
            if sum(one.faulty == faulty for one in self._static.values()) < STATIC_CANDIDATES:
                self._static[kept] = _Static(anchor, faulty, entry.view, [])
            if entry.packets:
                self._put(kept, entry.packets)
            else:
                self._missing.setdefault(connection.capture, {}).setdefault(connection.first_frame, kept)
        self._views.add(entry.view)
        self._rows.add([*entry.row, _encode(anchor), _encode(kept)])
        if len(self._static_rows) < STATIC_ROWS:
            self._static_rows.append([*map(msgspec.json.decode, entry.row), anchor])

    @property
    def missing(self) -> dict[str, frozenset[int]]:
        """First frames, by capture, of the connections whose packets have not come: for a second reading."""
        return {capture: frozenset(frames) for capture, frames in self._missing.items() if frames}

    def packets(self, capture: str, first_frame: int, columns: list[bytes]) -> None:
        """The packets of a connection that was added without them, in the order in which they were added."""
        kept = self._missing.get(capture, {}).pop(first_frame, None)
        if kept is not None and columns:
            self._put(kept, columns)

    def _put(self, kept: int, columns: list[bytes]) -> None:
        if self._packets.packed >= MOST_BYTES:
            return
        while self._packets.count < kept:
            self._packets.add(NO_PACKETS)
        self._packets.add(columns)
        self._with_packets += 1
        if kept in self._static:
            self._static[kept].packets = columns

    def close(self, sources: Sequence[Source]) -> None:
        """Writes the page. `sources` are the captures that were read."""
        for blocks in (self._rows, self._views, self._packets):
            blocks.end()
        style = asset("style.css")
        script = '(() => {\n"use strict";\n' + "".join(map(asset, SCRIPTS)) + "})();\n"
        totals = self._totals
        findings = [(one, [(c.stream, self.anchor(c)) for c in one.examples]) for one in totals.findings()]
        with self._spools:
            page = self._env.get_template("page.html").generate(
                title=self._title,
                note=self._note,
                theme=self._theme,
                sources=sources,
                captured=captured(sources),
                totals=totals,
                statistics=self._statistics,
                findings=findings,
                severities=_by_severity(totals),
                pictures=pictures(self._statistics),
                columns=COLUMNS,
                static_rows=self._static_rows,
                static=list(self._static_views()),
                rows_left_out=totals.connections - self._rows.count,
                with_packets=self._with_packets,
                several=len(self._captures) > 1,
                secrets_shown=self._secrets_shown,
                data=_json_in_html(self._data()),
                blocks=_chunks(self._all_spools),
                policy=policy(style, script),
                style=Markup(style),
                script=Markup(script),
            )
            for piece in page:
                self._file.write(piece)

    def _data(self) -> View:
        """What the script needs to know before it unpacks anything."""
        return {
            "columns": COLUMNS,
            "total": self._totals.connections,
            "rows": self._rows.count,
            "several": len(self._captures) > 1,
            "names": VIEW_NAMES,
            "kept": self._packets.count,
            "starts": {"views": self._views.starts, "packets": self._packets.starts},
            "capabilities": list(CAPABILITY_MEANINGS.items()),
            "manual": MANUAL,
            "masked": not self._secrets_shown,
        }

    def _static_views(self) -> Iterator[View]:
        """The connections that stand in the page as HTML: those with something wrong first, in order, within bounds."""
        left = STATIC_BYTES
        ready = {number: one for number, one in self._static.items() if one.packets}
        chosen: dict[int, View] = {}
        for number in sorted(ready, key=lambda number: (not ready[number].faulty, number)):
            found = _static(ready[number])
            # HTML takes about two and a half times the room of the JSON.
            size = len(_encode(found)) * 5 // 2
            if size <= left:
                left -= size
                chosen[number] = found
        for number in sorted(chosen):
            yield chosen[number]

    def anchor(self, connection: Connection) -> str:
        """c12, or c2-12 in the second capture."""
        number = self._captures.setdefault(connection.capture, len(self._captures) + 1)
        return f"c{connection.stream}" if number == 1 else f"c{number}-{connection.stream}"


def _static(one: _Static) -> View:
    """A connection as plain HTML has it: of a long one the beginning."""
    found: View = {"id": one.anchor, **joined(one.view, one.packets)}
    packets, commands = found["packets"], found["commands"]
    if len(packets) > STATIC_PACKETS:
        found["left_out"] += len(packets) - STATIC_PACKETS
        found["packets"] = packets[:STATIC_PACKETS]
    if len(commands) > STATIC_COMMANDS:
        found["commands"] = commands[:STATIC_COMMANDS]
        found["listed"] = f"The first {STATIC_COMMANDS}; with JavaScript this page lists {len(commands)}."
    return found


def _by_severity(totals: SummaryTotals) -> list[tuple[str, int, int]]:
    """(severity, kinds of findings, connections with the most frequent of them), worst first."""
    found = []
    for severity in labels.SEVERITIES:
        kinds = [one for one in totals.findings() if one.severity == severity]
        if kinds:
            found.append((severity, len(kinds), sum(one.times for one in kinds)))
    return found


def _spool() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="ascii", newline="")


def _chunks(spools: Sequence[TextIO]) -> Iterator[Markup]:
    """What was made before, and holds nothing to escape."""
    for spool in spools:
        spool.seek(0)
        while chunk := spool.read(_CHUNK):
            yield Markup(chunk)

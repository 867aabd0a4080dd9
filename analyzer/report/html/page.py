"""The page: one self-contained HTML file that opens from disk, with no network, and is read without JavaScript too.

What is said of each connection is JSON, compressed in blocks of many connections (alike as they are, they take little),
which the page's script unpacks when they are looked at. Beside that stands a bounded part as plain HTML, for readers
without JavaScript. The summary stands on top but is known last, so blocks wait in a temporary file and memory stays
bounded.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from types import TracebackType
from typing import Final, Self, TextIO

import jinja2
import msgspec
from markupsafe import Markup, escape

from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.connection.kinds import FIRST, STREAM
from analyzer.analysis.model.connection import Connection, Source
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.report.escape import terminal
from analyzer.report.html.blocks import PageBlocks
from analyzer.report.html.connection_view import COLUMNS, LONGEST_CELL, VIEW_NAMES, View
from analyzer.report.html.manual import CAPABILITY_MEANINGS, MANUAL, manual
from analyzer.report.html.overview import Overview
from analyzer.report.html.packets import FIELD_COLUMNS, PACKET_COLUMNS
from analyzer.report.html.prepare import AlikeEntry, Entry, Later, Prepare, faults, faults_of
from analyzer.report.html.static_part import StaticPart
from analyzer.report.prose import labels
from analyzer.report.prose.chart_data import PHASES
from analyzer.report.text.hexdump import hex_lines
from analyzer.report.text.layout import clip

LIMIT: Final = 500
THEMES: Final = ("auto", "light", "dark")
# Rows of the table; what is beyond is counted only.
MOST_ROWS: Final = 100_000
# Compressed bytes of packets in one page; connections after that keep everything but their packets.
MOST_BYTES: Final = 9 << 20
SCRIPTS: Final = ("unpack.js", "table.js", "connection.js", "panes.js", "page.js")
# What stands above the table, in its order.
PARTS: Final = ("summary", "contents", "findings", "failures", "workload", "pictures")

# Packets that were to be kept and never came.
NO_PACKETS: Final = [*[b"[]"] * (PACKET_COLUMNS + FIELD_COLUMNS), b'[0,""]', b"[]"]

_encode = msgspec.json.Encoder().encode


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
        auto_reload=False,  # the user that a live analysis becomes may not be able to look
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
        parts=PARTS,
        served=None,
        waiting="",
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


def script_of(names: Sequence[str]) -> str:
    """Scripts of the project as one, whose names are its own."""
    return '(() => {\n"use strict";\n' + "".join(map(asset, names)) + "})();\n"


def policy(style: str, script: str, more: str = "") -> str:
    """The page's content security policy: nothing from anywhere, and only this very style and script."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
        f"form-action 'none'{more}"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def json_in_html(value: object) -> Markup:
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
        self._overview = Overview()
        self._kept = 0  # connections that are to keep their packets
        self._with_packets = 0  # and those that do
        self._missing: dict[str, dict[int, int]] = {}  # capture -> first frame -> number among those kept
        self._static = StaticPart()
        self._blocks = PageBlocks()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._blocks.close()

    def connection(self, connection: Connection, detail: ConnectionDetail | None = None) -> None:
        """One connection, in the order in which they are to be shown."""
        self.add(self._prepare.entry((connection, detail)))

    def add(self, entry: Entry | AlikeEntry) -> None:
        """One connection that was made ready before, in order."""
        if isinstance(entry, AlikeEntry):
            alike = entry.alike
            self._overview.add_alike(alike)
            faulty = self._again.rare(faults_of(alike))
            connection, packets = alike.kind.connection, []
            stream, first = alike.row[STREAM], alike.row[FIRST]
        else:
            connection, packets = entry.connection, entry.packets
            self._overview.add(connection)
            faulty = self._again.rare(faults(connection))
            stream, first = connection.stream, connection.first_frame
        number = self._blocks.rows.count
        if number >= MOST_ROWS:
            return
        anchor = self._overview.anchor(connection.capture, stream)
        kept = -1
        if number < self._limit or faulty:
            kept = self._kept
            self._kept += 1
            self._static.add(kept, anchor, faulty, entry.view)
            if packets:
                self._put(kept, packets)
            else:
                self._missing.setdefault(connection.capture, {}).setdefault(first, kept)
        self._blocks.views.add(entry.view)
        self._blocks.rows.add([*entry.row, _encode(anchor), _encode(kept)])
        self._static.add_row(entry.row, anchor)

    def workload(self, workload: Workload) -> None:
        """What the commands of connections came to; called any number of times, in any order."""
        self._overview.workload(workload)

    @property
    def missing(self) -> dict[str, frozenset[int]]:
        """First frames, by capture, of the connections whose packets have not come: for a second reading."""
        return {capture: frozenset(frames) for capture, frames in self._missing.items() if frames}

    def awaits(self, capture: str) -> bool:
        """Whether packets of connections of a capture have not come."""
        return bool(self._missing.get(capture))

    def packets(self, later: Later) -> None:
        """The packets of a connection that was added without them, in the order in which they were added."""
        kept = self._missing.get(later.capture, {}).pop(later.first_frame, None)
        if kept is not None and later.packets:
            self._put(kept, later.packets)

    def _put(self, kept: int, columns: list[bytes]) -> None:
        packets = self._blocks.packets
        if packets.packed >= MOST_BYTES:
            return
        while packets.count < kept:
            packets.add(NO_PACKETS)
        packets.add(columns)
        self._with_packets += 1
        self._static.packets(kept, columns)

    def close(self, sources: Sequence[Source]) -> None:
        """Writes the page. `sources` are the captures that were read."""
        self._blocks.end()
        style, script = asset("style.css"), script_of(SCRIPTS)
        totals = self._overview.totals
        try:
            page = self._env.get_template("page.html").generate(
                title=self._title,
                note=self._note,
                theme=self._theme,
                **self._overview.values(sources),
                columns=COLUMNS,
                static_rows=self._static.rows,
                static=list(self._static.views()),
                rows_left_out=totals.connections - self._blocks.rows.count,
                with_packets=self._with_packets,
                several=self._overview.several,
                secrets_shown=self._secrets_shown,
                data=json_in_html(self._data()),
                blocks=self._blocks.chunks(),
                policy=policy(style, script),
                style=Markup(style),
                script=Markup(script),
            )
            for piece in page:
                self._file.write(piece)
        finally:
            self._blocks.close()

    def _data(self) -> View:
        """What the script needs to know before it unpacks anything."""
        return {
            "columns": COLUMNS,
            "total": self._overview.totals.connections,
            "rows": self._blocks.rows.count,
            "several": self._overview.several,
            "names": VIEW_NAMES,
            "kept": self._blocks.packets.count,
            "starts": {"views": self._blocks.views.starts, "packets": self._blocks.packets.starts},
            "capabilities": list(CAPABILITY_MEANINGS.items()),
            "manual": MANUAL,
            "masked": not self._secrets_shown,
        }

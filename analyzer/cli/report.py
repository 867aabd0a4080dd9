"""`handshark report`."""

from __future__ import annotations

import argparse
import io
import os
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.commands.workload import Workload
from analyzer.cli.arguments import (
    Commands,
    captures,
    clock_argument,
    command,
    options_of,
    positive,
    processes,
    redact_argument,
)
from analyzer.cli.console import Again, Console, complain, note_encrypted
from analyzer.cli.filter_argument import filter_argument, jobs_of
from analyzer.cli.output import written
from analyzer.engine.collectors import Rendering, connection_alone, connections
from analyzer.engine.jobs import PAGE
from analyzer.engine.run import Run
from analyzer.engine.workload_collector import with_workload
from analyzer.report.prose.clock import UTC_CLOCK

PACKETS = 200
# Endings of captures, and of what they are compressed with.
ENDINGS: Final = (".gz", ".zst", ".lz4", ".pcapng", ".pcap", ".cap")
READ_AHEAD: Final = 4096
THEMES = ("auto", "light", "dark")

EXAMPLES = """examples:
  handshark report capture.pcapng                                 # writes capture.html
  handshark report capture.pcapng -o out.html --open              # and shows it in the browser
  handshark report --title "Login storm, 3 May" --note "Seen from db1" --limit 100 storm.pcap -o storm.html
  handshark report capture.pcapng --format md                     # to paste into a ticket
  handshark report --diff before.pcapng after.pcapng -o diff.html # what changed with the upgrade
"""

# Bytes of captures that are read once, with the packets of all connections.
READ_ONCE: Final = 1 << 20


class _NothingRead(Exception):
    """A source that is needed could not be read: there is nothing to report."""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "report",
        "an HTML page",
        "Writes one self-contained HTML page about the captures, or a text for a ticket.",
        EXAMPLES,
    )
    parser.set_defaults(wrong=parser.error)  # exits with 2
    captures(parser)
    redact_argument(parser)
    filter_argument(parser, "only connections for which it holds, or one of whose packets it holds for")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="where to (default: the capture's name with .html, in this directory; for md standard output)",
    )
    parser.add_argument("--open", action="store_true", help="show the page in the browser when it is written")
    parser.add_argument("--format", choices=("html", "md"), default="html", help="default: html")
    clock_argument(parser, "times of --format md: UTC (default), local, +02:00, Europe/Berlin ...")
    parser.add_argument("--title", help="default: the names of the captures")
    parser.add_argument("--note", help="a remark under the title")
    parser.add_argument("--theme", choices=THEMES, default="auto", help="default: auto, as the reader's system has it")
    parser.add_argument(
        "--limit", type=positive, default=500, metavar="N", help="connections with their packets (default: 500)"
    )
    parser.add_argument("--diff", action="store_true", help="compare two captures: what changed from the first")
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if arguments.open and (arguments.format != "html" or arguments.output == "-"):
        arguments.wrong("--open shows a page: it goes with --format html, and a file")
    if arguments.tz is not UTC_CLOCK and (arguments.format != "md" or arguments.diff):
        arguments.wrong("--tz is of --format md: the times of a page are UTC")
    if arguments.diff and (len(arguments.captures) != 2 or arguments.merge):
        arguments.wrong("--diff compares two captures: handshark report --diff BEFORE AFTER -o FILE.html")
    page = arguments.format == "html" and not arguments.diff
    options = options_of(arguments, PACKETS if page else 0)
    if options is None:
        return 2
    write = _page if page else _difference if arguments.diff else _text
    try:
        code = written(arguments, partial(write, arguments, options))
    except _NothingRead as error:
        return int(error.args[0])
    if not code and arguments.named:
        complain(f"written: {arguments.output}")
    if not code and arguments.open:
        _show(arguments.output)
    return code


def settle(arguments: argparse.Namespace) -> None:
    """Names the page where nobody did."""
    arguments.named = arguments.output is None and arguments.format == "html"
    if not arguments.named:
        return
    names = [_stem(name) for name in arguments.captures]
    arguments.output = f"{'-'.join(names[:2]) if arguments.diff else names[0]}.html"
    if os.path.lexists(arguments.output) and not _is_ours(arguments.output):
        arguments.wrong(
            f"{arguments.output} is there, and is no report of handshark's: -o FILE.html says where to write"
        )


def _stem(name: str) -> str:
    """The name of a capture without folders and endings."""
    base = os.path.basename(name.rstrip("/"))
    for ending in (*ENDINGS, *ENDINGS):
        base = base.removesuffix(ending)
    return base if base not in ("", "-") else "report"


def _is_ours(name: str) -> bool:
    """Whether a file is a page that this command has made."""
    try:
        with open(name, "rb") as file:
            return b'<meta name="generator" content="handshark">' in file.read(READ_AHEAD)
    except OSError:
        return False


def _show(name: str) -> None:
    import webbrowser

    try:
        shown = webbrowser.open(Path(name).resolve().as_uri())
    except webbrowser.Error:
        shown = False
    if not shown:
        complain(f"note: there is no browser that can be opened; {name} can be opened in any")


def _title(arguments: argparse.Namespace) -> str:
    if arguments.title:
        return str(arguments.title)
    names = [os.path.basename(name) if name != "-" else "standard input" for name in arguments.captures]
    if arguments.diff:
        return f"{names[0]} and {names[1]}"
    return ", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more"


def _page(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.report.html.page import HtmlReport
    from analyzer.report.html.prepare import AlikeEntry, Entry, Prepare

    options = replace(options, commands=True)
    prepare = Prepare(arguments.limit)
    # What can be read twice is, where it is not small: which connections are worth their packets is known at the end,
    # and looking at those of all would take far longer.
    twice = all(os.path.isfile(name) for name in arguments.captures)
    twice = twice and sum(os.path.getsize(name) for name in arguments.captures) > READ_ONCE
    first = replace(options, packets=0) if twice else replace(options, wanted=prepare.wants)
    collect = with_workload(arguments.filter, Rendering(prepare.entry, alike=prepare.alike), statements=True)
    sources: Run[Entry | AlikeEntry | Workload] = Run(first, collect, jobs_of(arguments), Console())
    sources.work = PAGE
    file = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    with HtmlReport(
        file,
        _title(arguments),
        secrets_shown=arguments.show_secrets,
        limit=arguments.limit,
        theme=arguments.theme,
        note=arguments.note,
    ) as page:
        for _, entries in sources.each(arguments.captures, arguments.merge):
            for entry in entries:
                if isinstance(entry, Workload):
                    page.workload(entry)
                else:
                    page.add(entry)
        if not sources.sources:
            # Raised, so that the page that may be there already is not replaced.
            raise _NothingRead(sources.code or 3)
        if twice and not sources.interrupted:
            for name, frames in page.missing.items():
                names = arguments.captures if arguments.merge else [name]
                only = replace(options, only=frames)
                again = Run(only, connections(None, prepare.packets), arguments.jobs, Again())
                for _, found in again.each(names, arguments.merge):
                    for later in found:
                        page.packets(later)
                        # They are among the first of a large capture: nobody asks for the rest of it.
                        if not page.awaits(name):
                            break
        page.close(sources.sources)
    file.detach()
    return sources.code


def _text(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.report.markdown import MarkdownReport

    report = MarkdownReport(_title(arguments), arguments.note, limit=arguments.limit, clock=arguments.tz)
    collect = with_workload(arguments.filter, connection_alone, statements=True)
    sources: Run[Connection | Workload] = Run(options, collect, jobs_of(arguments), Console())
    sources.work = PAGE
    for _, results in sources.each(arguments.captures, arguments.merge):
        for one in results:
            if isinstance(one, Workload):
                report.workload(one)
            else:
                report.connection(one)
    if not sources.sources:
        raise _NothingRead(sources.code or 3)
    out.write(report.text(sources.sources).encode())
    return sources.code


def _difference(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.report.diff import html, markdown
    from analyzer.serve.comparison import side_of

    sides = []
    for name in arguments.captures:
        side, code = side_of(name, options, arguments.filter, jobs_of(arguments), Console())
        if side.source is None:
            raise _NothingRead(code or 3)
        note_encrypted([side.source])
        sides.append(side)
    if arguments.format == "md":
        text = markdown(sides[0], sides[1], _title(arguments), arguments.note)
    else:
        text = html(sides[0], sides[1], _title(arguments), arguments.note, arguments.theme)
    out.write(text.encode())
    return 0

"""`handshark explain`: the story of a capture or of its connections, or a finding's long text."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

from analyzer.analysis import Alike, Connection
from analyzer.analysis.commands.workload import Workload
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.memory import DEFAULT_MEMORY
from analyzer.cli.arguments import (
    Commands,
    clock_argument,
    command,
    memory_argument,
    options_of,
    port,
    positive,
    redact_argument,
)
from analyzer.cli.console import Console, complain
from analyzer.engine.collectors import Connections, Rendering, connection_alone
from analyzer.engine.run import Run
from analyzer.engine.workload_collector import with_workload
from analyzer.report.prose.capture_story import CaptureStory
from analyzer.report.prose.own_part import own_part_of
from analyzer.report.text.explain import Explainer

# Things that are told of a capture.
LIMIT = 20
EXAMPLES = """examples:
  handshark explain capture.pcapng               # what traffic it is, and what went wrong
  handshark explain capture.pcapng --stream 3    # that one (tcp.stream in Wireshark)
  handshark explain host-blocked                 # what a finding means, and what to do
  handshark findings                             # all codes
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "explain",
        "what happened, in plain words",
        "Tells the story of a capture: what kind of traffic it is, and what went wrong, what matters most first. With "
        "--stream the story of a connection, step by step; with a code the long text of a finding.",
        EXAMPLES,
    )
    parser.add_argument("what", metavar="CAPTURE|CODE", help="a capture (- is stdin), or the code of a finding")
    parser.add_argument(
        "--stream", type=_number, action="append", metavar="N", help="only this connection (repeatable)"
    )
    parser.add_argument(
        "--limit",
        type=positive,
        default=LIMIT,
        metavar="N",
        help=f"at most so many things that went wrong (default: {LIMIT})",
    )
    parser.add_argument("--port", type=port, action="append", default=[], metavar="N", help="as for analyze")
    parser.add_argument("--keylog", type=Path, action="append", default=[], metavar="FILE", help="as for analyze")
    parser.add_argument("--rsa-key", type=Path, metavar="FILE", help="as for analyze")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="as for analyze")
    parser.add_argument("--width", type=positive, metavar="N", help="columns (default: 80, or the terminal's if fewer)")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    redact_argument(parser)
    clock_argument(parser)
    memory_argument(parser, DEFAULT_MEMORY)
    parser.set_defaults(show_secrets=False)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 up")
    return int(text)


def colored(choice: str) -> bool:
    """Whether standard output takes colours: a terminal, and nobody says no."""
    auto = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return choice == "always" or (choice == "auto" and auto)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    # A terminal may not be able to show what the wire holds.
    explainer = Explainer(_write, _width(arguments.width), colored(arguments.color), arguments.tz)
    rule = next((rule for rule in TABLE if rule.code == arguments.what), None)
    if rule is not None:
        explainer.rule(rule)
        return 0
    if arguments.what != "-" and not os.path.exists(arguments.what) and re.fullmatch(r"[a-z0-9-]+", arguments.what):
        near = difflib.get_close_matches(arguments.what, [rule.code for rule in TABLE], 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; handshark findings lists all codes"
        complain(f"{arguments.what}: neither a capture nor the code of a finding{hint}")
        return 3
    return _capture(arguments, explainer) if arguments.stream is None else _connections(arguments, explainer)


def _as_it_is(alike: Alike) -> Alike:
    return alike


def _capture(arguments: argparse.Namespace, explainer: Explainer) -> int:
    """The story of the whole capture; of a single connection its own story follows."""
    options = options_of(arguments, 0)
    if options is None:
        return 2
    story = CaptureStory(arguments.tz)
    first: Connection | Alike | None = None
    rendering: Rendering[Connection | Alike] = Rendering(connection_alone, alike=_as_it_is)
    collect = with_workload(None, rendering, statements=False)
    sources: Run[Connection | Alike | Workload] = Run(options, collect, None, Console())
    for _, told in sources.each([arguments.what], False):
        for one in told:
            if isinstance(one, Workload):
                story.workload.merge(one)
                continue
            first = first or one
            if isinstance(one, Alike):
                story.add_alike(one, own_part_of(one))
            else:
                story.add(one)
    if sources.failed:
        return 3
    if sources.sources:
        first = first if story.connections == 1 else None
        only = first.connection() if isinstance(first, Alike) else first
        explainer.capture(story, arguments.what, sources.sources, arguments.limit, only)
    if not story.connections:
        complain(f"{arguments.what}: no MySQL connection in it; --port N names a server's port")
    return 130 if sources.interrupted else 0


def _connections(arguments: argparse.Namespace, explainer: Explainer) -> int:
    """The stories of the connections that are named."""
    options = options_of(arguments, 0)
    if options is None:
        return 2
    wanted = set(arguments.stream)
    found: set[int] = set()
    sources: Run[Connection] = Run(options, partial(Connections, connection_alone), None, Console())
    for _, connections in sources.each([arguments.what], False):
        for connection in connections:
            if connection.stream not in wanted:
                continue
            if found:
                _write("\n" + "-" * _width(arguments.width) + "\n\n")
            found.add(connection.stream)
            explainer.connection(connection)
    if sources.failed:
        return 3
    if wanted - found:
        missing = ", ".join(map(str, sorted(wanted - found)))
        complain(f"{arguments.what}: no MySQL connection has the number {missing}; handshark analyze lists them")
        return 2
    return 130 if sources.interrupted else 0


def _width(asked: int | None) -> int:
    if asked is not None:
        return asked
    return min(shutil.get_terminal_size().columns, 80) if sys.stdout.isatty() else 80


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))

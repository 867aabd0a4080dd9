"""`handshark explain`: a finding's long text, or the story of a capture's connections."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

from analyzer.analysis import Result
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.rule import INFO
from analyzer.cli.arguments import Commands, command, options_of, port, positive
from analyzer.cli.console import Console, complain
from analyzer.engine.collectors import Connections, whole
from analyzer.engine.run import Run
from analyzer.report.text.explain import Explainer

# Connections told in full where none is named.
LIMIT = 20
EXAMPLES = """examples:
  handshark explain capture.pcapng               # every connection in which something went wrong
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
        "Tells the story of a capture's connections step by step, or the long text of a finding.",
        EXAMPLES,
    )
    parser.add_argument("what", metavar="CAPTURE|CODE", help="a capture (- is stdin), or the code of a finding")
    parser.add_argument(
        "--stream", type=_number, action="append", metavar="N", help="only this connection (repeatable)"
    )
    parser.add_argument(
        "--limit", type=positive, default=LIMIT, metavar="N", help=f"at most so many (default: {LIMIT})"
    )
    parser.add_argument("--port", type=port, action="append", default=[], metavar="N", help="as for analyze")
    parser.add_argument("--keylog", type=Path, action="append", default=[], metavar="FILE", help="as for analyze")
    parser.add_argument("--rsa-key", type=Path, metavar="FILE", help="as for analyze")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="as for analyze")
    parser.add_argument("--width", type=positive, metavar="N", help="columns (default: 80, or the terminal's if fewer)")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
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
    explainer = Explainer(_write, _width(arguments.width), colored(arguments.color))
    rule = next((rule for rule in TABLE if rule.code == arguments.what), None)
    if rule is not None:
        explainer.rule(rule)
        return 0
    if arguments.what != "-" and not os.path.exists(arguments.what) and re.fullmatch(r"[a-z0-9-]+", arguments.what):
        near = difflib.get_close_matches(arguments.what, [rule.code for rule in TABLE], 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; handshark findings lists all codes"
        complain(f"{arguments.what}: neither a capture nor the code of a finding{hint}")
        return 3
    return _story(arguments, explainer)


def _story(arguments: argparse.Namespace, explainer: Explainer) -> int:
    options = options_of(arguments, 0)
    if options is None:
        return 2
    wanted = None if arguments.stream is None else set(arguments.stream)
    told = untold = 0
    healthy: list[Result] = []
    found: set[int] = set()
    sources: Run[Result] = Run(options, partial(Connections, whole), None, Console())
    for _, results in sources.each([arguments.what], False):
        for result in results:
            connection = result[0]
            if wanted is not None and connection.stream not in wanted:
                continue
            found.add(connection.stream)
            if wanted is None and all(finding.severity == INFO for finding in connection.findings):
                if len(healthy) < arguments.limit:
                    healthy.append(result)
                else:
                    untold += 1
                continue
            if told >= arguments.limit:
                untold += 1
                continue
            if told:
                _write("\n" + "-" * _width(arguments.width) + "\n\n")
            explainer.connection(connection)
            told += 1
    if not told and len(healthy) == 1:
        explainer.connection(healthy[0][0])
        told, healthy = 1, []
    if told and healthy:
        _write("\n")
    for connection, _ in healthy:
        explainer.brief(connection)
    if untold:
        _write(f"... {untold:,} more connections; --limit shows more, --stream N one of them\n")
    if sources.failed:
        return 3
    if wanted is not None and wanted - found:
        missing = ", ".join(map(str, sorted(wanted - found)))
        complain(f"{arguments.what}: no MySQL connection has the number {missing}; handshark analyze lists them")
        return 2
    if not told and not healthy:
        complain(f"{arguments.what}: no MySQL connection in it; --port N names a server's port")
    return 130 if sources.interrupted else 0


def _width(asked: int | None) -> int:
    if asked is not None:
        return asked
    return min(shutil.get_terminal_size().columns, 80) if sys.stdout.isatty() else 80


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))

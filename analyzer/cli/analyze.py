"""`handshark analyze`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from analyzer.analysis import Connection, Result
from analyzer.analysis.findings.base import SEVERITIES
from analyzer.cli.arguments import options_of
from analyzer.cli.output import open_output
from analyzer.cli.run import Run, complain

SHOWN_PACKETS = 400


class _Gravest:
    """The gravest finding so far, for --fail-on."""

    def __init__(self) -> None:
        self.rank = -1

    def look(self, connection: Connection) -> None:
        for finding in connection.findings:
            self.rank = max(self.rank, SEVERITIES.index(finding.severity))


def analyze(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    packets = SHOWN_PACKETS if arguments.verbose and arguments.format == "text" else 0
    options = options_of(arguments, packets)
    if options is None:
        return 2
    run = Run(options)
    gravest = _Gravest()
    try:
        with open_output(arguments.output) as out:
            _WRITERS[arguments.format](run, arguments, gravest, out)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{arguments.output}: {error.strerror}")
        return 3
    if run.failed:
        return 3
    if run.interrupted:
        return 130
    if arguments.fail_on and gravest.rank >= SEVERITIES.index(arguments.fail_on):
        return 1
    return 0


def _all(run: Run, arguments: argparse.Namespace, gravest: _Gravest) -> Iterator[Result]:
    for _, results in run.each(arguments.captures, arguments.merge):
        for connection, detail in results:
            gravest.look(connection)
            yield connection, detail


def _jsonl(run: Run, arguments: argparse.Namespace, gravest: _Gravest, out: BinaryIO) -> None:
    from analyzer.report.jsonl import encode

    for connection, _ in _all(run, arguments, gravest):
        out.write(encode(connection))


def _json(run: Run, arguments: argparse.Namespace, gravest: _Gravest, out: BinaryIO) -> None:
    from analyzer.report.jsonl import encode_array

    for piece in encode_array(connection for connection, _ in _all(run, arguments, gravest)):
        out.write(piece)


def _csv(run: Run, arguments: argparse.Namespace, gravest: _Gravest, out: BinaryIO) -> None:
    from analyzer.report.csvout import encode, header

    out.write(header().encode())
    for connection, _ in _all(run, arguments, gravest):
        out.write(encode(connection).encode())


def _text(run: Run, arguments: argparse.Namespace, gravest: _Gravest, out: BinaryIO) -> None:
    from analyzer.report.text import TextReport

    terminal = out is sys.stdout.buffer and sys.stdout.isatty()
    width = arguments.width or (shutil.get_terminal_size().columns if terminal else 80)
    auto = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    color = arguments.color == "always" or (arguments.color == "auto" and auto)
    report = TextReport(lambda line: out.write(line.encode()), width, color, arguments.verbose)
    for name, results in run.each(arguments.captures, arguments.merge):
        before = len(run.sources)
        begun = False
        for connection, detail in results:
            if not begun:
                report.begin(name)
                begun = True
            gravest.look(connection)
            report.connection(connection, detail)
        if len(run.sources) > before:
            if not begun:
                report.begin(name)
            report.end(run.sources[-1])
    if run.sources:
        report.summary()


_WRITERS: dict[str, Callable[[Run, argparse.Namespace, _Gravest, BinaryIO], None]] = {
    "text": _text,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
}

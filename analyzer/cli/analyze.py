"""`handshark analyze`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeVar

from analyzer.analysis import Connection, Options, Result
from analyzer.analysis.findings.base import SEVERITIES
from analyzer.cli.arguments import options_of
from analyzer.cli.output import open_output
from analyzer.cli.run import Run, complain

T = TypeVar("T")

SHOWN_PACKETS = 400


def rank_of(connection: Connection) -> int:
    """How grave the gravest finding is: an index of SEVERITIES, -1 for none."""
    return max((SEVERITIES.index(finding.severity) for finding in connection.findings), default=-1)


class _Outcome:
    """What the exit code is made from."""

    def __init__(self) -> None:
        self.gravest = -1
        self.failed = False
        self.interrupted = False

    def take(self, run: Run[T]) -> None:
        self.failed |= run.failed
        self.interrupted |= run.interrupted


def analyze(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    packets = SHOWN_PACKETS if arguments.verbose and arguments.format == "text" else 0
    options = options_of(arguments, packets)
    if options is None:
        return 2
    outcome = _Outcome()
    try:
        with open_output(arguments.output) as out:
            _WRITERS[arguments.format](arguments, options, outcome, out)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{arguments.output}: {error.strerror}")
        return 3
    if outcome.failed:
        return 3
    if outcome.interrupted:
        return 130
    if arguments.fail_on and outcome.gravest >= SEVERITIES.index(arguments.fail_on):
        return 1
    return 0


def _rendered(
    arguments: argparse.Namespace, options: Options, outcome: _Outcome, encode: Callable[[Connection], bytes]
) -> Iterator[bytes]:
    """Each connection encoded, in the process that found it."""
    run = Run(options, lambda result: (encode(result[0]), rank_of(result[0])), arguments.jobs)
    for _, results in run.each(arguments.captures, arguments.merge):
        for line, rank in results:
            outcome.gravest = max(outcome.gravest, rank)
            yield line
    outcome.take(run)


def _jsonl(arguments: argparse.Namespace, options: Options, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.jsonl import encode

    for line in _rendered(arguments, options, outcome, encode):
        out.write(line)


def _json(arguments: argparse.Namespace, options: Options, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.jsonl import encode

    before = b"[\n"
    for line in _rendered(arguments, options, outcome, encode):
        out.write(before + line.rstrip(b"\n"))
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _csv(arguments: argparse.Namespace, options: Options, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.csvout import encode, header

    out.write(header().encode())
    for line in _rendered(arguments, options, outcome, lambda connection: encode(connection).encode()):
        out.write(line)


def _text(arguments: argparse.Namespace, options: Options, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.text import TextReport

    terminal = out is sys.stdout.buffer and sys.stdout.isatty()
    width = arguments.width or (shutil.get_terminal_size().columns if terminal else 80)
    auto = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    color = arguments.color == "always" or (arguments.color == "auto" and auto)
    report = TextReport(lambda line: out.write(line.encode()), width, color, arguments.verbose)
    run: Run[Result] = Run(options, lambda result: result, arguments.jobs)
    for name, results in run.each(arguments.captures, arguments.merge):
        before = len(run.sources)
        begun = False
        for connection, detail in results:
            if not begun:
                report.begin(name)
                begun = True
            outcome.gravest = max(outcome.gravest, rank_of(connection))
            report.connection(connection, detail)
        if len(run.sources) > before:
            if not begun:
                report.begin(name)
            report.end(run.sources[-1])
    outcome.take(run)
    if run.sources:
        report.summary()


_WRITERS: dict[str, Callable[[argparse.Namespace, Options, _Outcome, BinaryIO], None]] = {
    "text": _text,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
}

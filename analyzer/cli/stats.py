"""`handshark stats`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import BinaryIO

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.statistics import KINDS, CommandStatistics
from analyzer.cli.arguments import Commands, captures, command, options_of, output_arguments, positive
from analyzer.cli.console import Console, note_encrypted
from analyzer.cli.filter_argument import filter_argument, jobs_of
from analyzer.cli.output import look, written
from analyzer.engine.command_collectors import SummedCommands
from analyzer.engine.run import Run

FORMATS = ("text", "jsonl", "csv")
DEFAULT = ("server", "user", "command", "statement")
EXAMPLES = """examples:
  handshark stats capture.pcapng
  handshark stats --by statement --top 5 *.pcap
  handshark stats --by user --by client --format jsonl capture.pcap
"""


def collect(
    arguments: argparse.Namespace, options: AnalysisOptions, kinds: tuple[str, ...], slow_ns: int = 0
) -> tuple[CommandStatistics, Run[CommandStatistics]]:
    """The statistics of all captures together."""
    whole = CommandStatistics(kinds)
    sources: Run[CommandStatistics] = Run(
        options, partial(SummedCommands, slow_ns, kinds, arguments.filter), jobs_of(arguments), Console()
    )
    for _, parts in sources.each(arguments.captures, arguments.merge):
        for part in parts:
            whole.merge(part)
    note_encrypted(sources.sources)
    return whole, sources


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "stats",
        "response times, per server, user, command and statement",
        "Counts commands and their response times, from the last byte of the request to the last of the response.",
        EXAMPLES,
    )
    captures(parser)
    filter_argument(parser, "only commands of which a packet matches")
    output_arguments(parser, FORMATS)
    parser.add_argument(
        "--by", choices=KINDS, action="append", help=f"what to group by (repeatable; default: {', '.join(DEFAULT)})"
    )
    parser.add_argument("--top", type=positive, default=10, metavar="N", help="groups that are shown (default: 10)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    options = options_of(arguments, 0)
    if options is None:
        return 2
    return written(arguments, partial(_write, arguments, options))


def _write(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.report.text import statistics as shown

    kinds = tuple(arguments.by or DEFAULT)
    statistics, sources = collect(arguments, options, kinds)
    if arguments.format == "text":
        shown.StatisticsText(lambda line: out.write(line.encode()), *look(arguments, out)).whole(
            statistics, arguments.top
        )
        return sources.code
    out.writelines(shown.lines(statistics, arguments.format, arguments.top))
    return sources.code

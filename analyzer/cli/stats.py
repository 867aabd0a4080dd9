"""`handshark stats`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.statistics import KINDS, CommandStatistics
from analyzer.analysis.model.connection import Source
from analyzer.cli.arguments import (
    Commands,
    captures,
    cluster_arguments,
    command,
    options_of,
    output_arguments,
    positive,
    redact_argument,
)
from analyzer.cli.console import Console, complain, note_encrypted
from analyzer.cli.filter_argument import filter_argument, jobs_of
from analyzer.cli.output import look, written
from analyzer.engine.command_collectors import SummedCommands
from analyzer.engine.jobs import COMMANDS
from analyzer.engine.run import Run
from analyzer.errors import AnalyzerError

FORMATS = ("text", "json", "jsonl", "csv")
DEFAULT = ("server", "user", "command", "statement")
EXAMPLES = """examples:
  handshark stats capture.pcapng
  handshark stats --by statement --top 5 *.pcap
  handshark stats --by user --by client --format jsonl capture.pcap
  handshark stats --format json capture.pcap | jq .all
  handshark stats --diff before.pcap after.pcap        # which statements became slower, more, or fail
"""


def collect(
    arguments: argparse.Namespace,
    options: AnalysisOptions,
    kinds: tuple[str, ...],
    names: Sequence[str],
    slow_ns: int = 0,
) -> tuple[CommandStatistics, Run[CommandStatistics]]:
    """The statistics of the captures `names` together."""
    whole = CommandStatistics(kinds)
    sources: Run[CommandStatistics] = Run(
        options, partial(SummedCommands, slow_ns, kinds, arguments.filter), jobs_of(arguments), Console()
    )
    sources.work = COMMANDS
    for _, parts in sources.each(names, arguments.merge):
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
    parser.set_defaults(wrong=parser.error)  # exits with 2
    captures(parser)
    redact_argument(parser)
    filter_argument(parser, "only commands of which a packet matches")
    output_arguments(parser, FORMATS)
    parser.add_argument(
        "--by", choices=KINDS, action="append", help=f"what to group by (repeatable; default: {', '.join(DEFAULT)})"
    )
    parser.add_argument("--top", type=positive, default=10, metavar="N", help="groups that are shown (default: 10)")
    parser.add_argument(
        "--diff", action="store_true", help="compare the statements of two captures: what changed from the first"
    )
    cluster_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if arguments.diff and (len(arguments.captures) != 2 or arguments.merge or arguments.by):
        arguments.wrong("--diff compares the statements of two captures: handshark stats --diff BEFORE AFTER")
    if arguments.cluster:
        from analyzer.cli.clusters import refuse

        if arguments.diff:
            arguments.wrong("--cluster takes all captures as one: --diff compares two")
        refuse(arguments)
    if arguments.diff and arguments.format != "text":
        arguments.wrong("--diff is written as text; handshark report --diff writes HTML and Markdown")
    options = options_of(arguments, 0)
    if options is None:
        return 2
    try:
        return written(arguments, partial(_difference if arguments.diff else _write, arguments, options))
    except AnalyzerError as error:  # a cluster that is not there, or a library for it
        if not arguments.cluster:
            raise
        complain(str(error))
        return 3


def _write(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.report.text import statistics as shown

    kinds = tuple(arguments.by or DEFAULT)
    if arguments.cluster:
        statistics, sources, code = _on_cluster(arguments, options, kinds)
        if not sources:
            return code
    else:
        statistics, run = collect(arguments, options, kinds, arguments.captures)
        sources, code = run.sources, run.code
    if arguments.format == "text":
        shown.StatisticsText(lambda line: out.write(line.encode()), *look(arguments, out), arguments.tz).whole(
            statistics, arguments.top
        )
        if sources and not statistics.all.count and arguments.filter is None:
            complain("note: no command was captured; `handshark explain` says what was")
    elif arguments.format == "json":
        out.write(shown.document(statistics, sources, arguments.top))
    else:
        out.writelines(shown.lines(statistics, arguments.format, arguments.top))
    return code


def _on_cluster(
    arguments: argparse.Namespace, options: AnalysisOptions, kinds: tuple[str, ...]
) -> tuple[CommandStatistics, list[Source], int]:
    """The statistics of all captures as one, in many processes; that one, and the exit code."""
    from analyzer.cli.clusters import cluster_of, cluster_run, filter_text, rsa_pem_of
    from analyzer.cluster.sums import statistics

    whole = CommandStatistics(kinds)
    with cluster_of(arguments) as cluster:
        run = cluster_run(arguments, cluster)
        collector = partial(_summed, kinds, filter_text(arguments))
        source = statistics(run, arguments.captures, options, rsa_pem_of(arguments), collector, whole)
    sources = [] if source is None else [source]
    note_encrypted(sources)
    return whole, sources, 3 if run.failed else 0


def _summed(kinds: tuple[str, ...], text: str | None) -> SummedCommands:
    """Made by a worker, to which a filter comes as its text."""
    from analyzer.engine.filters import filter_or_none

    return SummedCommands(0, kinds, filter_or_none(text))


def _difference(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.report.prose.changes import COMPARED, compare_workload
    from analyzer.report.text.difference import DifferenceText

    sides = []
    for name in arguments.captures:
        statistics, sources = collect(arguments, options, COMPARED, [name])
        if sources.code:
            return sources.code
        sides.append((name, statistics))
    text = DifferenceText(lambda line: out.write(line.encode()), *look(arguments, out))
    text.whole(*sides[0], *sides[1], compare_workload(sides[0][1], sides[1][1]))
    return 0

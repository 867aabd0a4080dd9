"""`handshark commands`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.model.command import Command
from analyzer.cli.arguments import Commands, captures, command, options_of, output_arguments, positive
from analyzer.cli.console import Console, note_encrypted
from analyzer.cli.filter_argument import filter_argument, jobs_of
from analyzer.cli.output import look, written
from analyzer.engine.collectors import Collector
from analyzer.engine.command_collectors import EachCommand, SlowestCommands, TopCommands
from analyzer.engine.run import Run

FORMATS = ("text", "jsonl", "csv")
SHOWN_GROUPS = 50
EXAMPLES = """examples:
  handshark commands capture.pcapng
  handshark commands --slow 200 capture.pcapng         # commands that took 200 ms and more
  handshark commands --top 20 *.pcap                   # the 20 that took longest
  handshark commands --group capture.pcapng            # by statement, literals left out
  handshark commands --format jsonl --keylog keys.txt capture.pcap | jq 'select(.error)'
"""


def _milliseconds(text: str) -> int:
    """A number of milliseconds as nanoseconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e12:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds")
    return round(value * 1e6)


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "commands",
        "one line or object for each command and its response",
        "Shows the commands of every connection: what was asked, what came back, and how long it took. "
        "They come in the order in which their responses end.",
        EXAMPLES,
    )
    captures(parser)
    filter_argument(parser, "only commands of which a packet matches: of the request or of the response")
    output_arguments(parser, FORMATS)
    parser.add_argument(
        "--slow", type=_milliseconds, default=0, metavar="MS", help="only commands that took MS milliseconds and more"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--top", type=positive, metavar="N", help="the N commands that took longest")
    which.add_argument(
        "--group", action="store_true", help="by statement with literals left out, instead of one by one"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    options = options_of(arguments, 0)
    if options is None:
        return 2
    write = _grouped if arguments.group else _top if arguments.top else _all
    return written(arguments, partial(write, arguments, options))


def _all(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    if arguments.format == "text":
        from analyzer.report.text.commands import CommandsText

        def as_it_is(exchange: Command) -> Command:
            return exchange

        text = CommandsText(lambda line: out.write(line.encode()), *look(arguments, out))
        each: Callable[[], Collector[Command]] = partial(EachCommand, arguments.slow, as_it_is, arguments.filter)
        whole = Run(options, each, jobs_of(arguments), Console())
        for name, exchanges in whole.each(arguments.captures, arguments.merge):
            text.begin(name)
            for exchange in exchanges:
                text.exchange(exchange)
        note_encrypted(whole.sources)
        return whole.code
    # In the other formats each is encoded in the process that found it.
    encode, head = _encoder(arguments.format)
    out.write(head)
    encoded: Callable[[], Collector[bytes]] = partial(EachCommand, arguments.slow, encode, arguments.filter)
    sources = Run(options, encoded, jobs_of(arguments), Console())
    for _, lines in sources.each(arguments.captures, arguments.merge):
        out.writelines(lines)
    note_encrypted(sources.sources)
    return sources.code


def _encoder(form: str) -> tuple[Callable[[Command], bytes], bytes]:
    """(what makes a line of an exchange, what stands above all lines)."""
    if form == "jsonl":
        from analyzer.report.jsonl import encode

        return encode, b""
    from analyzer.report.text.commands import csv_header, csv_line

    return lambda exchange: csv_line(exchange).encode(), csv_header().encode()


def _top(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    slowest = partial(SlowestCommands, arguments.slow, arguments.top, arguments.filter)
    sources: Run[Command] = Run(options, slowest, jobs_of(arguments), Console())
    top = TopCommands(arguments.top)
    for number, (_, exchanges) in enumerate(sources.each(arguments.captures, arguments.merge)):
        for exchange in exchanges:
            top.add(exchange, number)
    note_encrypted(sources.sources)
    if arguments.format != "text":
        encode, head = _encoder(arguments.format)
        out.write(head)
        for exchange in top.ranked():
            out.write(encode(exchange))
        return sources.code
    from analyzer.report.text.commands import CommandsText

    text = CommandsText(lambda line: out.write(line.encode()), *look(arguments, out))
    name = None
    for exchange in top.ranked():
        if exchange.capture != name:
            name = exchange.capture
            text.begin(name)
        text.exchange(exchange)
    return sources.code


def _grouped(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.cli.stats import collect
    from analyzer.report.text import statistics as shown

    statistics, sources = collect(arguments, options, ("statement",), arguments.slow)
    if arguments.format == "text":
        text = shown.StatisticsText(lambda line: out.write(line.encode()), *look(arguments, out))
        text.groups(statistics.slowest("statement"), SHOWN_GROUPS)
    else:
        out.writelines(shown.lines(statistics, arguments.format))
    return sources.code

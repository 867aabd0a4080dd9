"""`handshark commands`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Protocol

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.commands.statistics import ORDERS as GROUP_ORDERS
from analyzer.analysis.model.command import Command
from analyzer.cli.arguments import Commands, captures, command, options_of, output_arguments, positive, redact_argument
from analyzer.cli.console import Console, complain, note_encrypted
from analyzer.cli.filter_argument import filter_argument, jobs_of
from analyzer.cli.output import look, written
from analyzer.engine.collectors import Collector
from analyzer.engine.command_collectors import ORDERS, EachCommand, EachTurn, RankedCommands, TopCommands
from analyzer.engine.jobs import COMMANDS
from analyzer.engine.run import Run

if TYPE_CHECKING:
    from analyzer.analysis.commands.turn_tracker import TurnRenderer
    from analyzer.analysis.packets.statement_mask import StatementMask
    from analyzer.report.text.commands import CommandsText

STATEMENTS = ("slowlog", "sql")  # for other tools
FORMATS = ("text", "jsonl", "csv", *STATEMENTS)
SHOWN_GROUPS = 50
MOST_SORTED = 100_000  # commands that are kept for sorting
EXAMPLES = """examples:
  handshark commands capture.pcapng
  handshark commands --slow 200 capture.pcapng         # commands that took 200 ms and more
  handshark commands --top 20 *.pcap                   # the 20 that took longest
  handshark commands --sort rows --top 10 capture.pcapng
  handshark commands --group capture.pcapng            # by statement: share of the time, query id, a sample
  handshark commands --group --sort count --top 5 capture.pcapng
  handshark commands --format slowlog capture.pcapng | pt-query-digest
  handshark commands --format sql capture.pcapng > replay.sql
  handshark commands --format jsonl --keylog keys.txt capture.pcap | jq 'select(.error)'

slowlog and sql have statements with the values of prepared ones in place; masked secrets stay masked. Of a slow log's
numbers Lock_time and Rows_examined are not on the wire and stand as 0. Query ids are those of pt-query-digest.
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
    parser.set_defaults(wrong=parser.error)  # exits with 2
    captures(parser)
    redact_argument(parser)
    filter_argument(parser, "only commands of which a packet matches: of the request or of the response")
    output_arguments(parser, FORMATS)
    parser.add_argument(
        "--slow", type=_milliseconds, default=0, metavar="MS", help="only commands that took MS milliseconds and more"
    )
    parser.add_argument(
        "--group", action="store_true", help="by statement with literals left out, instead of one by one"
    )
    parser.add_argument(
        "--top", type=positive, metavar="N", help="the first N of --sort (default: those that took longest)"
    )
    parser.add_argument(
        "--sort",
        choices=(*ORDERS, *(name for name in GROUP_ORDERS if name not in ORDERS)),
        metavar="KEY",
        help=f"{', '.join(ORDERS)}; with --group {', '.join(GROUP_ORDERS)} (default: total)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    orders: Collection[str] = GROUP_ORDERS if arguments.group else ORDERS
    if arguments.sort is not None and arguments.sort not in orders:
        arguments.wrong(
            f"--sort {arguments.sort}: {'groups' if arguments.group else 'commands'} are sorted by {', '.join(orders)}"
        )
    if arguments.group and arguments.format in STATEMENTS:
        arguments.wrong(f"--format {arguments.format} has every command by itself: without --group")
    options = options_of(arguments, 0)
    if options is None:
        return 2
    write = _grouped if arguments.group else _ranked if arguments.top or arguments.sort else _all
    return written(arguments, partial(write, arguments, options))


def _all(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    if arguments.format not in STATEMENTS:
        return _encoded(arguments, options, out)
    each: Callable[[], Collector[Command]] = partial(EachCommand, arguments.slow, _as_it_is, arguments.filter)
    whole = Run(options, each, jobs_of(arguments), Console())
    whole.work = COMMANDS
    writer = _writer(arguments, out)
    for _, exchanges in whole.each(arguments.captures, arguments.merge):
        for exchange in exchanges:
            writer.exchange(exchange)
    note_encrypted(whole.sources)
    return whole.code


def _encoded(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    """All commands in a form that is made of each in the process that found it."""
    renderer: Callable[[str, StatementMask | None], TurnRenderer]
    encode: Callable[[Command], bytes]
    text: CommandsText | None = None
    if arguments.format == "text":
        from analyzer.report.text.commands import CommandLayout, CommandsText
        from analyzer.report.text.turn_texts import TurnTexts

        layout = CommandLayout(*look(arguments, out), arguments.tz)
        text, encode, renderer = CommandsText(out.write, layout), layout.dated, partial(TurnTexts, layout)
    else:
        encode, head = _encoder(arguments.format)
        out.write(head)
        if arguments.format == "jsonl":
            from analyzer.report.turn_lines import TurnLines as renderer
        else:
            from analyzer.report.turn_csv import TurnCsv as renderer
    collector: Callable[[], Collector[bytes]] = partial(EachTurn, arguments.slow, renderer)
    if arguments.filter is not None:
        collector = partial(EachCommand, arguments.slow, encode, arguments.filter)
    sources = Run(options, collector, jobs_of(arguments), Console())
    sources.work = COMMANDS
    shown = False
    for name, lines in sources.each(arguments.captures, arguments.merge):
        if text is None:
            out.writelines(lines)
            continue
        text.begin(name)
        for line in lines:
            shown = True
            text.dated(line)
    _note_nothing(arguments, shown or not sources.sources)
    note_encrypted(sources.sources)
    return sources.code


def _note_nothing(arguments: argparse.Namespace, shown: bool) -> None:
    """Says why a text is empty."""
    if not shown and arguments.format == "text":
        chosen = arguments.filter is not None or arguments.slow
        complain("note: no command is what was asked for" if chosen else "note: there is no command to show")


def _as_it_is(exchange: Command) -> Command:
    return exchange


class _Writer(Protocol):
    """Takes commands one after the other."""

    def begin(self, name: str) -> None: ...
    def exchange(self, exchange: Command) -> None: ...


class _Script:
    """Statements for other tools, written as bytes: what is no UTF-8 stays as it was."""

    def __init__(self, arguments: argparse.Namespace, out: BinaryIO) -> None:
        from analyzer.report.statements import SqlScript, slowlog

        safe = out is sys.stdout.buffer and sys.stdout.isatty()
        self._out = out
        self._text: Callable[[Command], str] = partial(slowlog, safe=safe, clock=arguments.tz)
        if arguments.format == "sql":
            script = SqlScript(safe, secrets_shown=arguments.show_secrets, clock=arguments.tz)
            self._text = script.command
            self._write(script.head())

    def begin(self, name: str) -> None:
        """Sources follow one another."""

    def exchange(self, exchange: Command) -> None:
        self._write(self._text(exchange))

    def _write(self, text: str) -> None:
        self._out.write(text.encode("utf-8", "surrogateescape"))


class _Encoded:
    """JSON lines or CSV."""

    def __init__(self, form: str, out: BinaryIO) -> None:
        self._out = out
        self._encode, head = _encoder(form)
        out.write(head)

    def begin(self, name: str) -> None:
        """Each line names its capture."""

    def exchange(self, exchange: Command) -> None:
        self._out.write(self._encode(exchange))


def _writer(arguments: argparse.Namespace, out: BinaryIO) -> _Writer:
    if arguments.format in STATEMENTS:
        return _Script(arguments, out)
    if arguments.format != "text":
        return _Encoded(arguments.format, out)
    from analyzer.report.text.commands import CommandLayout, CommandsText

    return CommandsText(out.write, CommandLayout(*look(arguments, out), arguments.tz))


def _encoder(form: str) -> tuple[Callable[[Command], bytes], bytes]:
    """(what makes a line of an exchange, what stands above all lines)."""
    if form == "jsonl":
        from analyzer.report.jsonl import encode

        return encode, b""
    from analyzer.report.text.commands import csv_header, csv_line

    return lambda exchange: csv_line(exchange).encode(), csv_header().encode()


def _ranked(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    most, order = arguments.top or MOST_SORTED, arguments.sort or "took"
    ranked = partial(RankedCommands, arguments.slow, most, order, arguments.filter)
    sources: Run[Command] = Run(options, ranked, jobs_of(arguments), Console())
    sources.work = COMMANDS
    top = TopCommands(most, order)
    for number, (_, exchanges) in enumerate(sources.each(arguments.captures, arguments.merge)):
        for exchange in exchanges:
            top.add(exchange, number)
    _note_nothing(arguments, len(top) > 0 or not sources.sources)
    note_encrypted(sources.sources)
    writer = _writer(arguments, out)
    name = None
    for exchange in top.ranked():
        if exchange.capture != name:
            name = exchange.capture
            writer.begin(name)
        writer.exchange(exchange)
    if arguments.top is None and len(top) == MOST_SORTED:
        complain(f"note: only the first {MOST_SORTED:,} in this order are shown; --top N shows another number")
    return sources.code


def _grouped(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.cli.stats import collect
    from analyzer.report.text import statistics as shown

    statistics, sources = collect(arguments, options, ("statement",), arguments.captures, arguments.slow)
    order = arguments.sort or "total"
    _note_nothing(arguments, bool(statistics.all.count) or not sources.sources)
    if arguments.format == "text" and statistics.all.count:
        text = shown.StatisticsText(lambda line: out.write(line.encode()), *look(arguments, out))
        text.ranked(statistics, order, arguments.top or SHOWN_GROUPS)
    elif arguments.format != "text":
        out.writelines(shown.lines(statistics, arguments.format, arguments.top, order))
    return sources.code

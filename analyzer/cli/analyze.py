"""`handshark analyze`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from analyzer.analysis import Alike, AnalysisOptions, Connection, ConnectionDetail, Result
from analyzer.analysis.findings.kept import Kept
from analyzer.analysis.findings.rule import SEVERITIES
from analyzer.analysis.live import DecidedAnalysis
from analyzer.analysis.model.connection import Finding
from analyzer.capture.source import is_pipe
from analyzer.cli.arguments import (
    Commands,
    captures,
    cluster_arguments,
    command,
    options_of,
    output_arguments,
    redact_argument,
)
from analyzer.cli.console import Console, complain
from analyzer.cli.filter_argument import filter_argument, jobs_of
from analyzer.cli.output import look, written
from analyzer.engine.collectors import AsDecided, Rendering, Together, connection_alone, connections, whole
from analyzer.engine.run import Run
from analyzer.errors import AnalyzerError

if TYPE_CHECKING:
    from analyzer.report.connection_lines import LineForm
    from analyzer.report.text.connections import TextReport

T = TypeVar("T")

SHOWN_PACKETS = 400

EXAMPLES = """examples:
  handshark analyze capture.pcapng
  handshark analyze -vv capture.pcapng                 # packets with their fields
  handshark analyze --format csv -o out.csv a.pcap b.pcap.gz
  handshark analyze --merge ring_*.pcapng              # a rotated set as one capture
  handshark analyze --summary *.pcap                   # all together: plugins, drivers, TLS, failures, upgrades
  handshark analyze --fail-on error nightly.pcap       # exit code 1 if a login failed
  handshark analyze --password-file pw capture.pcap    # was this the password the client used?
  handshark analyze --keylog keys.txt capture.pcap     # what was inside TLS
"""


def rank_of(findings: Sequence[Finding | Kept]) -> int:
    """How grave the gravest finding is: an index of SEVERITIES, -1 for none."""
    return max([SEVERITIES.index(finding.severity) for finding in findings], default=-1)


def _rank(several: list[Alike]) -> int:
    """The same of connections of known kinds."""
    kinds = {alike.kind for alike in several if alike.outline is None}
    of_kinds = [finding for kind in kinds for finding in kind.findings]
    return rank_of(
        [*of_kinds, *(found for alike in several if alike.outline is not None for found in alike.outline.findings)]
    )


class _Outcome:
    """What the exit code is made from."""

    def __init__(self) -> None:
        self.gravest = -1
        self.failed = False
        self.interrupted = False

    def take(self, run: Run[T]) -> None:
        self.failed |= run.failed
        self.interrupted |= run.interrupted


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "analyze",
        "one line or object for each connection",
        "Shows every MySQL connection of the captures: who, how, and how it ended.",
        EXAMPLES,
    )
    parser.set_defaults(wrong=parser.error)  # exits with 2
    captures(parser)
    redact_argument(parser)
    filter_argument(parser, "only connections for which it holds, or one of whose packets it holds for")
    output_arguments(parser, tuple(_WRITERS))
    parser.add_argument(
        "--summary", action="store_true", help="all connections together: plugins, drivers, TLS, failures (text, json)"
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="packets; -vv fields; -vvv bytes (text only)"
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, metavar="SEVERITY", help="exit 1 on such a finding, or a graver"
    )
    cluster_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    packets = SHOWN_PACKETS if arguments.verbose and arguments.format == "text" else 0
    if arguments.cluster:
        from analyzer.cli.clusters import refuse

        if not arguments.summary:
            arguments.wrong("--cluster goes with --summary; export --cluster makes rows of every connection")
        refuse(arguments)
    if arguments.summary and arguments.format not in ("text", "json"):
        arguments.wrong(f"--summary is written as text or json, not {arguments.format}")
    options = options_of(arguments, packets)
    if options is None:
        return 2
    outcome = _Outcome()
    writer = _summary if arguments.summary else _WRITERS[arguments.format]

    def write(out: BinaryIO) -> int:
        writer(arguments, options, outcome, out)
        return 130 if outcome.interrupted else 0

    try:
        code = written(arguments, write)
    except AnalyzerError as error:  # a cluster that is not there, or a library for it
        if not arguments.cluster:
            raise
        complain(str(error))
        return 3
    if code or outcome.failed:
        return 3 if outcome.failed else code
    if arguments.fail_on and outcome.gravest >= SEVERITIES.index(arguments.fail_on):
        return 1
    return 0


def _rendered(
    arguments: argparse.Namespace,
    options: AnalysisOptions,
    outcome: _Outcome,
    rendering: Rendering[tuple[bytes, int]],
) -> Iterator[bytes]:
    """Connections encoded, one or several in each piece."""
    harvest = connections(arguments.filter, rendering)
    sources: Run[tuple[bytes, int]] = Run(options, harvest, jobs_of(arguments), Console())
    gravest = outcome.gravest
    for _, results in sources.each(arguments.captures, arguments.merge):
        for line, rank in results:
            if rank > gravest:
                outcome.gravest = gravest = rank
            yield line
    outcome.take(sources)


def _lines(form: LineForm) -> Rendering[tuple[bytes, int]]:
    """Connections as lines, with the rank of their gravest finding."""
    from analyzer.report.connection_lines import lines_of

    encode, finish = form.encode, form.finish

    def alike(several: list[Alike]) -> tuple[bytes, int]:
        return lines_of(several, form), _rank(several)

    def join(pieces: list[tuple[bytes, int]]) -> tuple[bytes, int]:
        return b"".join(lines for lines, _ in pieces), max([rank for _, rank in pieces], default=-1)

    return Rendering(
        lambda result: (encode(result[0]), rank_of(result[0].findings)),
        form.begin,
        lambda begun, findings: (finish(begun, findings), rank_of(findings)),
        together=Together(alike, join),
    )


def _jsonl(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.connection_lines import JSON

    for lines in _rendered(arguments, options, outcome, _lines(JSON)):
        out.write(lines)


def _json(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.connection_lines import JSON

    before = b"[\n"
    for lines in filter(None, _rendered(arguments, options, outcome, _lines(JSON))):
        out.write(before + lines[:-1].replace(b"\n", b",\n"))
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _csv(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.connection_csv import CSV
    from analyzer.report.csv import header

    out.write(header().encode())
    for lines in _rendered(arguments, options, outcome, _lines(CSV)):
        out.write(lines)


def _text(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.report.text.connections import TextReport

    report = TextReport(
        lambda line: out.write(line.encode()),
        *look(arguments, out),
        arguments.verbose,
        password=options.password is not None,
        clock=arguments.tz,
    )
    if not arguments.verbose and not arguments.merge and any(map(is_pipe, arguments.captures)):
        return _as_decided(arguments, options, outcome, report)
    rendering: Rendering[Result | Alike] = Rendering(whole, alike=_as_it_is)
    collect = connections(arguments.filter, rendering)
    sources: Run[Result | Alike] = Run(options, collect, jobs_of(arguments), Console())
    for name, results in sources.each(arguments.captures, arguments.merge):
        before = len(sources.sources)
        begun = False
        for result in results:
            if not begun:
                report.begin(name)
                begun = True
            if isinstance(result, Alike):
                if result.outline is not None or result.kind.findings:
                    outcome.gravest = max(outcome.gravest, _rank([result]))
                report.alike(result)
                continue
            connection, detail = result
            outcome.gravest = max(outcome.gravest, rank_of(connection.findings))
            report.connection(connection, detail)
        if len(sources.sources) > before:
            if not begun:
                report.begin(name)
            report.end(sources.sources[-1])
    outcome.take(sources)
    if sources.sources:
        report.summary()


def _as_it_is(alike: Alike) -> Alike:
    return alike


def _as_decided(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, report: TextReport) -> None:
    """Somebody watches a pipe: each connection is shown when its login is decided, and not when all is over."""
    sources: Run[tuple[Connection, ConnectionDetail | None, bool]] = Run(
        options, partial(AsDecided, arguments.filter), 1, Console()
    )
    sources.analysis = DecidedAnalysis
    for name, news in sources.each(arguments.captures, arguments.merge):
        before = len(sources.sources)
        report.begin(name)
        for connection, detail, final in news:
            outcome.gravest = max(outcome.gravest, rank_of(connection.findings))
            report.news(connection, detail, final)
        if len(sources.sources) > before:
            report.end(sources.sources[-1])
    outcome.take(sources)
    if sources.sources:
        report.summary()


def _summary(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO) -> None:
    from analyzer.analysis.connection.fleet import Fleet
    from analyzer.report.text.fleet import FleetText, as_json

    if arguments.cluster:
        _cluster_summary(arguments, options, outcome, out)
        return
    fleet = Fleet()
    sources: Run[Connection] = Run(
        options, connections(arguments.filter, connection_alone), jobs_of(arguments), Console()
    )
    for _, found in sources.each(arguments.captures, arguments.merge):
        for connection in found:
            outcome.gravest = max(outcome.gravest, rank_of(connection.findings))
            fleet.add(connection)
    outcome.take(sources)
    if arguments.format == "json":
        out.write(as_json(fleet))
    elif sources.sources:
        FleetText(lambda line: out.write(line.encode()), *look(arguments, out), clock=arguments.tz).whole(fleet)


def gravest_of(connection: Connection) -> int:
    """How grave the gravest finding of a connection is, as `rank_of`."""
    return rank_of(connection.findings)


def _cluster_summary(arguments: argparse.Namespace, options: AnalysisOptions, outcome: _Outcome, out: BinaryIO) -> None:
    """The same of all captures as one, in many processes."""
    from functools import partial

    from analyzer.cli.clusters import cluster_of, cluster_run, filter_text, rsa_pem_of
    from analyzer.cluster.sums import SummaryCollector, summary
    from analyzer.report.text.fleet import FleetText, as_json

    collect = partial(SummaryCollector, gravest_of, filter_text(arguments))
    with cluster_of(arguments) as cluster:
        run = cluster_run(arguments, cluster)
        found = summary(run, arguments.captures, options, rsa_pem_of(arguments), collect, gravest_of)
    outcome.failed |= run.failed
    if found is None:
        return
    fleet, outcome.gravest = found
    if arguments.format == "json":
        out.write(as_json(fleet))
    else:
        FleetText(lambda line: out.write(line.encode()), *look(arguments, out), clock=arguments.tz).whole(fleet)


_WRITERS: dict[str, Callable[[argparse.Namespace, AnalysisOptions, _Outcome, BinaryIO], None]] = {
    "text": _text,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
}

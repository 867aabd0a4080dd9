"""What needs no rows: the summary of all connections, and the statistics of all commands, by way of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.analysis.connection.fleet import Fleet
from analyzer.analysis.model.connection import Source
from analyzer.batches import I64
from analyzer.cluster.across import completed, numbers_of
from analyzer.cluster.deal import Dealt
from analyzer.cluster.export import ClusterRun, source_of_set
from analyzer.cluster.share import Analysed
from analyzer.engine.collectors import Collector, connection_alone, connections
from analyzer.engine.filters import filter_or_none
from analyzer.engine.packed import Key
from analyzer.tables.collector import Entry, SharePiece, for_others

# Connections of which others are told together.
AT_ONCE = 4096


class SummaryCollector:
    """At the end the summary of the connections of a share that are whole; before, what others need to know of all."""

    def __init__(self, note: Callable[[Connection], int], text: str | None) -> None:
        """text: a display filter, of the connections that are summed up."""
        self._connections: Collector[Connection] = connections(filter_or_none(text), connection_alone)()
        self._fleet = Fleet()
        self._note = note
        self._highest = -1
        self._entries: list[Entry] = []

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        return self._connections.options(replace(options, connections=True))

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, Any]]:
        given = list(results)
        kept = [connection for _, connection in self._connections.take(analysis, iter(given), last)]
        whole, entries = for_others(given, kept)
        self._entries += entries
        for connection in whole:
            self._fleet.add(connection)
            self._highest = max(self._highest, self._note(connection))
        if last or len(self._entries) >= AT_ONCE:
            entries, self._entries = self._entries, []
            yield (0,), SharePiece({}, entries)
        if last:
            yield (0,), (self._fleet, self._highest)


def summary(
    run: ClusterRun,
    names: Sequence[str],
    options: AnalysisOptions,
    rsa_pem: bytes | None,
    collect: Callable[[], Collector[Any]],
    note: Callable[[Connection], int],
) -> tuple[Fleet, int] | None:
    """(the summary of all connections, the highest `note` of one); None where nothing could be read."""
    try:
        _, analysed = _analysed(run, names, options, rsa_pem, collect)
        if not analysed:
            return None
        whole, highest = Fleet(), -1
        for share in analysed:
            for fleet, gravest in share.found:
                whole.merge(fleet)
                highest = max(highest, gravest)
        for connection in completed([share.number for share in analysed], run.scratch):
            whole.add(connection)
            highest = max(highest, note(connection))
        return whole, highest
    finally:
        run.scratch.remove()


def statistics(
    run: ClusterRun,
    names: Sequence[str],
    options: AnalysisOptions,
    rsa_pem: bytes | None,
    collect: Callable[[], Collector[CommandStatistics]],
    whole: CommandStatistics,
) -> Source | None:
    """Adds the statistics of all commands to `whole`; the set as a whole, None where nothing could be read."""
    try:
        read, analysed = _analysed(run, names, options, rsa_pem, collect)
        if not analysed:
            return None
        connections, numbers = numbers_of([share.number for share in analysed], run.scratch)
        for share in analysed:
            for part in share.found:
                _renumber(part, numbers[share.number])
                whole.merge(part)
        return source_of_set(read, analysed, connections)
    finally:
        run.scratch.remove()


def _renumber(part: CommandStatistics, numbers: I64) -> None:
    """Examples are named by the numbers of the whole set."""
    for group in (part.all, *(group for groups in part.groups.values() for group in groups.values())):
        if group.example is not None:
            capture, stream, frame = group.example
            group.example = capture, int(numbers[stream]), frame
    for failed in part.failures.groups.values():
        failed.connections = {(capture, int(numbers[stream])) for capture, stream in failed.connections}
        if failed.example is not None:
            capture, stream, frame = failed.example
            failed.example = capture, int(numbers[stream]), frame


def _analysed(
    run: ClusterRun,
    names: Sequence[str],
    options: AnalysisOptions,
    rsa_pem: bytes | None,
    collect: Callable[[], Collector[Any]],
) -> tuple[list[Dealt], list[Analysed]]:
    files = run.identities(names)
    read = run.dealt(files) if files else []
    return read, run.analysed(read, options, rsa_pem, collect) if read else []

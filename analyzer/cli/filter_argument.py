"""-Y: the display filter of several commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.analysis.findings.history import note_of
from analyzer.cli.harvest import Collector, Connections, Done, Key

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

T = TypeVar("T")


def display_filter(text: str) -> Filter:
    """A display filter as an argument; what is wrong with it is said with the place marked."""
    from analyzer.analysis.dissection.filters import FilterError, compile_filter

    try:
        return compile_filter(text)
    except FilterError as error:
        marked = error.marked()
        raise argparse.ArgumentTypeError(f"{error}\n{marked}" if marked else str(error)) from None


def filter_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds -Y."""
    parser.add_argument(
        "-Y",
        dest="filter",
        type=display_filter,
        metavar="FILTER",
        help=f"{what}; Wireshark's display filters (see `handshark fields`)",
    )


class Matched(Connections[T]):
    """Each connection for which a filter holds, rendered."""

    def __init__(self, keep: Filter, render: Callable[[Result], T]) -> None:
        from analyzer.analysis.dissection.selection import Matching

        super().__init__(render)
        self._matching = Matching(keep)
        self._kept: dict[int, bool] = {}

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        wanted = options.wanted

        def both(connection: Connection) -> bool:
            return self._keeps(connection) and (wanted is None or wanted(connection))

        return super().options(self._matching.options(replace(options, wanted=both)))

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, T]]:
        for result in results:
            connection = result[0]
            kept = self._keeps(connection)
            del self._kept[connection.stream]
            if kept:
                yield from super().take(analysis, iter([result]), last)
            elif self._shared:
                # Later connections are judged by what is known of this one all the same.
                yield (connection.stream,), cast(T, Done(None, note_of(connection)))

    def join(self, items: Iterator[Any]) -> Iterator[T]:
        return (item for item in super().join(items) if item is not None)

    def _keeps(self, connection: Connection) -> bool:
        """Decided once, by whoever asks first."""
        if connection.stream not in self._kept:
            self._kept[connection.stream] = self._matching.keeps(connection)
        return self._kept[connection.stream]


def connections(keep: Filter | None, render: Callable[[Result], T]) -> Callable[[], Collector[T]]:
    """What makes a harvest of connections: of all, or of those for which a filter holds."""
    return partial(Connections, render) if keep is None else partial(Matched, keep, render)


def jobs_of(arguments: argparse.Namespace) -> int | None:
    """How many processes may work: one where the filter asks for findings, some of which rest on all connections."""
    keep: Filter | None = arguments.filter
    if keep is not None and keep.fields & {"handshark.finding", "handshark.severity"}:
        return 1
    jobs: int | None = arguments.jobs
    return jobs

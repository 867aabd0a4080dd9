"""What `commands` and `stats` take from an analysis: exchanges, the slowest of them, or their statistics."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from analyzer.analysis import Analysis, AnalysisOptions, Result
from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.model.command import Command
from analyzer.cli.harvest import Key

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter
    from analyzer.analysis.dissection.selection import Choosing

T = TypeVar("T")

# Bytes of one packet that are kept where statements are listed: clients send 16 MiB and a little more by default.
LONGEST_STATEMENT: Final = 1 << 25


class Observed:
    """Lets an CommandTracker look on at every connection; takes only exchanges of which a packet matches `keep`."""

    longest: ClassVar[int] = LONGEST_STATEMENT

    def __init__(self, slow_ns: int, keep: Filter | None = None) -> None:
        self._slow_ns = slow_ns
        self._sink: Sink = []
        self._choosing: Choosing | None = None
        if keep is not None:
            from analyzer.analysis.dissection.selection import Choosing

            self._choosing = Choosing(keep)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        sink = self._sink
        # Connections are worked out only where a filter asks what they are.
        options = replace(options, keep=max(options.keep, self.longest), connections=self._choosing is not None)
        if self._choosing is not None:
            return self._choosing.options(options, sink)
        return replace(options, observe=(*options.observe, lambda tcp: CommandTracker(tcp, sink)))

    def taken(self, analysis: Analysis, results: Iterator[Result]) -> Iterator[tuple[int, CommandTracker, Command]]:
        """The exchanges that ended with this batch and took long enough, in the order in which they ended."""
        done = [result[0] for result in results]
        sink = self._sink if self._choosing is None else self._choosing.chosen(self._sink, done)
        sink.sort(key=_order)
        least = self._slow_ns
        for frame, log, pending in sink:
            if not least or (pending.response_frame is not None and pending.last_ns - pending.time_ns >= least):
                yield frame, log, log.exchange(analysis.name, pending)
        self._sink.clear()


def _order(item: tuple[int, CommandTracker, PendingCommand]) -> tuple[int, int, int]:
    return item[0], item[1].tcp.number, item[2].number


class Exchanges(Observed, Generic[T]):
    """Each exchange rendered, in the order in which they end."""

    def __init__(self, slow_ns: int, render: Callable[[Command], T], keep: Filter | None = None) -> None:
        super().__init__(slow_ns, keep)
        self._render = render
        self._batch = 0

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, T]]:
        # All processes see the same batches: what ends in them can be put in one order.
        self._batch += 1
        for frame, log, exchange in self.taken(analysis, results):
            yield (self._batch, frame, log.tcp.number, exchange.number), self._render(exchange)


class Slowest(Observed):
    """At the end, the `most` exchanges that took longest, the slowest first."""

    def __init__(self, slow_ns: int, most: int, keep: Filter | None = None) -> None:
        super().__init__(slow_ns, keep)
        self._top = Top(most)

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, Command]]:
        for _, _, exchange in self.taken(analysis, results):
            self._top.add(exchange)
        if last:
            for index, exchange in enumerate(self._top.ranked()):
                yield (index,), exchange


class Top:
    """Keeps the exchanges that took longest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, int, int, int, Command]] = []

    def add(self, exchange: Command, source: int = 0) -> None:
        """`source` is the number of the exchange's capture: of those that took equally long the first stay."""
        if exchange.duration_ns is None:
            return
        item = (exchange.duration_ns, -source, -exchange.stream, -exchange.number, exchange)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, item)
        elif item > self._heap[0]:
            heapq.heapreplace(self._heap, item)

    def ranked(self) -> list[Command]:
        return [item[-1] for item in sorted(self._heap, reverse=True)]

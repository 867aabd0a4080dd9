"""What is taken from an analysis of its commands: each of them, the slowest, or their statistics."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Result
from analyzer.analysis.commands.pending import PendingCommand
from analyzer.analysis.commands.tracker import CommandTracker, Sink
from analyzer.analysis.commands.turn_tracker import RenderedTurns, TurnRenderer, TurnSink
from analyzer.analysis.model.command import Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.engine.lines import Lines, in_pieces, joined
from analyzer.engine.packed import Key

if TYPE_CHECKING:
    from analyzer.analysis.commands.statistics import CommandStatistics
    from analyzer.analysis.dissection.filters import Filter
    from analyzer.analysis.dissection.selection import Choosing

T = TypeVar("T")

# Bytes of one packet that are kept where statements are listed: clients send 16 MiB and a little more by default.
LONGEST_STATEMENT: Final = 1 << 25
# Bytes of lines that one process alone gives together: they stay in the processor's cache until they are written.
_TOGETHER: Final = 1 << 16


class CommandCollector:
    """Lets a CommandTracker look on at every connection; takes only commands of which a packet matches `keep`."""

    longest: ClassVar[int] = LONGEST_STATEMENT

    def __init__(self, slow_ns: int, keep: Filter | None = None) -> None:
        self._slow_ns = slow_ns
        self._sink: Sink = []
        self._mask: StatementMask | None = None  # secrets are shown
        self._choosing: Choosing | None = None
        if keep is not None:
            from analyzer.analysis.dissection.selection import Choosing

            self._choosing = Choosing(keep)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        sink = self._sink
        self._mask = None if options.show_secrets else StatementMask()
        # Connections are worked out only where a filter asks what they are.
        options = replace(options, keep=max(options.keep, self.longest), connections=self._choosing is not None)
        if self._choosing is not None:
            return self._choosing.options(options, sink)
        return replace(options, observe=(*options.observe, lambda tcp: CommandTracker(tcp, sink)))

    def taken(self, analysis: Analysis, results: Iterator[Result]) -> Iterator[tuple[int, CommandTracker, Command]]:
        """The commands that ended with this batch and took long enough, in the order in which they ended."""
        done = [result[0] for result in results]
        sink = self._sink if self._choosing is None else self._choosing.chosen(self._sink, done)
        sink.sort(key=_order)
        least = self._slow_ns
        for frame, log, pending in sink:
            took = 0 if pending.response_frame is None else pending.last_ns - pending.request.time_ns
            if not least or took >= least:
                yield frame, log, log.command(analysis.name, pending, self._mask)
        self._sink.clear()


def _order(item: tuple[int, CommandTracker, PendingCommand]) -> tuple[int, int, int]:
    return item[0], item[1].tcp.number, item[2].number


class EachCommand(CommandCollector, Generic[T]):
    """Each command rendered, in the order in which they end."""

    def __init__(self, slow_ns: int, render: Callable[[Command], T], keep: Filter | None = None) -> None:
        super().__init__(slow_ns, keep)
        self._render = render
        self._batch = 0

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, T]]:
        # All processes see the same batches: what ends in them can be put in one order.
        self._batch += 1
        for frame, log, command in self.taken(analysis, results):
            yield (self._batch, frame, log.tcp.number, command.number), self._render(command)


def watched(options: AnalysisOptions, sink: TurnSink) -> AnalysisOptions:
    """The options with which a sink is given every command."""
    sink.mask = None if options.show_secrets else StatementMask()
    observe = (*options.observe, sink.tracker)
    return replace(options, keep=max(options.keep, LONGEST_STATEMENT), connections=False, observe=observe)


class EachTurn:
    """What EachCommand gives, where no command is left out by a filter: lines, made as soon as their commands are over.

    Many are one item; where other processes have commands that come in between, they are `Lines`.
    """

    at_once: ClassVar[int] = 1

    def __init__(self, slow_ns: int, renderer: Callable[[str, StatementMask | None], TurnRenderer]) -> None:
        self._make = renderer
        self._sink = RenderedTurns(slow_ns)
        self._batch = 0
        self._shared = False

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        self._shared = options.share is not None
        return watched(options, self._sink)

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, Any]]:
        sink = self._sink
        if not self._batch:
            sink.capture = analysis.name
            sink.renderer = self._make(analysis.name, sink.mask)
        self._batch += 1
        deque(results, 0)
        sink.settle()
        lines = sink.lines
        if self._shared:
            yield from in_pieces(self._batch, lines)
        else:
            begin = 0
            while begin < lines.count:
                stop = lines.reach(begin, _TOGETHER)
                yield (self._batch, begin), lines.gathered(begin, stop)
                begin = stop
        lines.clear()

    def join(self, items: Iterator[Lines]) -> Iterator[bytes]:
        """The lines of several processes."""
        return joined(items)


class RankedCommands(CommandCollector):
    """At the end, the first `most` commands in an order of ORDERS."""

    def __init__(self, slow_ns: int, most: int, order: str = "took", keep: Filter | None = None) -> None:
        super().__init__(slow_ns, keep)
        self._top = TopCommands(most, order)

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, Command]]:
        for _, _, command in self.taken(analysis, results):
            self._top.add(command)
        if last:
            for index, command in enumerate(self._top.ranked()):
                yield (index,), command


# What commands can be ordered by -> their place in that order, the highest first; None where they have none.
ORDERS: Final[dict[str, Callable[[Command], int | None]]] = {
    "took": lambda command: command.duration_ns,
    "latency": lambda command: command.latency_ns,
    "rows": lambda command: command.rows if command.rows is not None else command.affected_rows,
    "bytes": lambda command: command.bytes_request + command.bytes_response,
    "time": lambda command: -command.time_ns,
}


class TopCommands:
    """Keeps the first commands of an order."""

    def __init__(self, most: int, order: str = "took") -> None:
        self._most = most
        self._order = ORDERS[order]
        self._heap: list[tuple[int, int, int, int, Command]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, command: Command, source: int = 0) -> None:
        """`source` is the number of the command's capture: of those that took equally long the first stay."""
        place = self._order(command)
        if place is None:
            return
        item = (place, -source, -command.stream, -command.number, command)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, item)
        elif item > self._heap[0]:
            heapq.heapreplace(self._heap, item)

    def ranked(self) -> list[Command]:
        return [item[-1] for item in sorted(self._heap, reverse=True)]


class SummedCommands(CommandCollector):
    """At the end, the statistics of all commands of a capture."""

    longest: ClassVar[int] = 0  # the usual: of a statement its beginning is enough

    def __init__(self, slow_ns: int, kinds: tuple[str, ...], keep: Filter | None = None) -> None:
        # A large library comes with it, which no other command needs.
        from analyzer.analysis.commands.digest import Digests
        from analyzer.analysis.commands.statistics import CommandStatistics

        super().__init__(slow_ns, keep)
        self._statistics = CommandStatistics(kinds)
        self._digests = Digests()

    def take(
        self, analysis: Analysis, results: Iterator[Result], last: bool
    ) -> Iterable[tuple[Key, CommandStatistics]]:
        for _, _, command in self.taken(analysis, results):
            self._statistics.add(command, self._digests)
        if last:
            yield (0,), self._statistics

"""Connections, and at the end what the commands of those that are shown come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from analyzer.analysis import Alike, Analysis, AnalysisOptions, Result, Told
from analyzer.analysis.commands.workload import Workload, WorkloadCounter
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.engine.collectors import Connections, Done, Rendering, connections
from analyzer.engine.packed import Key

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

T = TypeVar("T")

# The key of what comes after all connections.
LAST: Final = 1 << 62


class WithWorkload(Connections[T | Workload]):
    """Each connection that `keep` lets through, rendered; then one Workload of their commands from each process."""

    def __init__(self, keep: Filter | None, rendering: Rendering[T] | Callable[[Result], T], statements: bool) -> None:
        given: Any = rendering  # of connections; a workload is never rendered
        super().__init__(given)
        self._each = connections(keep, rendering)()
        self._statements = statements
        self._workload = Workload()
        self._counter = WorkloadCounter(None, statements)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        mask = None if options.show_secrets else StatementMask()
        self._counter = WorkloadCounter(mask, self._statements)
        super().options(options)  # it packs what each process gives
        return self._each.options(replace(options, observe=(*options.observe, self._counter.watch)))

    def take(self, analysis: Analysis, results: Iterator[Told], last: bool) -> Iterator[tuple[Key, T | Workload]]:
        self._counter.capture = analysis.name
        for result in results:
            one = result if isinstance(result, Alike) else result[0]
            counted = self._counter.taken(one.stream)
            shown = False
            for key, item in self._each.take(analysis, iter((result,)), False):
                shown = not isinstance(item, Done) or item.rendered is not None
                yield key, item
            # A copy of another is of no kind.
            if shown and counted is not None and (isinstance(one, Alike) or not one.is_copy):
                counted.into(self._workload)
        if last:
            yield (LAST,), self._workload

    def join(self, items: Iterator[Any]) -> Iterator[T | Workload]:
        workloads: list[Workload] = []

        def rendered() -> Iterator[Any]:
            for item in items:
                if isinstance(item, Workload):
                    workloads.append(item)
                else:
                    yield item

        yield from self._each.join(rendered())
        yield from workloads


def with_workload(
    keep: Filter | None, rendering: Rendering[T] | Callable[[Result], T], *, statements: bool
) -> Callable[[], WithWorkload[T]]:
    """What makes such a collector. `statements`: whether they are told apart."""
    return partial(WithWorkload, keep, rendering, statements)

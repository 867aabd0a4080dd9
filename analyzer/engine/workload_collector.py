"""Connections, and at the end what the commands of those that are shown come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Result, Told
from analyzer.analysis.commands.workload import Workload, WorkloadCounter
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.analysis.pipeline import results as whole_ones
from analyzer.engine.collectors import Connections, Done, Key, connections

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

T = TypeVar("T")

# The key of what comes after all connections.
LAST: Final = 1 << 62


class WithWorkload(Connections[T | Workload]):
    """Each connection that `keep` lets through, rendered; then one Workload of their commands from each process."""

    def __init__(self, keep: Filter | None, render: Callable[[Result], T], statements: bool) -> None:
        super().__init__(render)
        self._each = connections(keep, render)()
        self._statements = statements
        self._workload = Workload()
        self._counter = WorkloadCounter(None, statements)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        mask = None if options.show_secrets else StatementMask()
        self._counter = WorkloadCounter(mask, self._statements)
        return self._each.options(replace(options, observe=(*options.observe, self._counter.watch)))

    def take(self, analysis: Analysis, results: Iterator[Told], last: bool) -> Iterator[tuple[Key, T | Workload]]:
        self._counter.capture = analysis.name
        for result in whole_ones(results):
            workload = self._counter.taken(result[0].stream)
            shown = False
            for key, item in self._each.take(analysis, iter((result,)), False):
                shown = not isinstance(item, Done) or item.rendered is not None
                yield key, item
            if shown and workload is not None and not result[0].is_copy:
                self._workload.merge(workload)
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
    keep: Filter | None, render: Callable[[Result], T], *, statements: bool
) -> Callable[[], WithWorkload[T]]:
    """What makes such a collector. `statements`: whether they are told apart."""
    return partial(WithWorkload, keep, render, statements)

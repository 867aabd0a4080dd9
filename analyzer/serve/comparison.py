"""One of two captures that are compared, read: for the browser, and for `report --diff`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from analyzer.analysis import AnalysisOptions, Result
from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.engine.collectors import connections, whole
from analyzer.engine.command_collectors import SummedCommands
from analyzer.engine.jobs import COMMANDS
from analyzer.engine.listener import RunListener
from analyzer.engine.run import Run
from analyzer.report.prose.changes import COMPARED, Side

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter


def side_of(
    name: str, options: AnalysisOptions, keep: Filter | None, jobs: int | None, listener: RunListener
) -> tuple[Side, int]:
    """A capture, counted, and the exit code that it asks for.

    Where it can not be read its `source` stays None, and the listener has heard why.
    """
    side = Side(name)
    run: Run[Result] = Run(options, connections(keep, whole), jobs, listener)
    for _, results in run.each([name], False):
        for connection, _ in results:
            side.add(connection)
    if run.sources:
        side.source = run.sources[0]
        side.workload = CommandStatistics(COMPARED)
        commands = Run(options, partial(SummedCommands, 0, COMPARED, keep), jobs, listener)
        commands.work = COMMANDS
        for _, parts in commands.each([name], False):
            for part in parts:
                side.workload.merge(part)
    return side, run.code

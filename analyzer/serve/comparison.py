"""One of two captures that are compared, read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from analyzer.analysis import AnalysisOptions, Result
from analyzer.analysis.commands.statistics import CommandStatistics
from analyzer.engine.collectors import connections, jobs_allowed, whole
from analyzer.engine.command_collectors import SummedCommands
from analyzer.engine.jobs import COMMANDS
from analyzer.engine.listener import RunListener
from analyzer.engine.run import Run
from analyzer.report.prose.changes import Side

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

# What is compared of the commands of two captures.
COMPARED: Final = ("statement", "error")


def side_of(name: str, options: AnalysisOptions, keep: Filter | None, listener: RunListener) -> Side:
    """A capture, counted. Where it can not be read its `source` stays None, and the listener has heard why."""
    jobs = jobs_allowed(keep, None)
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
    return side

"""What the story of a capture is told from: its connections, and at the end what its commands were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.analysis.commands.failures import reason_of
from analyzer.analysis.commands.usage import CommandUsage
from analyzer.engine.collectors import Connections, Key, connection_alone
from analyzer.engine.command_collectors import CommandCollector

if TYPE_CHECKING:
    from analyzer.analysis.commands.digest import Digests

Told: TypeAlias = Connection | CommandUsage

# The key of what comes after all connections.
LAST: Final = 1 << 62


class _Beginnings(CommandCollector):
    """Commands of whose statement the beginning is enough."""

    longest: ClassVar[int] = 0


class StoryCollector(Connections[Told]):
    """Each connection, then one CommandUsage from each process."""

    def __init__(self) -> None:
        super().__init__(connection_alone)
        self._commands = _Beginnings(0)
        self._usage = CommandUsage()
        self._digests: Digests | None = None

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        return super().options(replace(self._commands.options(options), connections=True))

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, Told]]:
        yield from super().take(analysis, results, last)
        for _, _, command in self._commands.taken(analysis, iter(())):
            if self._digests is None and reason_of(command) is not None:
                # A large library comes with it, which only failures need.
                from analyzer.analysis.commands.digest import Digests

                self._digests = Digests()
            self._usage.add(command, self._digests)
        if last:
            yield (LAST,), self._usage

    def join(self, items: Iterator[Any]) -> Iterator[Told]:
        usages: list[CommandUsage] = []

        def connections() -> Iterator[Any]:
            for item in items:
                if isinstance(item, CommandUsage):
                    usages.append(item)
                else:
                    yield item

        yield from super().join(connections())
        yield from usages

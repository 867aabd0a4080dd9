"""What a command takes from an analysis, batch by batch, in whichever process it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, cast

from analyzer.analysis import Analysis, AnalysisOptions, Connection, Result
from analyzer.analysis.findings.cross_connection import Across, is_open
from analyzer.analysis.findings.history import Note, note_of

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Items come in the order of their keys; those of several processes are merged by them.
Key: TypeAlias = "tuple[int, ...]"


class Collector(Protocol[T_co]):
    """Made anew for every capture, in every process."""

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The options with what this harvest needs."""

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, T_co]]:
        """Uses up the connections that a batch completed; gives items with rising keys. `last`: nothing follows."""


class Done(NamedTuple):
    """A connection rendered by one process of several, and what later ones need to know of it."""

    rendered: object
    note: Note | None


class Connections(Generic[T]):
    """Each connection, rendered. One process of several gives `Done`, or the result where others decide a finding."""

    def __init__(self, render: Callable[[Result], T]) -> None:
        self._render = render
        self._shared = False

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        self._shared = options.share[1] > 1
        return options

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, T]]:
        for result in results:
            connection = result[0]
            item: Any = self._render(result) if not self._shared or not is_open(connection) else result
            if self._shared and item is not result:
                item = Done(item, note_of(connection))
            yield (connection.stream,), item

    def join(self, items: Iterator[Any]) -> Iterator[T]:
        """What several processes gave, merged in order: completes the findings that rest on earlier connections."""
        across = Across()
        for item in items:
            if isinstance(item, Done):
                if item.note is not None:
                    across.note(item.note)
                yield cast(T, item.rendered)
            else:
                across.judge(item[0])
                yield self._render(item)


def whole(result: Result) -> Result:
    """What `Connections` renders where the caller takes the connection as it is."""
    return result


def connection_alone(result: Result) -> Connection:
    """The connection without its packets."""
    return result[0]

"""What a command takes from an analysis, batch by batch, in whichever process it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeAlias, TypeVar

from analyzer.analysis import Analysis, Options, Result

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Items come in the order of their keys; those of several processes are merged by them.
Key: TypeAlias = "tuple[int, ...]"


class Harvest(Protocol[T_co]):
    """Made anew for every capture, in every process."""

    def options(self, options: Options) -> Options:
        """The options with what this harvest needs."""

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, T_co]]:
        """Uses up the connections that a batch completed; gives items with rising keys. `last`: nothing follows."""


class Connections(Generic[T]):
    """Each connection, rendered."""

    def __init__(self, render: Callable[[Result], T]) -> None:
        self._render = render

    def options(self, options: Options) -> Options:
        return options

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterator[tuple[Key, T]]:
        for result in results:
            yield (result[0].stream,), self._render(result)


def whole(result: Result) -> Result:
    """What `Connections` renders where the caller takes the connection as it is."""
    return result

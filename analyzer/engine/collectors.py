"""What is taken from an analysis, batch by batch, in whichever process it runs: connections, all or chosen ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    Protocol,
    TypeVar,
    cast,
    runtime_checkable,
)

import msgspec
from msgspec.structs import replace

from analyzer.analysis import Alike, Analysis, AnalysisOptions, Connection, Result, Told
from analyzer.analysis.connection.kinds import STREAM
from analyzer.analysis.findings.history import Note, note_of, outline_of
from analyzer.analysis.live import DecidedAnalysis
from analyzer.analysis.model.connection import Finding
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.pipeline import load_rules
from analyzer.analysis.pipeline import results as whole_ones
from analyzer.engine.packed import Key, Packed, Packer

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter
    from analyzer.analysis.dissection.selection import Matching

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Results that one process of several sends together, where a collector says nothing else (`at_once`).
AT_ONCE: Final = 512
# Connections that one item renders at most.
TOGETHER: Final = 64
# Display fields of findings, some of which rest on all connections of a capture.
OF_FINDINGS: Final = frozenset({"handshark.finding", "handshark.severity"})


class Collector(Protocol[T_co]):
    """Made anew for every capture, in every process."""

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        """The options with what this collector needs."""

    def take(self, analysis: Analysis, results: Iterator[Result], last: bool) -> Iterable[tuple[Key, T_co]]:
        """Uses up the connections that a batch completed; gives items with rising keys. `last`: nothing follows."""


@runtime_checkable
class Packing(Protocol):
    """A collector whose items have a form of their own on their way between processes."""

    def packed(self, items: Iterable[tuple[Key, Any]]) -> Any:
        """What is sent of items."""

    def unpacked(self, packed: Any) -> list[tuple[Key, Any]]:
        """The items of what was sent."""


@runtime_checkable
class Sending(Protocol):
    """A collector that gives something else where it goes to another process, even from one alone.

    sends  whether it does: said before it is asked for anything
    """

    sends: bool


@runtime_checkable
class Joining(Protocol[T_co]):
    """A collector whose items of several processes are put together by their parent."""

    def join(self, items: Iterator[Any]) -> Iterator[T_co]:
        """What all items together are, which come in the order of their keys."""


def takes_alike(collector: object) -> bool:
    """Whether a collector takes connections of known kinds as they are (`Told`); else they come as whole ones."""
    return getattr(collector, "alike", False) is True


class Done(msgspec.Struct, frozen=True):
    """A connection rendered by one process of several, and what later ones need to know of it."""

    rendered: object
    note: Note | None


class Begun(msgspec.Struct, frozen=True):
    """A connection rendered but for its findings, which others decide, and what is asked of it for that."""

    outline: Connection
    rendered: object


class Together(msgspec.Struct, Generic[T], frozen=True):
    """How an item renders several connections: those of known kinds at once, and items of one as one of all."""

    alike: Callable[[list[Alike]], T]
    join: Callable[[list[T]], T]


class Rendering(Generic[T]):
    """Renders a connection: all of it, or what is known of it before its findings are."""

    def __init__(
        self,
        whole: Callable[[Result], T],
        begin: Callable[[Connection], Any] | None = None,
        finish: Callable[[Any, list[Finding]], T] | None = None,
        alike: Callable[[Alike], T] | None = None,
        together: Together[T] | None = None,
    ) -> None:
        """With `begin` and `finish` it is done in two steps where it has to wait: less is kept, and sent around.

        `alike` renders a connection of a known kind, and takes so little that the process that joins the others does it
        for all; so does that of `together`, with which each item renders several connections, in their order.
        """
        self.whole = whole
        self.begin = begin
        self.finish = finish
        self.alike = alike
        self.together = together


class Connections(Generic[T]):
    """Each connection, rendered. One process of several gives `Alike` or `Done`; where others decide a finding `Begun`
    or the result."""

    alike: ClassVar[bool] = True

    def __init__(self, rendering: Rendering[T] | Callable[[Result], T]) -> None:
        load_rules()  # processes that are started later share them
        if not isinstance(rendering, Rendering):
            rendering = Rendering(rendering, alike=_AS_IT_IS.get(rendering))
        self._rendering = rendering
        self._shared = False
        self._packer = Packer()
        # Those that wait to be rendered together.
        self._waiting: list[Any] = []

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        self._shared = options.share is not None
        if options.share is not None:
            self._packer.process = options.share[0]
        return options

    def take(self, analysis: Analysis, results: Iterator[Told], last: bool) -> Iterator[tuple[Key, T]]:
        if self._shared:
            yield from self._of_share(results)
        else:
            for item in self._together(results):
                yield (), item  # nobody puts them in order

    def _of_share(self, results: Iterator[Told]) -> Iterator[tuple[Key, T]]:
        """What one process of several gives."""
        from analyzer.analysis.findings.cross_connection import is_open

        rendering = self._rendering
        by_rows = rendering.alike is not None or rendering.together is not None
        for result in results:
            if by_rows and isinstance(result, Alike):
                yield (result.row[STREAM],), cast(T, result)
                continue
            one = (result.connection(), None) if isinstance(result, Alike) else result
            connection = one[0]
            item: Any = one
            if not is_open(connection):
                item = Done(rendering.whole(one), note_of(connection))
            elif rendering.begin is not None:
                item = Begun(outline_of(connection), rendering.begin(connection))
            yield (connection.stream,), item

    def packed(self, items: Iterable[tuple[Key, Any]]) -> Packed:
        """What `take` gave, for the process that joins."""
        return self._packer.packed(items)

    def unpacked(self, packed: Packed) -> list[tuple[Key, Any]]:
        """What another process's `take` gave."""
        return self._packer.unpacked(packed)

    def join(self, items: Iterator[Any]) -> Iterator[T]:
        """What several processes gave, merged in order: completes the findings that rest on earlier connections."""
        return self._together(self._judged(items))

    def _judged(self, items: Iterator[Any]) -> Iterator[Any]:
        from analyzer.analysis.findings.cross_connection import Across, Held

        across = Across()
        held: Held[Any] = Held(across)
        for given in items:
            item, connection = given, None
            if isinstance(item, Alike):
                item = item.passed(across)
                connection = item.outline
            elif not isinstance(item, Done):
                connection = item.outline if isinstance(item, Begun) else item[0]
                across.judge(connection)
            elif item.note is not None:
                across.note(item.note)
            yield from held.put(item, connection)
        yield from held.rest()

    def _together(self, items: Iterable[Any]) -> Iterator[T]:
        """Renders items, together where that is asked for."""
        together = self._rendering.together
        if together is None:
            yield from map(self._rendered, items)
            return
        # What is not rendered yet when Ctrl-C ends this comes with those after it.
        waiting = self._waiting
        for item in items:
            waiting.append(item)
            if len(waiting) == TOGETHER:
                yield self._joined(together)
        if waiting:
            yield self._joined(together)

    def _joined(self, together: Together[T]) -> T:
        """Renders those that wait."""
        pieces: list[T] = []
        for are_alike, items in groupby(self._waiting, _is_alike):
            if are_alike:
                pieces.append(together.alike([*items]))
            else:
                pieces += filter(_is_there, map(self._rendered, items))
        self._waiting.clear()
        return pieces[0] if len(pieces) == 1 else together.join(pieces)

    def _rendered(self, item: Any) -> T:
        rendering = self._rendering
        if isinstance(item, Alike):
            if rendering.alike is not None:
                return rendering.alike(item)
            return rendering.whole((item.connection(), None))
        if isinstance(item, Done):
            return cast(T, item.rendered)
        if isinstance(item, Begun) and rendering.finish is not None:
            return rendering.finish(item.rendered, item.outline.findings)
        return rendering.whole(item)


class Matched(Connections[T]):
    """Each connection for which a filter holds, rendered."""

    def __init__(self, keep: Filter, rendering: Rendering[T] | Callable[[Result], T]) -> None:
        from analyzer.analysis.dissection.selection import Matching

        super().__init__(rendering)
        self._matching = Matching(keep)
        self._kept: dict[int, bool] = {}

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        wanted = options.wanted

        def both(connection: Connection) -> bool:
            return self._keeps(connection) and (wanted is None or wanted(connection))

        return super().options(self._matching.options(replace(options, wanted=both)))

    def take(self, analysis: Analysis, results: Iterator[Told], last: bool) -> Iterator[tuple[Key, T]]:
        for result in whole_ones(results):
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


class AsDecided:
    """Each connection when its login is decided, and again at its end: (connection, detail, whether it is over)."""

    def __init__(self, keep: Filter | None) -> None:
        self._matching: Matching | None = None
        self._key = 0
        if keep is not None:
            from analyzer.analysis.dissection.selection import Matching

            self._matching = Matching(keep)

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        return options if self._matching is None else self._matching.options(options)

    def take(
        self, analysis: Analysis, results: Iterator[Result], last: bool
    ) -> Iterator[tuple[Key, tuple[Connection, ConnectionDetail | None, bool]]]:
        ended = list(results)
        if isinstance(analysis, DecidedAnalysis) and not last:
            for connection in analysis.decided():
                if self._matching is None or self._matching.keeps(connection, over=False):
                    yield self._next(), (connection, None, False)
        for connection, detail in ended:
            if self._matching is None or self._matching.keeps(connection):
                yield self._next(), (connection, detail, True)

    def _next(self) -> Key:
        self._key += 1
        return (self._key,)


def _is_alike(item: object) -> bool:
    return isinstance(item, Alike)


def _is_there(item: object) -> bool:
    """Whether anything was rendered: nothing is where a filter does not hold."""
    return item is not None


def connections(keep: Filter | None, rendering: Rendering[T] | Callable[[Result], T]) -> Callable[[], Connections[T]]:
    """What makes a collector of connections: of all, or of those for which a filter holds."""
    return partial(Connections, rendering) if keep is None else partial(Matched, keep, rendering)


def jobs_allowed(keep: Filter | None, jobs: int | None) -> int | None:
    """How many processes may work: one where the filter asks for findings, some of which rest on all connections."""
    return 1 if keep is not None and keep.fields & OF_FINDINGS else jobs


def whole(result: Result) -> Result:
    """What `Connections` renders where the caller takes the connection as it is."""
    return result


def connection_alone(result: Result) -> Connection:
    """The connection without its packets."""
    return result[0]


# The same for connections of known kinds: making one takes less than sending it.
_AS_IT_IS: Final[dict[Callable[[Result], Any], Callable[[Alike], Any]]] = {
    whole: lambda alike: (alike.connection(), None),
    connection_alone: Alike.connection,
}

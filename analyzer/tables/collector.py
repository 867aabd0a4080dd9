"""What makes rows in the process that analyses: batches of all tables that are wanted, from one pass over a capture."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from msgspec.structs import replace

from analyzer.analysis import Alike, Analysis, AnalysisOptions, Connection, Told
from analyzer.analysis.connection.kinds import STREAM
from analyzer.analysis.findings.cross_connection import Across, Held, is_open
from analyzer.analysis.findings.history import Note, note_of
from analyzer.engine.collectors import Collector, connection_alone, connections
from analyzer.engine.command_collectors import EachCommand, watched
from analyzer.engine.packed import Key, Packed, Packer
from analyzer.tables.arrays import arrow
from analyzer.tables.rows import OF_CONNECTIONS, Batches, Wanted, batches_of, told_cells
from analyzer.tables.schema import COMMANDS
from analyzer.tables.told_cells import ToldCells
from analyzer.tables.turn_rows import TurnPart, TurnRows

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter

# Rows that wait to become a batch, and bytes of their statements.
CONNECTIONS_AT_ONCE: Final = 4096
COMMANDS_AT_ONCE: Final = 16384
STATEMENTS_AT_ONCE: Final = 8 << 20
# Connections that wait to be sent: few, as much is left to do where they go.
SENT_AT_ONCE: Final = 1024

Known = TypeVar("Known", bound=Connection | Alike)

# What is known of a connection when its turn comes: its rows are out, or wait for what is across.
Entry = tuple[int, "Note | Connection | Alike | None"]


class SharePiece(NamedTuple):
    """What a part of a capture gives, of which other parts are analysed elsewhere.

    rows     of connections that are whole, and of commands
    entries  (number, what others need to know) of connections, in the order of their numbers; one that waits is there
             itself
    """

    rows: Batches
    entries: list[Entry]


class SentConnections(NamedTuple):
    """Connections for who makes rows of them.

    share    whose they are: (index, of how many)
    settled  all connections of the share below this number have been sent
    """

    told: Packed
    share: tuple[int, int]
    settled: int


class TableCollector:
    """Gives `Batches`; of a part of a capture it gives `SharePiece`, and where another process makes all rows
    `SentConnections` and commands as `TurnPart`, of which `join` makes the same there.

    sends   whether what it gives goes to another process
    wanted  columns of the tables that are made
    keep    rows of connections and commands for which it holds; not of what has to wait for other processes
    load    loads Arrow, in the process that makes rows
    """

    at_once: Final = 1

    def __init__(self, wanted: Wanted, keep: Filter | None = None, load: Callable[[], object] | None = None) -> None:
        self.sends = False
        self._wanted = wanted
        self._load = load or partial(arrow, "a table")
        self.alike = keep is None  # whether `take` is given connections of known kinds as they are
        self._matched: Collector[Connection] | None = None if keep is None else connections(keep, connection_alone)()
        self._turns = TurnRows()
        self._order = array("q")  # places of rows that are among these
        self._lists_commands = COMMANDS.name in wanted
        # Where a filter chooses commands.
        self._chosen: EachCommand[int] | None = None
        if self._lists_commands and keep is not None:
            self._chosen = EachCommand(0, self._turns.command, keep)
        self._share = (0, 1)
        self._shared = False
        self._batch = 0
        self._told = told_cells(wanted)
        self._entries: list[Entry] = []
        self._packer = Packer()
        self._waiting: list[tuple[Key, Any]] = []  # connections that are to be sent

    def options(self, options: AnalysisOptions) -> AnalysisOptions:
        self._share = options.share or (0, 1)
        self._shared = options.part is not None
        self._packer.process = self._share[0]
        if not self.sends:
            self._load()
        if self._lists_commands:
            options = watched(options, self._turns) if self._chosen is None else self._chosen.options(options)
        if not self._wanted.keys() & OF_CONNECTIONS:
            return options
        options = replace(options, connections=True)
        return options if self._matched is None else self._matched.options(options)

    def take(self, analysis: Analysis, results: Iterator[Told], last: bool) -> Iterable[tuple[Key, Any]]:
        self._batch += 1
        self._turns.capture = analysis.name
        if self.sends:
            yield from self._sent(analysis, results, last)
            return
        told = _whole_ones(results) if self._shared else results
        if self._matched is None:
            for each in told:  # the rows of commands are made meanwhile
                self._add(each if isinstance(each, Alike) else each[0])
            self._order += self._turns.ordered()
        else:
            self._take_chosen(analysis, told, last, self._matched)
        rest = max(len(self._entries), self._told.room) >= CONNECTIONS_AT_ONCE
        if last or rest or self._has_many_commands():
            yield from self._flushed()

    def _has_many_commands(self) -> bool:
        return len(self._order) >= COMMANDS_AT_ONCE or self._turns.bytes >= STATEMENTS_AT_ONCE

    def _add(self, one: Connection | Alike) -> None:
        """Takes a connection: its rows, or in a share what others need to know of it, and itself where it waits."""
        if self._shared:
            waiting = _waits(one)
            self._entries.append((one.stream, one if waiting else _noted(one)))
            if waiting:
                return
        self._told.add(one)

    def _sent(
        self, analysis: Analysis, told: Iterator[Told], last: bool
    ) -> Iterator[tuple[Key, SentConnections | TurnPart]]:
        """Sends connections as they are told of, and commands: all else is done where they are joined."""
        waiting = self._waiting
        for each in told:
            waiting.append(((each.row[STREAM],), each) if isinstance(each, Alike) else ((each[0].stream,), each[0]))
        self._order += self._turns.ordered()
        if last or len(waiting) >= SENT_AT_ONCE:
            yield (self._batch,), SentConnections(self._packer.packed(waiting), self._share, analysis.settled)
            waiting.clear()
        if last or self._has_many_commands():
            for part in self._commands():
                yield (self._batch,), part

    def _take_chosen(self, analysis: Analysis, told: Iterator[Any], last: bool, matched: Collector[Connection]) -> None:
        """Takes what a filter chooses; all others are to be known of."""
        given = [*told]
        if self._chosen is not None:
            self._order.extend([place for _, place in self._chosen.take(analysis, iter(given), last)])
        chosen = [connection for _, connection in matched.take(analysis, iter(given), last)]
        whole, entries = for_others(given, chosen) if self._shared else (chosen, [])
        self._entries += entries
        for one in whole:
            self._told.add(one)

    def _flushed(self) -> Iterator[tuple[Key, Any]]:
        told, self._told = self._told, told_cells(self._wanted)
        yield self._given(told)
        for part in self._commands():
            yield self._given(part)

    def _commands(self) -> Iterator[TurnPart]:
        """All commands that have come."""
        yield from self._turns.parts(self._order, COMMANDS_AT_ONCE, STATEMENTS_AT_ONCE)
        self._turns.forget()
        self._order = array("q")

    def _given(self, cells: ToldCells | TurnPart) -> tuple[Key, Any]:
        rows = batches_of(cells, self._wanted)
        if not self._shared:
            return (self._batch,), rows
        entries, self._entries = self._entries, []
        return (self._batch,), SharePiece(rows, entries)

    def join(self, items: Iterator[SentConnections | TurnPart]) -> Iterator[Batches]:
        """The rows of all processes; those of connections come when all that come before them are known.

        They are made here: others need no Arrow for it, and what they are made of is less than they are.
        """
        self._load()  # while the others work
        turns = Turns()
        waiting: list[tuple[Key, Any]] = []
        reached: dict[int, int] = {}
        for piece in items:
            if isinstance(piece, TurnPart):
                yield batches_of(piece, self._wanted)
                continue
            waiting += self._packer.unpacked(piece.told)
            index, shares = piece.share
            reached[index] = piece.settled
            if len(reached) == shares:
                bound = (min(reached.values()),)
                ready = sorted([entry for entry in waiting if entry[0] < bound], key=itemgetter(0))
                waiting = [entry for entry in waiting if entry[0] >= bound]
                yield from self._rows(turns.take(ready))
        yield from self._rows(turns.take(sorted(waiting, key=itemgetter(0))))
        yield from self._rows(turns.rest())
        if self._told.room:
            yield batches_of(self._told, self._wanted)

    def _rows(self, connections: Iterator[Connection | Alike]) -> Iterator[Batches]:
        """The rows of connections that are complete, as soon as there are many."""
        for one in connections:
            self._told.add(one)
            if self._told.room >= CONNECTIONS_AT_ONCE:
                yield batches_of(self._told, self._wanted)
                self._told = told_cells(self._wanted)


def _whole_ones(results: Iterator[Told]) -> Iterator[Told]:
    """Results, those whole of which others decide a finding and give the connection its number."""
    for told in results:
        yield (told.connection(), None) if isinstance(told, Alike) and told.kind.is_open else told


def _waits(one: Connection | Alike) -> bool:
    """Whether a finding of a connection waits for others."""
    return one.kind.is_open if isinstance(one, Alike) else is_open(one)


def for_others(given: Iterable[Told], kept: Sequence[Known]) -> tuple[list[Known], list[Entry]]:
    """Of a share: the connections of `kept` that are whole, and what other shares need to know of all given ones."""
    waiting = {one.stream: one for one in kept if _waits(one)}
    whole = [one for one in kept if one.stream not in waiting]
    entries: list[Entry] = []
    for told in given:
        one = told if isinstance(told, Alike) else told[0]
        entries.append((one.stream, waiting.get(one.stream) or _noted(one)))
    return whole, entries


def _noted(one: Connection | Alike) -> Note | None:
    """What others need to know of a connection."""
    return one.note() if isinstance(one, Alike) else note_of(one)


class Turns:
    """Lets connections pass in the order of their numbers: who waits for others is complete when it comes."""

    def __init__(self) -> None:
        self._across = Across()
        self._held: Held[Connection | Alike | None] = Held(self._across)

    def take(self, entries: Iterable[tuple[Any, Note | Connection | Alike | None]]) -> Iterator[Connection | Alike]:
        """Those that are complete now."""
        for _, known in entries:
            waits: Connection | Alike | None = None
            judged: Connection | None = None
            if isinstance(known, Alike):
                waits = known.passed(self._across)
                judged = waits.outline
            elif isinstance(known, Connection):
                waits = judged = known
                self._across.judge(known)
            elif known is not None:
                self._across.note(known)
            for one in self._held.put(waits, judged):
                if one is not None:
                    yield one

    def rest(self) -> Iterator[Connection | Alike]:
        for one in self._held.rest():
            if one is not None:
                yield one

"""Connections as rows of their tables. Those of a known kind differ in numbers: the rest is taken from the kind's row.

A head is a connection whose row others are taken from: the first of a kind, or one of no kind, which is its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from itertools import chain, count, islice, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from analyzer.analysis import Alike, Connection
from analyzer.analysis.connection.kinds import PLACES, ConnectionKind
from analyzer.analysis.findings.kept import Kept
from analyzer.analysis.model.connection import Finding
from analyzer.tables.arrays import Values, address_keys, array_of, lists_of, taken
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import INT, INT_MAP, SWITCH, TEXT, TEXT_MAP, TableColumn, ValueKind

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
Arrays = dict[str, "pyarrow.Array"]

# How many rows each connection has, and columns of these.
Items = tuple[Sequence[int], Arrays]


class Shared:
    """What rows have in common: each distinct owner, and the place of each row's."""

    def __init__(self, owners: Sequence[Any]) -> None:
        ids = list(map(id, owners))
        distinct = dict(zip(ids, owners, strict=True))
        self.owners = [*distinct.values()]
        numbers = dict(zip(distinct, count()))
        self.places = array("i", map(numbers.__getitem__, ids))

    def each(self, values: Sequence[T]) -> Sequence[T]:
        """Values of the owners, for each row."""
        return list(map(values.__getitem__, self.places))

    def taken(self, made: Arrays) -> Arrays:
        """Columns of the owners, for each row."""
        return rows_of(made, self.places) if len(self.owners) < len(self.places) else made


def rows_of(made: Arrays, places: array[int]) -> Arrays:
    """Rows of columns, by their places."""
    return {name: taken(each, places) for name, each in made.items()}


def arrays_of(columns: Iterable[TableColumn], gathered: Gathered) -> Arrays:
    """Columns of records."""
    found = {}
    for column in columns:
        if column.path:
            values = gathered.values(column.path)
        else:  # client_address_key
            values = address_keys(gathered.values(column.name.removesuffix("_address_key") + ".address"))
        found[column.name] = array_of(column.kind, values)
    return found


class ToldRows:
    """Connections whose rows are made."""

    def __init__(self, told: Sequence[Connection | Alike]) -> None:
        self._told = told
        self._shared = Shared([one.kind if isinstance(one, Alike) else one for one in told])
        owners = self._shared.owners
        self._kinds = [one if isinstance(one, ConnectionKind) else None for one in owners]
        self._heads = Gathered([one.connection if isinstance(one, ConnectionKind) else one for one in owners])
        rows = [one.row if isinstance(one, Alike) else _row_of(one) for one in told]
        # Those of kinds go on behind what all have.
        self._own = dict(zip(PLACES, zip(*rows, strict=False), strict=False))

    def own(self, path: str) -> Values:
        """What each connection has of its own, by its path in PLACES; None where its head has nothing there."""
        values, heads = self._own[path], self._heads.values(path)
        if None not in heads:
            return values
        pairs = zip(self._shared.each(heads), values, strict=True)
        return [None if head is None else value for head, value in pairs]

    def columns(self, columns: Sequence[TableColumn]) -> Arrays:
        """Columns of the table of connections."""
        found: Arrays = {}
        alike = []
        for column in columns:
            made = _MADE.get(column.path)
            if column.name == "client_address_key":
                found[column.name] = array_of(column.kind, address_keys(self.own("client.address")))
            elif column.path in PLACES:
                found[column.name] = array_of(column.kind, self.own(column.path))
            elif made is not None:
                found[column.name] = made(self)
            elif column.path in _OF_TLS:
                found[column.name] = array_of(column.kind, self._tls.values(column.path))
            else:
                alike.append(column)
        return found | self._shared.taken(arrays_of(alike, self._heads))

    def of_owners(self, columns: Iterable[TableColumn], sizes: Sequence[int]) -> Arrays:
        """Columns that say of which connection each row is, where each has so many."""
        found = {}
        for column in columns:
            capture = column.path == "capture"
            values = self._shared.each(self._heads.values("capture")) if capture else self.own(column.path)
            found[column.name] = array_of(column.kind, values)
        return rows_of(found, array("i", chain.from_iterable(map(repeat, range(len(sizes)), sizes))))

    def findings(self, columns: Sequence[TableColumn]) -> Items:
        """What was found of each."""
        owners: list[Kept | Finding] = []
        findings: list[Finding] = []
        sizes = []
        for one in self._told:
            found = one.findings() if isinstance(one, Alike) else one.findings
            owners += one.kind.findings if isinstance(one, Alike) and one.outline is None else found
            findings += found
            sizes.append(len(found))
        shared = Shared(owners)
        alike = [column for column in columns if column.path not in _OF_FINDINGS]
        made = shared.taken(arrays_of(alike, Gathered(shared.owners)))
        own = [column for column in columns if column.path in _OF_FINDINGS]
        return sizes, made | arrays_of(own, Gathered(findings))

    def steps(self, columns: Sequence[TableColumn]) -> Items:
        """The packets of the exchanges."""
        exchanges = self._heads.values("authentication")
        steps = [[] if exchange is None else exchange.steps for exchange in exchanges]
        made = rows_of(arrays_of(columns, Gathered([*chain.from_iterable(steps)])), self._places(steps))
        made["frame"] = array_of(INT, self._frames(steps, attrgetter("steps")))
        return self._shared.each([*map(len, steps)]), made

    def attributes(self, columns: Sequence[TableColumn]) -> Items:
        """What clients said of themselves."""
        sizes, *said = self._said
        found = dict(zip(("name", "value"), said, strict=True))
        made = {}
        for column in columns:
            texts, places = found[column.name]
            made[column.name] = taken(array_of(column.kind, texts), places)
        return [size or 0 for size in sizes], made

    def said(self) -> pyarrow.Array:
        """What each client said of itself, as a map."""
        sizes, *said = self._said
        made = [taken(array_of(TEXT, texts), places) for texts, places in said]
        return lists_of(TEXT_MAP, sizes, *made)

    def counts(self) -> pyarrow.Array:
        """How often each sent which command, as a map."""
        commands = self._heads.values("commands")
        counts: list[int] = []
        for one in self._told:
            counts += one.row[one.kind.counts] if isinstance(one, Alike) else one.commands.values()
        names = taken(array_of(TEXT, [*chain.from_iterable(commands)]), self._places(commands))
        return lists_of(INT_MAP, self._shared.each([*map(len, commands)]), names, array_of(INT, counts))

    def switches(self) -> pyarrow.Array:
        """From which plugin to which each was asked to go."""
        exchanges = self._heads.values("authentication")
        switches = [None if exchange is None else exchange.switches for exchange in exchanges]
        flat = [*chain.from_iterable(one or () for one in switches)]
        made = taken(array_of(ValueKind("struct", SWITCH), flat), self._places(switches))
        frames = array_of(INT, self._frames(switches, attrgetter("switches")))
        made = made.from_arrays([made.field(0), made.field(1), frames], fields=[*made.type])
        sizes = self._shared.each([None if one is None else len(one) for one in switches])
        return lists_of(ValueKind("list", SWITCH, True), sizes, made)

    @cached_property
    def _tls(self) -> Gathered:
        """What TLS each connection has, with frames of its own."""
        told = self._told
        return Gathered(told, tls=[one.kind.tls_of(one.row) if isinstance(one, Alike) else one.tls for one in told])

    @cached_property
    def _said(self) -> tuple[Sequence[int | None], tuple[list[str], array[int]], tuple[list[str], array[int]]]:
        """How many attributes each client named; names, and which of them each is; values, and likewise."""
        logins = self._heads.values("login")
        said = [None if login is None else login.attributes for login in logins]
        names = [*chain.from_iterable(one or () for one in said)]
        texts = [*chain.from_iterable((one or {}).values() for one in said)]
        # Behind the heads' values stand those that are a client's own, with their places in its row.
        own: dict[str, int] = {}
        places, ranges, rows = array("i"), _ranges(said), []
        for kind, one in zip(self._kinds, said, strict=True):
            named = {} if kind is None else kind.attributes
            rows.append([(list(one or ()).index(name), at) for name, at in named.items()])
        for told, head in zip(self._told, self._shared.places, strict=True):
            mine = ranges[head]
            if isinstance(told, Alike) and rows[head]:
                mine = mine[:]
                for place, at in rows[head]:
                    mine[place] = own.setdefault(told.row[at], len(texts) + len(own))
            places.extend(mine)
        sizes = self._shared.each([None if one is None else len(one) for one in said])
        return sizes, (names, self._places(said)), ([*texts, *own], places)

    def _places(self, items: Sequence[Collection[object] | None]) -> array[int]:
        """Where the items of each connection stand, among those of all heads."""
        ranges, places = _ranges(items), array("i")
        for head in self._shared.places:
            places.extend(ranges[head])
        return places

    def _frames(self, items: Sequence[Sequence[Any] | None], place: Callable[[ConnectionKind], slice]) -> list[int]:
        """The frames of the items of each connection, whose kind says where they stand in its row."""
        frames: list[int] = []
        for one, head in zip(self._told, self._shared.places, strict=True):
            frames += one.row[place(one.kind)] if isinstance(one, Alike) else [each.frame for each in items[head] or ()]
        return frames


def _ranges(items: Iterable[Collection[object] | None]) -> list[array[int]]:
    """Of each collection the places of its items, where all stand one after the other."""
    numbers = count()
    return [array("i", islice(numbers, len(one or ()))) for one in items]


def _row_of(connection: Connection) -> tuple[Any, ...]:
    """A connection as kinds have their rows."""
    return tuple([_at(connection, path) for path in _PATHS])


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = getattr(record, name, None)
    return record


_PATHS: Final = [path.split(".") for path in PLACES]
# Columns that are made of what a list or a dictionary of a connection holds.
_MADE: Final[dict[str, Callable[[ToldRows], pyarrow.Array]]] = {
    "login.attributes": ToldRows.said,
    "commands": ToldRows.counts,
    "authentication.switches": ToldRows.switches,
}
# Columns that hold frames of a TLS session.
_OF_TLS: Final = ("tls.requested_frame", "tls.alerts", "tls.inferred")
# What is each finding's own, also where connections are of one kind.
_OF_FINDINGS: Final = ("message", "advice", "frames", "evidence")

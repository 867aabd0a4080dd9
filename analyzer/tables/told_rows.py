"""Connections as rows of their tables. Those of a known kind differ in numbers: the rest is taken from the kind's row.

A head is a connection whose row others are taken from: the first of a kind, or one of no kind, which is its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from itertools import chain, count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from analyzer.analysis import Alike, Connection
from analyzer.analysis.connection.kinds import ADDRESS, PLACES, ConnectionKind
from analyzer.tables.arrays import (
    Kind,
    Values,
    address_keys,
    array_of,
    lists_of,
    numbers_array,
    taken,
    where,
)
from analyzer.tables.finding_cells import FindingCells, FindingPlan
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import BOOL, INT_MAP, SWITCH, TEXT, TEXT_MAP, TableColumn, ValueKind
from analyzer.tables.told_cells import WIDTH, cells_of, items_of, ranges_of, repeated

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
Arrays = dict[str, "pyarrow.Array"]

# How many rows each connection has, and columns of these.
Items = tuple["array[int]", Arrays]


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
        self._rows = [one.row if isinstance(one, Alike) else _row_of(one) for one in told]
        self._cells, self._addresses = cells_of(self._rows)

    def own(self, path: str, kind: Kind) -> pyarrow.Array:
        """What each connection has of its own, by its path in PLACES; null where its head has nothing there."""
        cells = self._cells[PLACES[path] :: WIDTH]
        if path == "client.address":
            return taken(array_of(kind, self._addresses), numbers_array(cells))
        made = numbers_array(cells, str(kind))
        heads = self._heads.values(path)
        return made if None not in heads else where(self._each(BOOL, [head is not None for head in heads]), made)

    def columns(self, columns: Sequence[TableColumn]) -> Arrays:
        """Columns of the table of connections."""
        found: Arrays = {}
        alike = []
        for column in columns:
            make = _MADE.get(column.path)
            if column.name == "client_address_key":
                keys = address_keys(self._addresses)
                found[column.name] = taken(array_of(column.kind, keys), numbers_array(self._cells[ADDRESS::WIDTH]))
            elif column.path in PLACES:
                found[column.name] = self.own(column.path, column.kind)
            elif make is not None:
                found[column.name] = make(self)
            elif column.path in _OF_TLS and self._has_tls:
                found[column.name] = array_of(column.kind, self._tls.values(column.path))
            else:
                alike.append(column)
        return found | self._shared.taken(arrays_of(alike, self._heads))

    def of_owners(self, columns: Iterable[TableColumn], sizes: array[int]) -> Arrays:
        """Columns that say of which connection each row is, where each has so many."""
        found = {}
        for column in columns:
            capture = column.path == "capture"
            found[column.name] = (
                self._each(column.kind, self._heads.values("capture"))
                if capture
                else self.own(column.path, column.kind)
            )
        return rows_of(found, repeated(sizes))

    def findings(self, columns: Sequence[TableColumn]) -> Items:
        """What was found of each."""
        cells = FindingCells()
        plans: list[list[FindingPlan] | None] = [
            None if kind is None else [cells.plan(kind, place) for place in range(len(kind.findings))]
            for kind in self._kinds
        ]
        sizes = array("q")
        for one, head in zip(self._told, self._shared.places, strict=True):
            known = plans[head]
            if isinstance(one, Alike) and one.outline is None and known is not None:
                for plan in known:
                    cells.add_kept(plan, one.row)
                sizes.append(len(known))
            else:
                findings = one.findings() if isinstance(one, Alike) else one.findings
                for finding in findings:
                    cells.add(finding)
                sizes.append(len(findings))
        return sizes, cells.columns(columns)

    def steps(self, columns: Sequence[TableColumn]) -> Items:
        """The packets of the exchanges."""
        exchanges = self._heads.values("authentication")
        steps = [[] if exchange is None else exchange.steps for exchange in exchanges]
        made = rows_of(arrays_of(columns, Gathered([*chain.from_iterable(steps)])), self._places(steps))
        made["frame"] = numbers_array(self._frames(steps, attrgetter("steps")))
        return array("q", self._shared.each([*map(len, steps)])), made

    def attributes(self, columns: Sequence[TableColumn]) -> Items:
        """What clients said of themselves."""
        sizes, *said = self._said
        found = dict(zip(("name", "value"), said, strict=True))
        made = {}
        for column in columns:
            texts, places = found[column.name]
            made[column.name] = taken(array_of(column.kind, texts), places)
        return array("q", [size or 0 for size in sizes]), made

    def said(self) -> pyarrow.Array:
        """What each client said of itself, as a map."""
        sizes, *said = self._said
        made = [taken(array_of(TEXT, texts), places) for texts, places in said]
        return lists_of(TEXT_MAP, sizes, *made)

    def counts(self) -> pyarrow.Array:
        """How often each sent which command, as a map."""
        commands = self._heads.values("commands")
        own = [
            None if kind is not None else tuple(one.values()) for kind, one in zip(self._kinds, commands, strict=True)
        ]
        counts = self._numbers(attrgetter("counts"), commands, own)
        names = taken(array_of(TEXT, [*chain.from_iterable(commands)]), self._places(commands))
        return lists_of(INT_MAP, self._shared.each([*map(len, commands)]), names, numbers_array(counts))

    def switches(self) -> pyarrow.Array:
        """From which plugin to which each was asked to go."""
        exchanges = self._heads.values("authentication")
        switches = [None if exchange is None else exchange.switches for exchange in exchanges]
        flat = [*chain.from_iterable(one or () for one in switches)]
        made = taken(array_of(ValueKind("struct", SWITCH), flat), self._places(switches))
        frames = numbers_array(self._frames(switches, attrgetter("switches")))
        made = made.from_arrays([made.field(0), made.field(1), frames], fields=[*made.type])
        sizes = self._shared.each([None if one is None else len(one) for one in switches])
        return lists_of(ValueKind("list", SWITCH, True), sizes, made)

    def _each(self, kind: Kind, values: Values) -> pyarrow.Array:
        """Values of the heads, for each row."""
        return taken(array_of(kind, values), self._shared.places)

    @cached_property
    def _has_tls(self) -> bool:
        """Whether some connection of a kind has frames of TLS."""
        return any(kind is not None and kind.tls is not None for kind in self._kinds)

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
        places, mine = self._places(said), []
        for kind, one in zip(self._kinds, said, strict=True):
            named = {} if kind is None else kind.attributes
            mine.append([(list(one or ()).index(name), at) for name, at in named.items()])
        counts, begin = [len(one or ()) for one in said], 0
        for row, head in zip(self._rows, self._shared.places, strict=True):
            for place, at in mine[head]:
                places[begin + place] = own.setdefault(row[at], len(texts) + len(own))
            begin += counts[head]
        sizes = self._shared.each([None if one is None else len(one) for one in said])
        return sizes, (names, self._places(said)), ([*texts, *own], places)

    def _places(self, items: Sequence[Collection[object] | None]) -> array[int]:
        """Where the items of each connection stand, among those of all heads."""
        return ranges_of(self._shared.places, array("q", [len(one or ()) for one in items]))

    def _frames(self, items: Sequence[Sequence[Any] | None], place: Callable[[ConnectionKind], slice]) -> array[int]:
        """The frames of the items of each connection, whose kind says where they stand in its row."""
        heads = zip(self._kinds, items, strict=True)
        own = [None if kind is not None else tuple([each.frame for each in one or ()]) for kind, one in heads]
        return self._numbers(place, items, own)

    def _numbers(
        self,
        place: Callable[[ConnectionKind], slice],
        items: Sequence[Collection[object] | None],
        own: list[tuple[int, ...] | None],
    ) -> array[int]:
        """Numbers of the items of each connection: those in its row where its kind says, or its `own`."""
        begins = array("q", [-1 if kind is None else place(kind).start for kind in self._kinds])
        counts = array("q", [len(one or ()) for one in items])
        return items_of(self._rows, self._shared.places, begins, counts, own)


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

"""Connections as rows of their tables. Those of a known kind differ in numbers: the rest is taken from the kind's row.

A head is a connection whose row others are taken from: the first of a kind, or one of no kind, which is its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from analyzer.analysis import Alike
from analyzer.analysis.connection.kinds import ADDRESS, PLACES, ConnectionKind
from analyzer.tables.arrays import (
    Kind,
    RowsTaken,
    Values,
    address_keys,
    array_of,
    coded,
    heads_of,
    items_taken,
    lists_of,
    numbers_array,
    sizes_of,
    taken,
    texts_at,
)
from analyzer.tables.column_loops import picked
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import SWITCH, TEXT, TableColumn, ValueKind
from analyzer.tables.told_cells import ALL, ToldCells, repeated, there_in

if TYPE_CHECKING:
    import pyarrow

Arrays = dict[str, "pyarrow.Array"]

# How many rows each connection has, and columns of these.
Items = tuple["array[int]", Arrays]


def rows_of(made: Arrays, places: array[int]) -> Arrays:
    """Rows of columns, by their places."""
    return {name: taken(each, places) for name, each in made.items()}


def values_of(column: TableColumn, gathered: Gathered) -> Values:
    """The values of a column of records."""
    if column.path:
        return gathered.values(column.path)
    # client_address_key
    return address_keys(gathered.values(column.name.removesuffix("_address_key") + ".address"))


class ToldRows:
    """Connections whose rows are made."""

    def __init__(self, cells: ToldCells) -> None:
        self._cells = cells

    def own(self, path: str, kind: Kind) -> pyarrow.Array:
        """What each connection has of its own, by its path in PLACES; null where its head has nothing there."""
        if path == "client.address":
            return texts_at(*self._addresses)
        return numbers_array(self._own(PLACES[path]), str(kind))

    def columns(self, columns: Sequence[TableColumn]) -> Arrays:
        """Columns of the table of connections."""
        found: Arrays = {}
        alike = []
        for column in columns:
            make = _MADE.get(column.path)
            if column.name == "client_address_key":
                addresses, places = self._addresses
                found[column.name] = texts_at(address_keys(addresses), places)
            elif column.path in PLACES:
                found[column.name] = self.own(column.path, column.kind)
            elif make is not None:
                found[column.name] = make(self)
            elif column.path in _OF_TLS and self._has_tls:
                found[column.name] = coded(array_of(column.kind, self._tls.values(column.path)))
            else:
                alike.append(column)
        rows = RowsTaken(self._places)
        return found | {column.name: rows.column(column.kind, values_of(column, self._heads)) for column in alike}

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
        found = self._cells.found
        assert found is not None
        return found.sizes(), found.columns(columns)

    def steps(self, columns: Sequence[TableColumn]) -> Items:
        """The packets of the exchanges."""
        exchanges = self._heads.values("authentication")
        steps = [[] if exchange is None else exchange.steps for exchange in exchanges]
        heads, gathered = heads_of(sizes_of(steps), self._places), Gathered([*chain.from_iterable(steps)])
        made = {
            column.name: items_taken(array_of(column.kind, values_of(column, gathered)), heads) for column in columns
        }
        made["frame"] = numbers_array(self._frames(steps, attrgetter("steps")))
        return self._sizes(steps), made

    def attributes(self, columns: Sequence[TableColumn]) -> Items:
        """What clients said of themselves."""
        said, make = self._said
        made = {column.name: make[column.name](column.kind) for column in columns}
        return self._sizes([one or () for one in said]), made

    def said(self) -> pyarrow.Array:
        """What each client said of itself, as a map."""
        said, make = self._said
        return lists_of(self._sizes(said), make["name"](TEXT), make["value"](TEXT))

    def counts(self) -> pyarrow.Array:
        """How often each sent which command, as a map."""
        commands = self._heads.values("commands")
        own = [
            None if kind is not None else tuple(one.values()) for kind, one in zip(self._kinds, commands, strict=True)
        ]
        counts = self._numbers(attrgetter("counts"), commands, own)
        heads = heads_of(sizes_of(commands), self._places)
        names = items_taken(array_of(TEXT, [*chain.from_iterable(commands)]), heads)
        return lists_of(self._sizes(commands), names, numbers_array(counts))

    def switches(self) -> pyarrow.Array:
        """From which plugin to which each was asked to go."""
        exchanges = self._heads.values("authentication")
        switches = [None if exchange is None else exchange.switches for exchange in exchanges]
        flat = [*chain.from_iterable(one or () for one in switches)]
        counts = sizes_of([one or () for one in switches])
        made = items_taken(array_of(ValueKind("struct", SWITCH), flat), heads_of(counts, self._places))
        frames = numbers_array(self._frames(switches, attrgetter("switches")))
        made = made.from_arrays([made.field(0), made.field(1), frames], fields=[*made.type])
        return lists_of(self._sizes(switches), made)

    def _each(self, kind: Kind, values: Values) -> pyarrow.Array:
        """Values of the heads, for each row."""
        return taken(array_of(kind, values), self._places)

    def _own(self, place: int) -> array[int]:
        """The cells of each connection's own, by their place in PLACES."""
        return self._cells.column(place, self._places, self._there)

    def _sizes(self, items: Sequence[Collection[object] | None]) -> array[int]:
        """How many items each connection has, where those of the heads are given; NOTHING where that is None."""
        return picked(sizes_of(items), "q", self._places)

    @cached_property
    def _kinds(self) -> list[ConnectionKind | None]:
        return [one if isinstance(one, ConnectionKind) else None for one in self._cells.owners]

    @cached_property
    def _heads(self) -> Gathered:
        owners = self._cells.owners
        return Gathered([one.connection if isinstance(one, ConnectionKind) else one for one in owners])

    @cached_property
    def _places(self) -> array[int]:
        """The place of each connection's head."""
        return self._cells.places()

    @cached_property
    def _there(self) -> bytes:
        """Which of the first cells connections of each head have."""
        return b"".join([ALL if kind is None else there_in(kind.connection) for kind in self._kinds])

    @cached_property
    def _addresses(self) -> tuple[list[str], array[int]]:
        """The addresses of clients, and which of them each connection has."""
        return self._cells.texts(ADDRESS)

    @cached_property
    def _has_tls(self) -> bool:
        """Whether some connection of a kind has frames of TLS."""
        return any(kind is not None and kind.tls is not None for kind in self._kinds)

    @cached_property
    def _tls(self) -> Gathered:
        """What TLS each connection has, with frames of its own."""
        told = self._cells.traced
        tls = [one.kind.tls_of(one.row) if isinstance(one, Alike) else None if one is None else one.tls for one in told]
        return Gathered(told, tls=tls)

    @cached_property
    def _said(self) -> tuple[list[dict[str, str] | None], dict[str, Callable[[Kind], pyarrow.Array]]]:
        """What the heads said of themselves; what makes columns of the names and the values of all connections."""
        logins = self._heads.values("login")
        said = [None if login is None else login.attributes for login in logins]
        names = [*chain.from_iterable(one or () for one in said)]
        texts = [*chain.from_iterable((one or {}).values() for one in said)]
        # Behind the heads' values stand those that are a client's own, with their places in its row.
        counts, mine = array("q", [len(one or ()) for one in said]), []
        for kind, one in zip(self._kinds, said, strict=True):
            named = {} if kind is None else kind.attributes
            mine.append([(list(one or ()).index(name), at) for name, at in named.items()])
        heads = heads_of(counts, self._places)
        places = array("q", heads.items)
        texts += self._cells.fill_own(places, self._places, counts, mine, len(texts))
        return said, {
            "name": lambda kind: items_taken(array_of(kind, names), heads),
            "value": lambda kind: taken(array_of(kind, texts), places),
        }

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
        return self._cells.items(self._places, begins, counts, own)


# Columns that are made of what a list or a dictionary of a connection holds.
_MADE: Final[dict[str, Callable[[ToldRows], pyarrow.Array]]] = {
    "login.attributes": ToldRows.said,
    "commands": ToldRows.counts,
    "authentication.switches": ToldRows.switches,
}
# Columns that hold frames of a TLS session.
_OF_TLS: Final = ("tls.requested_frame", "tls.alerts", "tls.inferred")

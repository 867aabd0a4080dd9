"""Connections as rows of their tables. Those of a known kind differ in numbers: the rest is taken from the kind's row.

A head is a connection whose row others are taken from: the first of a kind, or one of no kind, which is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, TypeVar

from analyzer.analysis import Alike, Connection
from analyzer.analysis.connection.kinds import PLACES, ConnectionKind
from analyzer.analysis.findings.kept import Kept
from analyzer.analysis.model.connection import Finding, Step, Switch
from analyzer.tables.arrays import Values, address_keys, array_of, places_array
from analyzer.tables.gathered import Gathered
from analyzer.tables.schema import TableColumn

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
Arrays = dict[str, "pyarrow.Array"]


class Shared:
    """What rows have in common: each distinct owner, and the place of each row's."""

    def __init__(self, owners: Sequence[Any]) -> None:
        distinct = {id(owner): owner for owner in owners}
        self.owners = [*distinct.values()]
        self.places: list[int] | None = None  # each row has an owner of its own
        if len(distinct) < len(owners):
            numbers = dict(zip(distinct, range(len(distinct)), strict=True))
            self.places = [numbers[id(owner)] for owner in owners]

    def each(self, values: Sequence[T]) -> Sequence[T]:
        """Values of the owners, for each row."""
        return values if self.places is None else [values[place] for place in self.places]

    def taken(self, made: Arrays) -> Arrays:
        """Columns of the owners, for each row."""
        if self.places is None:
            return made
        places = places_array(self.places)
        return {name: array.take(places) for name, array in made.items()}


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
        self._heads = Gathered([one.connection if isinstance(one, ConnectionKind) else one for one in owners])
        rows = [one.row[: len(PLACES)] if isinstance(one, Alike) else _row_of(one) for one in told]
        self._own = dict(zip(PLACES, zip(*rows, strict=True), strict=True))

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
                found[column.name] = array_of(column.kind, [*map(made, self._told)])
            else:
                alike.append(column)
        return found | self._shared.taken(arrays_of(alike, self._heads))

    def of_owners(self, columns: Iterable[TableColumn], sizes: Sequence[int]) -> Arrays:
        """Columns that say of which connection each row is, where each has so many."""
        found: Arrays = {}
        for column in columns:
            values = (
                self._shared.each(self._heads.values("capture")) if column.path == "capture" else self.own(column.path)
            )
            found[column.name] = array_of(column.kind, [*chain.from_iterable(map(repeat, values, sizes))])
        return found

    def findings(self) -> tuple[list[int], list[Kept | Finding], list[Finding]]:
        """(how many each connection has, what rows have in common, the findings)."""
        owners: list[Kept | Finding] = []
        findings: list[Finding] = []
        sizes = []
        for one in self._told:
            found = one.findings() if isinstance(one, Alike) else one.findings
            owners += one.kind.findings if isinstance(one, Alike) and one.outline is None else found
            findings += found
            sizes.append(len(found))
        return sizes, owners, findings

    def steps(self) -> tuple[list[int], list[Step], list[int]]:
        """(how many each connection has, what rows have in common, the frames)."""
        owners: list[Step] = []
        frames: list[int] = []
        sizes = []
        for one in self._told:
            exchange = (one.kind.connection if isinstance(one, Alike) else one).authentication
            steps = [] if exchange is None else exchange.steps
            owners += steps
            frames += one.row[one.kind.steps] if isinstance(one, Alike) else [step.frame for step in steps]
            sizes.append(len(steps))
        return sizes, owners, frames

    def attributes(self) -> tuple[list[int], list[str], list[str]]:
        """(how many each connection has, their names, their values)."""
        names: list[str] = []
        texts: list[str] = []
        sizes = []
        for found in map(_attributes, self._told):
            sizes.append(len(found or ()))
            if found:
                names += found
                texts += found.values()
        return sizes, names, texts


def _row_of(connection: Connection) -> tuple[Any, ...]:
    """A connection as kinds have their rows."""
    return tuple([_at(connection, path) for path in _PATHS])


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = getattr(record, name, None)
    return record


def _attributes(told: Connection | Alike) -> dict[str, str] | None:
    login = (told.kind.connection if isinstance(told, Alike) else told).login
    attributes = None if login is None else login.attributes
    if isinstance(told, Alike) and attributes is not None:
        attributes = attributes.copy()
        for name, place in told.kind.attributes.items():
            attributes[name] = told.row[place]
    return attributes


def _commands(told: Connection | Alike) -> dict[str, int]:
    if not isinstance(told, Alike):
        return told.commands
    return dict(zip(told.kind.connection.commands, told.row[told.kind.counts], strict=True))


def _switches(told: Connection | Alike) -> list[Switch] | None:
    exchange = (told.kind.connection if isinstance(told, Alike) else told).authentication
    if exchange is None or not isinstance(told, Alike):
        return None if exchange is None else exchange.switches
    pairs = zip(exchange.switches, told.row[told.kind.switches], strict=True)
    return [Switch(one.from_, one.to, frame) for one, frame in pairs]


_PATHS: Final = [path.split(".") for path in PLACES]
# Columns that are made of what a list or a dictionary of a connection holds.
_MADE: Final[dict[str, Callable[[Connection | Alike], Any]]] = {
    "login.attributes": _attributes,
    "commands": _commands,
    "authentication.switches": _switches,
}

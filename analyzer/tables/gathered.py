"""Records turned into columns: the values of a path of attributes, for all records at once."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from operator import attrgetter
from typing import Any


class Gathered:
    """Columns of records of one type. What several columns begin with is looked up once."""

    def __init__(self, records: Sequence[object], **parts: Sequence[Any]) -> None:
        """`parts` stand beside what the records hold."""
        self._parts: dict[str, Sequence[Any]] = {"": records, **parts}
        self._missing: dict[str, int] = {"": 0}  # how many of a part are None

    def values(self, path: str) -> Sequence[Any]:
        """The value at `path` (`greeting.server_version`) of each record; None where a part of it is None."""
        found = self._parts.get(path)
        if found is not None:
            return found
        parent, _, name = path.rpartition(".")
        owners = self.values(parent)
        if keyword.iskeyword(name):
            name += "_"
        missing = self._missing.get(parent)
        if missing is None:
            missing = self._missing[parent] = owners.count(None)
        if missing == len(owners):
            values = list(owners)
        elif missing:
            take = attrgetter(name)
            values = [None if owner is None else take(owner) for owner in owners]
        else:
            values = list(map(attrgetter(name), owners))
        self._parts[path] = values
        return values

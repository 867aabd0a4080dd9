"""The tables' schema: it holds all that the contract has, and is what Arrow is told."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import msgspec
import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import Alert, Certificate, Connection, Finding, Inferred, Source, Step, Switch
from analyzer.tables import schema
from analyzer.tables.arrays import arrow_schema
from analyzer.tables.schema import TABLES

# Keys of a record that are rows of other tables, or held in other columns.
ELSEWHERE = {"findings", "authentication.steps", "name"}


def leaves(kind: type[msgspec.Struct]) -> set[str]:
    """Paths of all values of a record."""
    hints = get_type_hints(kind)
    found: set[str] = set()
    for name in kind.__struct_fields__:
        structs = [one for one in (hints[name], *get_args(hints[name])) if _is_struct(one)]
        if structs and get_args(hints[name]) != (structs[0],):  # not a list of them
            found |= {f"{name}.{path}" for path in leaves(structs[0])}
        else:
            found.add(name)
    return found


def _is_struct(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, msgspec.Struct)


@pytest.mark.parametrize(
    ("table", "kind"),
    [("connections", Connection), ("commands", Command), ("findings", Finding), ("authentication_steps", Step)],
)
def test_every_key_of_the_contract_has_a_column(table: str, kind: type[msgspec.Struct]) -> None:
    paths = {column.path for column in TABLES[table].columns}
    missing = leaves(kind) - paths - ELSEWHERE
    whole = {path for path in missing if any(path.startswith(f"{one}.") for one in paths)}
    assert missing - whole == set()


def test_captures_have_all_of_a_source() -> None:
    assert leaves(Source) - {column.path for column in TABLES["captures"].columns} == {"name"}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [(schema.ALERT, Alert), (schema.CERTIFICATE, Certificate), (schema.SWITCH, Switch), (schema.INFERRED, Inferred)],
)
def test_structs_are_those_of_the_contract(fields: tuple[tuple[str, str], ...], kind: type[msgspec.Struct]) -> None:
    assert [name for name, _ in fields] == [field.encode_name for field in msgspec.structs.fields(kind)]


def test_columns_are_named_once_and_told_of() -> None:
    for table in TABLES.values():
        names = [column.name for column in table.columns]
        assert len(set(names)) == len(names)
        assert table.time in names
        assert all(column.about for column in table.columns)
        assert arrow_schema(table).names == names

"""Files of Parquet whose texts came by their places among those that there are: who reads them sees texts."""

from __future__ import annotations

from array import array
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")

import pyarrow
from pyarrow import parquet

from analyzer.tables import schema
from analyzer.tables.arrays import array_of, arrow_schema, coded, plain_rows, record_batch
from analyzer.tables.schema import SWITCH, TableColumn, TableSchema, ValueKind
from analyzer.tables.stores.page_loops import differences, hybrid, list_levels, prefixed
from analyzer.tables.stores.parquet_file import MOST_WORDS, TableFile

TABLE = TableSchema(
    "things",
    "",
    "",
    (
        TableColumn("number", schema.INT, ""),
        TableColumn("word", schema.TEXT, ""),
        TableColumn("words", schema.TEXTS, ""),
        TableColumn("said", schema.TEXT_MAP, ""),
        TableColumn("switches", ValueKind("list", SWITCH, True), ""),
        TableColumn("kind", schema.ENUM, ""),
    ),
)


def rows(texts: list[str | None]) -> dict[str, list[Any]]:
    return {
        "number": list(range(len(texts))),
        "word": texts,
        "words": [None if text is None else [text, "of all"] for text in texts],
        "said": [None if text is None else {"it": text} for text in texts],
        "switches": [[{"from": text, "to": "other", "frame": 7}] for text in texts],
        "kind": [None if text is None else text[:2] for text in texts],
    }


def batch(texts: list[str | None]) -> pyarrow.RecordBatch:
    values = rows(texts)
    return record_batch(
        TABLE.columns, {}, {one.name: coded(array_of(one.kind, values[one.name])) for one in TABLE.columns}
    )


FEW: list[str | None] = ["a", "bb", None, "a", "ccc", None] * 50
MANY: list[str | None] = [f"{number:0200}" for number in range(MOST_WORDS // 100)]


@pytest.mark.parametrize(
    "groups", [[[FEW]], [[FEW, FEW[:2]], [FEW]], [[MANY, FEW]], [[FEW], [MANY]], [[MANY], [FEW]], []]
)
def test_texts_are_read_as_they_were(tmp_path: Path, groups: list[list[list[str | None]]]) -> None:
    path, shown = tmp_path / "things.parquet", arrow_schema(TABLE)
    file = TableFile(str(path), shown)
    for group in groups:
        file.write([batch(texts) for texts in group])
    file.close()
    read = parquet.read_table(path)
    parquet.write_table(shown.empty_table(), tmp_path / "plain.parquet")
    assert read.schema.equals(parquet.read_schema(tmp_path / "plain.parquet"))
    expected: dict[str, list[Any]] = {name: [] for name in shown.names}
    for texts in (each for group in groups for each in group):
        for name, values in rows(texts).items():
            expected[name] += values
    for name in shown.names:
        values = read[name].to_pylist(maps_as_pydicts="strict")
        assert values == expected[name]


@pytest.mark.parametrize(("texts", "coded_in_file"), [(FEW, True), (MANY, False), (MANY * 3, True)])
def test_many_different_texts_are_no_dictionary(tmp_path: Path, texts: list[str | None], coded_in_file: bool) -> None:
    path = tmp_path / "things.parquet"
    file = TableFile(str(path), arrow_schema(TABLE))
    file.write([batch(texts)])
    file.close()
    column = parquet.ParquetFile(path).metadata.row_group(0).column(1)
    assert column.path_in_schema == "word"
    assert column.has_dictionary_page == coded_in_file


LARGE = 1 << 63
NUMBERS = st.one_of(*(st.integers(-most, most - 1) for most in (2, 1 << 20, 1 << 40, LARGE)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SWITCHES = st.fixed_dictionaries({"from": st.none() | TEXTS, "to": TEXTS, "frame": st.none() | NUMBERS})
VALUES: dict[str | ValueKind, st.SearchStrategy[Any]] = {
    schema.TEXT: TEXTS,
    schema.ENUM: TEXTS,
    schema.INT: NUMBERS,
    schema.UINT: st.integers(0, 2 * LARGE - 1),
    schema.BOOL: st.booleans(),
    schema.TIME: NUMBERS,
    schema.TEXTS: st.lists(TEXTS, max_size=3),
    schema.INTS: st.lists(NUMBERS, max_size=3),
    schema.TEXT_MAP: st.dictionaries(TEXTS, TEXTS, max_size=3),
    schema.INT_MAP: st.dictionaries(TEXTS, NUMBERS, max_size=3),
    ValueKind("struct", SWITCH): SWITCHES,
    ValueKind("list", SWITCH, True): st.lists(SWITCHES, max_size=3),
}


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(data=st.data())
def test_values_are_read_as_they_were(kind: str | ValueKind, data: st.DataObject) -> None:
    """Of row groups of several batches, some of which begin behind the first row of their arrays."""
    one = st.none() | VALUES[kind]
    some = st.lists(one, max_size=4) | st.lists(one, min_size=15, max_size=40)
    table = TableSchema("things", "", "", (TableColumn("it", kind, ""),))
    file = TableFile(out := BytesIO(), arrow_schema(table))
    expected: list[Any] = []
    for group in data.draw(st.lists(st.lists(some, min_size=1, max_size=2), max_size=2)):
        batches = []
        for values in group:
            repeated = values * data.draw(st.sampled_from((1, 20)))
            made = coded(array_of(kind, [*repeated, *repeated[:3]]))
            begin = data.draw(st.sampled_from((0, len(repeated[:3]))))
            batches.append(pyarrow.record_batch([made], names=["it"])[begin : begin + len(repeated)])
            expected += plain_rows(batches[-1])
        file.write(batches)
    file.close()
    read = parquet.read_table(BytesIO(out.getvalue()))
    read.validate(full=True)
    assert read.schema.field("it").type == arrow_schema(table).field("it").type
    assert plain_rows(read) == expected


@given(st.lists(NUMBERS, min_size=1))
def test_statistics_say_what_is_least_and_most(values: list[int]) -> None:
    table = TableSchema("things", "", "", (TableColumn("it", schema.INT, ""),))
    file = TableFile(out := BytesIO(), arrow_schema(table))
    file.write([record_batch(table.columns, {"it": [*values, None]})])
    file.close()
    said = parquet.ParquetFile(BytesIO(out.getvalue())).metadata.row_group(0).column(0).statistics
    assert (said.min, said.max, said.null_count) == (min(values), max(values), 1)


def test_one_number_takes_the_room_of_one() -> None:
    assert len(hybrid(array("i", [5]) * 100_000, 3)) < 5
    assert len(differences(array("q", range(100_000)))) < 10_000


@pytest.mark.parametrize("offsets", [[0, 9], [-1, 2], [2, 1]])
def test_texts_that_are_not_in_their_column(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="not in its column"):
        prefixed(array("i", offsets), b"abc", array("q", [0]))


def test_a_list_that_is_null_has_no_items() -> None:
    with pytest.raises(ValueError, match="has items"):
        list_levels(array("i", [0, 1]), b"\0")

"""Files of Parquet whose texts came by their places among those that there are: who reads them sees texts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")

import pyarrow
from pyarrow import parquet

from analyzer.tables import schema
from analyzer.tables.arrays import array_of, arrow_schema, coded, record_batch
from analyzer.tables.schema import SWITCH, TableColumn, TableSchema, ValueKind
from analyzer.tables.stores.parquet import MOST_WORDS, TableFile, in_two

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
    file = TableFile(str(tmp_path / "things.parquet"), arrow_schema(TABLE))
    file.write([batch(texts)])
    assert pyarrow.types.is_dictionary(file.forms[1]) == coded_in_file
    file.close()


def test_works_in_two_threads_are_all_done() -> None:
    done: list[int] = []
    in_two(partial(done.append, number) for number in range(100))
    assert sorted(done) == list(range(100))


def test_what_fails_in_two_threads_is_raised() -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        in_two([fail, *(partial(done.append, number) for number in range(100))])

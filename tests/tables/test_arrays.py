"""Columns that are taken from others, against the same in Python's lists."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")

from analyzer.tables import schema
from analyzer.tables.arrays import (
    RowsTaken,
    address_keys,
    array_of,
    as_type,
    coded,
    coded_type,
    heads_of,
    items_taken,
    numbers_array,
    taken,
    texts_at,
)
from analyzer.tables.column_loops import NOTHING, Numbers, narrowed, sorted_places
from analyzer.tables.schema import SWITCH, ValueKind

TEXTS = st.text(max_size=5)
NUMBERS = st.integers(-(1 << 40), 1 << 40)
SWITCHES = st.fixed_dictionaries({"from": st.none() | TEXTS, "to": TEXTS, "frame": st.none() | NUMBERS})
VALUES: dict[str | ValueKind, st.SearchStrategy[Any]] = {
    schema.TEXT: TEXTS,
    schema.ENUM: TEXTS,
    schema.INT: NUMBERS,
    schema.UINT: st.integers(0, (1 << 64) - 1),
    schema.BOOL: st.booleans(),
    schema.TEXTS: st.lists(TEXTS, max_size=3),
    schema.INTS: st.lists(NUMBERS, max_size=3),
    schema.TEXT_MAP: st.dictionaries(TEXTS, TEXTS, max_size=3),
    schema.INT_MAP: st.dictionaries(TEXTS, NUMBERS, max_size=3),
    ValueKind("struct", SWITCH): SWITCHES,
    ValueKind("list", SWITCH, True): st.lists(SWITCHES, max_size=3),
}


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(data=st.data())
def test_rows_at_places(kind: str | ValueKind, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=6))
    places = data.draw(st.lists(st.just(NOTHING) | st.integers(0, len(values) - 1), max_size=12))
    whole = array_of(kind, values)
    made = taken(whole, array("q", places))
    made.validate(full=True)
    before = whole.to_pylist()
    assert made.type == coded_type(whole.type)
    expected = [None if place == NOTHING else before[place] for place in places]
    assert made.to_pylist() == expected
    plain = as_type(made, whole.type)
    plain.validate(full=True)
    assert plain.type == whole.type
    assert plain.to_pylist() == expected


@given(data=st.data())
def test_columns_side_by_side_at_places(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    places = data.draw(st.lists(st.just(NOTHING) | st.integers(0, count - 1), max_size=12))
    rows = RowsTaken(array("q", places))
    for kind in data.draw(st.lists(st.sampled_from([*VALUES]), max_size=12)):
        few = (
            VALUES[kind] if kind not in (schema.TEXT, schema.ENUM) else st.sampled_from(["a", "b", "\udc80", "\udc81"])
        )
        values = data.draw(st.lists(st.none() | few, min_size=count, max_size=count))
        made, alone = rows.column(kind, values), taken(array_of(kind, values), array("q", places))
        made.validate(full=True)
        assert made.type == alone.type
        assert made.to_pylist() == alone.to_pylist()
        if kind in (schema.TEXT, schema.ENUM) and made.null_count < len(made):
            words = made.dictionary.to_pylist()
            assert len(words) == len({*words})


@given(st.lists(st.none() | st.text(max_size=2), max_size=30))
def test_no_text_is_coded_twice(texts: list[str | None]) -> None:
    made = coded(array_of(schema.TEXT, texts))
    made.validate(full=True)
    assert made.to_pylist() == texts
    words = made.dictionary.to_pylist()
    assert sorted(words) == sorted({text for text in texts if text is not None})


@pytest.mark.parametrize("kind", VALUES, ids=str)
@given(data=st.data())
def test_items_of_heads(kind: str | ValueKind, data: st.DataObject) -> None:
    heads = data.draw(st.lists(st.lists(st.none() | VALUES[kind], max_size=3), min_size=1, max_size=5))
    places = data.draw(st.lists(st.integers(0, len(heads) - 1), max_size=12))
    whole = array_of(kind, [value for head in heads for value in head])
    made = items_taken(whole, heads_of(array("q", map(len, heads)), array("q", places)))
    made.validate(full=True)
    begins = [sum(map(len, heads[:head])) for head in range(len(heads))]
    before = whole.to_pylist()
    expected = [before[begins[place] + item] for place in places for item in range(len(heads[place]))]
    assert made.to_pylist() == expected


@given(st.lists(st.just(NOTHING) | NUMBERS, max_size=70))
def test_numbers_that_are_not_there_are_null(numbers: list[int]) -> None:
    made = numbers_array(array("q", numbers))
    made.validate(full=True)
    assert made.to_pylist() == [None if number == NOTHING else number for number in numbers]


@given(st.lists(st.integers(0, 1 << 40) | st.integers(0, 5), max_size=50), st.integers(0, 9))
def test_places_in_order(keys: list[int], first: int) -> None:
    expected = [first + place for place in sorted(range(len(keys)), key=keys.__getitem__)]
    assert sorted_places(array("q", keys), first).tolist() == expected


def test_addresses_as_text_that_sorts() -> None:
    keys = {
        "10.0.0.2": "4:0a000002",
        "255.255.255.255": "4:ffffffff",
        "0.0.0.0": "4:00000000",
        "2001:db8::1": "6:20010db8000000000000000000000001",
        "256.0.0.1": "x:256.0.0.1",
        "1.2.3": "x:1.2.3",
        "1.2.3.4.5": "x:1.2.3.4.5",
        "01.2.3.4": "x:01.2.3.4",
        "1..3.4": "x:1..3.4",
        "1.2.3.": "x:1.2.3.",
        "": "x:",
        None: None,
    }
    assert address_keys([*keys]) == [*keys.values()]


@given(st.lists(NUMBERS | st.just(NOTHING), max_size=300))
def test_a_growing_column_holds_what_was_added(numbers: list[int]) -> None:
    grown = Numbers()
    for number in numbers:
        grown.add(number)
    assert grown.taken() == array("q", numbers)
    assert grown.size() == len(numbers)


@given(st.lists(st.integers(0, 3) | st.just(NOTHING)))
def test_texts_stand_where_their_places_say(places: list[int]) -> None:
    words = ["a", "bb", "", "é"]
    assert narrowed(array("q", places)).tolist() == [0 if place == NOTHING else place for place in places]
    found = texts_at(words, array("q", places))
    assert found.to_pylist() == [None if place == NOTHING else words[place] for place in places]

"""Whether rows are whole: as their records say that decode each value."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.errors import DecodeError
from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.tables.column_types import COLUMN_TYPES
from analyzer.protocol.wire.row_values import binary_is_whole, counted_end, text_values, value_kinds

COUNTED = st.one_of(
    st.binary(max_size=12).map(lambda data: bytes([len(data)]) + data),
    st.binary(max_size=12).map(lambda data: b"\xfc" + len(data).to_bytes(2, "little") + data),
    st.binary(max_size=12).map(lambda data: b"\xfd" + len(data).to_bytes(3, "little") + data),
    st.binary(max_size=12).map(lambda data: b"\xfe" + len(data).to_bytes(8, "little") + data),
    st.just(b"\xfb"),
)
TYPES = st.lists(st.sampled_from(sorted(COLUMN_TYPES)), min_size=1, max_size=12)


@given(st.one_of(st.lists(COUNTED, max_size=8).map(b"".join), st.binary(max_size=40)), st.binary(max_size=4))
@example(b"\xfe" + b"\xff" * 8, b"")
@example(b"\xfe" + b"\x80" * 8 + b"a", b"aaaa")
@example(b"\xff", b"")
def test_text_rows(row: bytes, behind: bytes) -> None:
    try:
        due = len(TextRow.from_bytes(row, Context()).values)
    except DecodeError:
        due = -1
    assert text_values(b"head" + row + behind, 4, 4 + len(row)) == due


@given(
    TYPES,
    st.one_of(
        st.binary(max_size=60),
        st.tuples(st.binary(max_size=4), st.lists(COUNTED, max_size=8)).map(lambda both: both[0] + b"".join(both[1])),
        st.lists(
            st.sampled_from([b"\0", b"\4abcd", b"\7abcdefg", b"\x0babcdefghijk", b"\x08abcdefgh"]), max_size=9
        ).map(lambda parts: b"\0\0" + b"".join(parts)),
    ),
    st.binary(max_size=4),
)
@example([0x0C], b"\0\0\4abcd", b"")
@example([0x0B, 0xFD], b"\0\0\x08abcdefgh\1a", b"")
@example([0x03], b"\0\4", b"")
def test_binary_rows(types: list[int], row: bytes, behind: bytes) -> None:
    columns = tuple(ResultColumn(f"c{number}", kind, 0, 33, 0) for number, kind in enumerate(types))
    try:
        BinaryRow.from_bytes(row, Context(columns=columns))
        due = True
    except DecodeError:
        due = False
    assert binary_is_whole(b"head" + row + behind, 4, 4 + len(row), value_kinds(types)) == due


def test_no_string_is_where_nothing_is() -> None:
    assert counted_end(b"\1a", 2, 2) == -1
    assert counted_end(b"\1a", 0, 3) == -1

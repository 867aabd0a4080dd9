"""Packets that come again: the same rows, byte for byte and in the same order, as where each is decoded."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.filters import compile_filter
from analyzer.batches import FrameBatch
from analyzer.engine.reading import Reading
from analyzer.engine.row_collector import RowCollector, RowRendering
from analyzer.report.text.dissection import FieldColumns, FieldLines
from tests.analysis.conversation.copies import COPIES, NAMES, SAMPLES, WHOLE, Change, again, damaged
from tests.corpus import captures
from tests.reading import opened
from tests.wire.frames import batches

FIELDS = {
    "fixed": ["mysql.user", "mysql.query"],
    "of frames": ["frame.number", "frame.time_epoch", "ip.src", "tcp.stream", "tcp.len", "mysql.user", "mysql.query"],
    "free": ["mysql.user", "mysql.thread_id", "mysql.passwd", "frame.number"],
    "of errors": ["mysql.error_code", "mysql.error.message", "mysql.query"],
    "of commands": ["mysql.command", "frame.number"],
}
FILTERS = [
    None,
    "mysql",
    "mysql.user || mysql.query",
    "mysql && frame.number > 30",
    "tcp.stream == 3 || mysql.error_code",
    "tcp.dstport == 3306",
]


def _rows(
    capture: list[FrameBatch] | Path,
    fields: list[str],
    keep: str | None,
    shapes: bool,
    most: int | None = None,
    together: bool = False,
) -> tuple[bytes, int]:
    """All rows, and how many logins had a known shape."""
    rows = FieldLines(FieldColumns(fields, "\t", "a", ",", "n", False))
    wanted = RowRequest(None if keep is None else compile_filter(keep), frozenset(fields), True)
    between = b"" if together else None
    collector = RowCollector(wanted, RowRendering(rows, rows.repeat if shapes else None, between), most)
    analysis = Analysis("capture", collector.options(AnalysisOptions(shapes=shapes)))
    with opened(capture) as source:
        made = [row for _, row in Reading(analysis, source).collected(collector)]
    return b"".join(made if most is None else made[:most]), 0 if analysis.shapes is None else analysis.shapes.found


def _same(capture: list[FrameBatch] | Path, fields: list[str], keep: str | None, most: int | None = None) -> int:
    made, found = _rows(capture, fields, keep, True, most)
    assert made == _rows(capture, fields, keep, False, most)[0]
    if most is None:
        assert made == _rows(capture, fields, keep, True, together=True)[0]
    return found


@pytest.mark.parametrize("keep", FILTERS)
@pytest.mark.parametrize("fields", FIELDS.values(), ids=list(FIELDS))
@pytest.mark.parametrize("name", ["mysql97_cli_fast-auth.pcap", "mariadb1011_cli_native.pcap"])
def test_logins_that_come_again(name: str, fields: list[str], keep: str | None) -> None:
    same = partial(_same, fields=fields, keep=keep)
    assert same(batches(again(name, []), 0)) == COPIES - 2
    for size in (1, 7):
        same(batches(again(name, []), size))
    for most in (1, 9, 30):
        same(batches(again(name, []), 0), most=most)


@pytest.mark.parametrize("keep", [None, "mysql.query"])
def test_statements_that_come_again(keep: str | None) -> None:
    """The third of equal statements is not decoded any more; the rows say the same."""
    wanted = RowRequest(None, frozenset({"mysql.query"}), True)
    rows = FieldLines(FieldColumns(["mysql.query"], "\t", "a", ",", "n", False))
    decoded: list[bytes] = []

    def told(group: object) -> bytes:
        made = rows(group)  # type: ignore[arg-type]
        decoded.append(made)
        return made

    collector = RowCollector(wanted, RowRendering(told, rows.repeat))
    analysis = Analysis("capture", collector.options(AnalysisOptions()))
    with opened(batches(again("mariadb1011_cli_native.pcap", []), 0)) as source:
        made = [row for _, row in Reading(analysis, source).collected(collector)]
    statements = {row for row in made if row.strip()}
    assert statements
    for one in statements:
        assert made.count(one) >= COPIES > 2 >= decoded.count(one)


@given(
    name=st.sampled_from(WHOLE),
    fields=st.sampled_from(list(FIELDS.values())),
    keep=st.sampled_from(FILTERS),
    changes=st.lists(
        st.tuples(st.integers(0, COPIES), st.integers(0, 8), st.integers(0, 400), st.integers(0, 255)), max_size=6
    ),
    size=st.one_of(st.just(0), st.integers(1, 80)),
    lost=st.lists(st.integers(0, 400), max_size=2),
    swapped=st.lists(st.integers(0, 400), max_size=2),
    most=st.one_of(st.none(), st.integers(1, 60)),
)
def test_whatever_is_broken(
    name: str,
    fields: list[str],
    keep: str | None,
    changes: list[Change],
    size: int,
    lost: list[int],
    swapped: list[int],
    most: int | None,
) -> None:
    frames = damaged(again(name, changes), swapped, lost)
    _same(batches(frames, size), fields, keep, most)


@pytest.mark.parametrize("capture", [*(SAMPLES / name for name in NAMES), *captures()], ids=lambda path: path.name)
def test_every_capture_says_the_same(capture: Path) -> None:
    _same(capture, FIELDS["of frames"], None)
    _same(capture, FIELDS["of errors"], "mysql")

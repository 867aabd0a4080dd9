"""Packets of plain turns taken together: the same rows, byte for byte and in the same order, as one by one."""

from __future__ import annotations

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
from analyzer.report.text.dissection import JsonRows, PacketLines, Tree
from analyzer.report.text.packet_columns import lines_of
from tests.analysis.conversation.copies import COPIES, SAMPLES, WHOLE, Change, again, damaged
from tests.corpus import captures
from tests.reading import opened
from tests.wire.frames import batches

FILTERS = [
    None,
    "mysql.query",
    "mysql.command == 22 || mysql.command == 23",
    "mysql.error_code",
    'mysql.row.text contains "a"',
    "mysql.field.name",
    "handshark.malformed",
    'handshark.record == "OKPacket"',
    "frame.number > 30",
    "handshark.latency > 0",
    "tls",
]


Form = PacketLines | Tree | JsonRows


def _rows(
    capture: list[FrameBatch] | Path, rows: Form, keep: str | None, turns: bool, secrets: bool
) -> tuple[bytes, bool]:
    """All rows, and whether turns were taken together."""
    fields = frozenset[str]() if isinstance(rows, PacketLines) else None
    by_frame = isinstance(rows, JsonRows)
    wanted = RowRequest(None if keep is None else compile_filter(keep), fields, by_frame, show_secrets=secrets)
    rendering: RowRendering[bytes]
    if isinstance(rows, JsonRows):
        rendering = RowRendering(rows, None, b"\n", None, rows if turns else None)
    else:
        made = rows
        rendering = RowRendering(lambda group: made(group).encode(), None, b"", rows if turns else None)
    collector = RowCollector(wanted, rendering)
    analysis = Analysis("capture", collector.options(AnalysisOptions()))
    with opened(capture) as source:
        found = [row for _, row in Reading(analysis, source).collected(collector)]
    return b"".join(found), collector.turns is not None


def _form(name: str) -> Form:
    return Tree() if name == "trees" else PacketLines() if name == "lines" else JsonRows(None, False)


def _same(
    capture: list[FrameBatch] | Path, form: str = "lines", keep: str | None = None, secrets: bool = False
) -> tuple[bytes, bool]:
    made, taken = _rows(capture, _form(form), keep, True, secrets)
    assert made == _rows(capture, _form(form), keep, False, secrets)[0]
    return made, taken


@pytest.mark.parametrize("keep", FILTERS)
@pytest.mark.parametrize("form", ["lines", "trees"])
@pytest.mark.parametrize("name", ["mysql97_cli_fast-auth.pcap", "mariadb1011_cli_native.pcap"])
def test_turns(name: str, form: str, keep: str | None) -> None:
    for size in (0, 1, 7):
        _, taken = _same(batches(again(name, []), size), form, keep)
    assert taken == (keep not in ("frame.number > 30", "handshark.latency > 0"))


@pytest.mark.parametrize("form", ["lines", "trees"])
@pytest.mark.parametrize("path", [*sorted(SAMPLES.glob("*.pcap*")), *captures()], ids=lambda path: path.name)
def test_samples(path: Path, form: str) -> None:
    _same(path, form)


@pytest.mark.parametrize(
    "path", [path for path in sorted(SAMPLES.glob("*.pcap*")) if "bulk" not in path.name], ids=lambda path: path.name
)
def test_frames(path: Path) -> None:
    _same(path, "objects")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcap*")), ids=lambda path: path.name)
def test_secrets_that_are_asked_for(path: Path) -> None:
    _same(path, "trees", None, True)


@pytest.mark.parametrize("form", ["a", "ad", "d", "e", "r", "u"])
def test_times(form: str) -> None:
    frames = batches(again("mysql97_cli_fast-auth.pcap", []), 0)
    made = [_rows(frames, lines_of(form, form == "e"), None, turns, False)[0] for turns in (True, False)]
    assert made[0] == made[1]
    assert made[0].count(b"\n") > COPIES


@given(
    name=st.sampled_from(WHOLE),
    form=st.sampled_from(["lines", "trees", "objects"]),
    keep=st.sampled_from(FILTERS),
    changes=st.lists(
        st.tuples(st.integers(0, COPIES), st.integers(0, 8), st.integers(0, 400), st.integers(0, 255)), max_size=6
    ),
    size=st.one_of(st.just(0), st.integers(1, 80)),
    lost=st.lists(st.integers(0, 400), max_size=2),
    swapped=st.lists(st.integers(0, 400), max_size=2),
)
def test_whatever_is_broken(
    name: str,
    form: str,
    keep: str | None,
    changes: list[Change],
    size: int,
    lost: list[int],
    swapped: list[int],
) -> None:
    frames = damaged(again(name, changes), swapped, lost)
    _same(batches(frames, size), form, keep)

"""Rows that are written from their bytes: as those that are decoded."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.dissection.frame_index import FrameIndex
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.line_buffer import LineBuffer
from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import SERVER
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.tables.column_flags import UNSIGNED_FLAG
from analyzer.protocol.tables.column_types import COLUMN_TYPES
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.values import DATES, FIXED_SIZES
from analyzer.report.text.dissection import JsonRows, Tree

TEXTS = st.one_of(st.binary(max_size=12), st.text("aé€\n\u202e", max_size=8).map(str.encode), st.just(b"x" * 300))


def _counted(content: bytes) -> bytes:
    """With its length in front."""
    size = len(content)
    return (bytes([size]) if size < 0xFB else b"\xfc" + size.to_bytes(2, "little")) + content


@st.composite
def _value(draw: st.DrawFn, kind: int) -> bytes:
    """A value of a column type as it stands on the wire."""
    if kind in FIXED_SIZES:
        size = FIXED_SIZES[kind]
    elif kind in DATES or kind == 0x0B:
        size = draw(st.sampled_from((0, 4, 7, 11) if kind in DATES else (0, 8, 12)))
        return bytes([size]) + draw(st.binary(min_size=size, max_size=size))
    else:
        return _counted(draw(TEXTS))
    return draw(st.binary(min_size=size, max_size=size))


@given(st.data(), st.sampled_from([None, "latin-1", "cp932"]), st.booleans())
def test_rows(data: st.DataObject, codec: str | None, binary: bool) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(COLUMN_TYPES)), min_size=1, max_size=6))
    columns = tuple(
        ResultColumn("c", kind, data.draw(st.sampled_from([0, UNSIGNED_FLAG])), data.draw(st.sampled_from([45, 63])), 0)
        for kind in kinds
    )
    nulls = [data.draw(st.booleans()) for _ in kinds]
    context = Context()
    context.columns, context.results_codec = columns, codec
    if binary:
        bits = sum(1 << place + 2 for place, null in enumerate(nulls) if null)
        payload = b"\x00" + bits.to_bytes((len(kinds) + 9) // 8, "little")
        payload += b"".join(b"" if null else data.draw(_value(kind)) for kind, null in zip(kinds, nulls, strict=True))
    else:
        payload = b"".join(b"\xfb" if null else _counted(data.draw(TEXTS)) for null in nulls)
    one = Dissection(RequestTracker(cast("Any", None), FrameIndex(), None), SERVER, 1, 0)
    one.packet = RawPacket(7, payload, len(payload), 1, 0, 1, 0, 7)
    one.record = (BinaryRow if binary else TextRow).from_bytes(payload, context)
    one.context = context
    one.speak(codec)
    one.settle(True)

    packet = b"in front" + len(payload).to_bytes(3, "little") + b"\x07" + payload + b"behind"
    for parts in (Tree(), JsonRows(None, False)):
        lines, writer = LineBuffer(), parts.rows()
        assert writer is not None
        writer.take(columns, context)
        writer.row(lines, packet, 8, len(packet) - 6, binary)
        assert lines.line(lines.end) == parts.body(one)

"""Lines of a batch, of which some are due and others stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.line_buffer import LineBuffer

LINES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.binary(max_size=9)), max_size=40)


@given(LINES, st.integers(-1, 10))
def test_parts_are_in_order(lines: list[tuple[int, int, bytes]], frame: int) -> None:
    buffer = LineBuffer()
    for number, (at, stream, text) in enumerate(lines):
        buffer.add(at, stream, number, text)
    buffer.settle()
    order = sorted((at, stream, number, text) for number, (at, stream, text) in enumerate(lines))
    stop = buffer.place_behind(frame)
    assert stop == sum(at <= frame for at, *_ in order)
    for first, last in ((0, stop), (stop, len(lines))):
        part = buffer.part(first, last)
        assert part.gathered(0, part.count) == b"".join(text for *_, text in order[first:last])
        assert [part.frame(place) for place in range(part.count)] == [at for at, *_ in order[first:last]]

"""Lines of several processes come out in the order that one process gives them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis.line_buffer import LineBuffer
from analyzer.engine.lines import TOGETHER, Lines, in_pieces, joined

FRAMES = st.integers(0, 5 << TOGETHER)
# Frame, stream and number of a line are no other's.
NUMBERS = st.sets(st.tuples(st.integers(1, 3), FRAMES, st.integers(0, 3), st.integers(0, 3)), max_size=40)


def _sent(item: Lines) -> Lines:
    """As another process gets it."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(item, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
    found: Lines = pickle.loads(head, buffers=[bytearray(one.raw()) for one in buffers])
    return found


@given(numbers=NUMBERS, processes=st.integers(1, 4))
def test_order(numbers: set[tuple[int, int, int, int]], processes: int) -> None:
    every = sorted((batch, frame, stream, number, b"%d.%d.%d;" % (frame, stream, number))
                   for batch, frame, stream, number in numbers)  # fmt: skip
    pieces: list[tuple[tuple[int, int], Lines]] = []
    for process in range(processes):
        for batch in range(1, 4):
            mine = [line[1:] for line in every if line[0] == batch and line[2] % processes == process]
            lines = LineBuffer()
            # Connection by connection, as their commands end.
            for frame, stream, number, text in sorted(mine, key=lambda line: line[1]):
                lines.add(frame, stream, number, text)
            lines.settle()
            found = list(in_pieces(batch, lines))
            assert [key for key, _ in found] == sorted({(batch, line[0] >> TOGETHER) for line in mine})
            pieces += [(key, _sent(piece)) for key, piece in found]
    pieces.sort(key=lambda piece: piece[0])
    assert b"".join(joined(piece for _, piece in pieces)) == b"".join(line[4] for line in every)


def test_an_end_past_the_text_is_an_error() -> None:
    broken = Lines((1, 0), bytearray(24), bytearray((9).to_bytes(8, "little")), bytearray(b"line"))
    with pytest.raises(IndexError):
        broken.taken_before(None)

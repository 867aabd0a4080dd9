"""Rows of packets as one text for each batch: written as packets come, put into the order of their frames."""

from __future__ import annotations

from typing import Protocol

from analyzer.analysis.dissection.computed_fields import FrameView
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.line_buffer import LineBuffer


class RowParts(Protocol):
    """What makes a packet's row of parts, of which most are as in rows before: `head`, `body` and `foot` joined."""

    def head(self, view: FrameView) -> bytes:
        """What depends on nothing but the frame."""

    def body(self, one: Dissection) -> bytes:
        """What depends on the packet's bytes, and on what was agreed on."""

    def foot(self, asked: int, latency_ns: int) -> bytes:
        """What depends on the frame of the command that it is or answers; `latency_ns` is that of its first answer,
        -1 elsewhere."""


class RowLines:
    """Rows of one capture, with (frame, stream, number of the row) as their key.

    lines  rows that are known, those that are due and those that may have others before them
    young  rows of connections that have no number yet: (frame, number of the row, its frame's head, what follows)
    count  rows so far
    """

    __slots__ = ("count", "lines", "young")

    def __init__(self) -> None:
        self.lines = LineBuffer()
        self.young: list[tuple[FrameView, int, bytes]] = []
        self.count = 0

    def add(self, frame: int, stream: int, row: bytes) -> None:
        """Takes a row."""
        self.count += 1
        self.lines.add(frame, stream, self.count, row)

    def settle(self, parts: RowParts | None) -> None:
        """All connections have numbers."""
        young, self.young = self.young, []
        for view, count, rest in young:
            assert parts is not None
            self.lines.add(view.frame, view.scene.tcp.number, count, parts.head(view) + rest)
        self.lines.settle()

    def taken(self, settled: int, all_of_them: bool) -> LineBuffer:
        """The rows up to a frame, in their order; those behind it stay."""
        lines = self.lines
        stop = lines.count if all_of_them else lines.place_behind(settled)
        self.lines = lines.part(stop, lines.count)
        return lines.part(0, stop) if self.lines.count else lines

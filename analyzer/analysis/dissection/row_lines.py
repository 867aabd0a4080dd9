"""Rows of packets as one text for each batch: written as packets come, put into the order of their frames."""

from __future__ import annotations

from typing import Protocol

from analyzer.analysis.dissection.computed_fields import FrameView
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.dissection.row_writer import RowWriter
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

    def rows(self) -> RowWriter | None:
        """What writes bodies of rows of result sets; None where those of as many values are the same."""


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
        before: FrameView | None = None
        head = b""
        for view, count, rest in young:
            if view is not before:
                assert parts is not None
                head, before = parts.head(view), view
            self.lines.put(head)
            self.lines.add(view.frame, view.scene.tcp.number, count, rest)
        self.lines.settle()

    def taken(self, settled: int, all_of_them: bool) -> LineBuffer:
        """The rows up to a frame, in their order; those behind it stay."""
        lines = self.lines
        stop = lines.count if all_of_them else lines.place_behind(settled)
        self.lines = lines.part(stop, lines.count)
        return lines.part(0, stop) if self.lines.count else lines


class RowsInHand:
    """Writes rows of packets of one connection after the other: `begin`, what is shown of the packet, and `end`.

    lines  where that is written
    foot   what stands below it
    """

    __slots__ = ("_frame", "_head", "_parts", "_role", "_room", "_rows", "_scene", "_stream", "_view", "foot", "lines")

    def __init__(self, rows: RowLines, parts: RowParts) -> None:
        self._rows = rows
        self._parts = parts
        self._scene: RequestTracker | None = None
        self._stream = -1
        # The frame in hand, and its head.
        self._view: FrameView | None = None
        self._frame, self._role, self._head = -1, -1, b""
        # Where packets are written of a connection that has no number yet.
        self._room = LineBuffer()
        self.lines = self._room
        self.foot = b""

    def take(self, scene: RequestTracker, foot: bytes) -> None:
        """Packets of a turn come."""
        if scene is not self._scene or scene.tcp.number != self._stream:
            self._scene, self._stream, self._frame = scene, scene.tcp.number, -1
        self.lines = self._room if self._stream < 0 else self._rows.lines
        self.foot = foot

    def begin(self, role: int, frame: int, time_ns: int) -> None:
        """A packet that ends in a frame."""
        if frame != self._frame or role != self._role:
            assert self._scene is not None
            self._frame, self._role = frame, role
            self._view = view = FrameView(self._scene, role, frame, time_ns)
            if self._stream >= 0:
                self._head = self._parts.head(view)
        lines = self.lines
        if self._stream < 0:
            lines.end = 0
        else:
            lines.put(self._head)

    def end(self) -> None:
        """It is over."""
        rows, lines = self._rows, self.lines
        rows.count += 1
        lines.put(self.foot)
        if self._stream >= 0:
            lines.note(self._frame, self._stream, rows.count)
        else:
            assert self._view is not None
            rows.young.append((self._view, rows.count, lines.line(lines.end)))

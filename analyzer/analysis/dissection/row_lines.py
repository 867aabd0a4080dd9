"""Rows of packets as one text for each batch: written as packets come, put into the order of their frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from analyzer.analysis.dissection.computed_fields import FrameView
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.dissection.row_writer import RowWriter
from analyzer.analysis.line_buffer import LineBuffer


class RowParts(Protocol):
    """What makes a packet's row of parts, of which most are as in rows before: `head`, `body` and `foot` joined.

    told  which parts of a login that are free may be shown in bodies, by their names; None: any
    """

    told: frozenset[str] | None

    def head(self, view: FrameView) -> bytes:
        """What depends on nothing but the frame."""

    def body(self, one: Dissection) -> bytes:
        """What depends on the packet's bytes, and on what was agreed on."""

    def foot(self, asked: int, latency_ns: int) -> bytes:
        """What depends on the frame of the command that it is or answers, 0 where it belongs to none; `latency_ns` is
        that of its first answer, -1 elsewhere."""

    def rows(self) -> RowWriter | None:
        """What writes bodies of rows of result sets; None where those of as many values are the same."""


class FrameParts(RowParts, Protocol):
    """The same where packets of a frame have one row: what is `joined` from bodies and feet stands behind its head."""

    def joined(self, packets: list[bytes]) -> bytes:
        """What stands behind the head of a frame with these packets."""

    def finished(self, row: bytes) -> bytes:
        """The row of a frame that is joined."""


class RowLines:
    """Rows of one capture, with (frame, stream, number of the row) as their key.

    lines  rows that are known, those that are due and those that may have others before them
    young  rows of connections that have no number yet: (frame, number of the row, what follows its head)
    count  rows so far
    between  what stands behind each
    finish   what is done with rows that are joined from their parts
    """

    __slots__ = ("between", "count", "finish", "lines", "young")

    def __init__(self, between: bytes = b"") -> None:
        self.between = between
        self.finish: Callable[[bytes], bytes] | None = None
        self.lines = LineBuffer()
        self.young: list[tuple[FrameView, int, bytes]] = []
        self.count = 0

    def add(self, frame: int, stream: int, row: bytes) -> None:
        """Takes a row."""
        self.count += 1
        self.lines.put(row)
        self.lines.add(frame, stream, self.count, self.between)

    def join(self, frame: int, stream: int, number: int, head: bytes, rest: bytes) -> None:
        """Takes a row of two parts."""
        if self.finish is None:
            self.lines.put(head)
            self.lines.add(frame, stream, number, rest)
        else:
            self.lines.put(self.finish(head + rest))
            self.lines.add(frame, stream, number, self.between)

    def settle(self, parts: RowParts | None) -> None:
        """All connections have numbers."""
        young, self.young = self.young, []
        before: FrameView | None = None
        head = b""
        for view, count, rest in young:
            if view is not before:
                assert parts is not None
                head, before = parts.head(view), view
            self.join(view.frame, view.scene.tcp.number, count, head, rest)
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
        """Packets of a connection come."""
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

    def packet(self, one: Dissection) -> None:
        """Writes a packet that belongs to no turn."""
        raise NotImplementedError

    def flush(self, scene: RequestTracker) -> None:
        """The frame in hand of a connection is over: nothing waits for that here."""


class FramesInHand(RowsInHand):
    """The same where packets of a frame stand together: each connection has a frame in hand."""

    __slots__ = ("_frames", "_packets")

    def __init__(self, rows: RowLines, parts: FrameParts) -> None:
        super().__init__(rows, parts)
        self._frames = parts
        self._packets: list[bytes] = []
        rows.finish = parts.finished

    def take(self, scene: RequestTracker, foot: bytes) -> None:
        self.foot, self.lines = foot, self._room
        if scene is not self._scene:
            self._scene, self._frame = scene, -1
            if scene.held is not None:
                self._view, self._packets = scene.held
                self._frame, self._role = self._view.frame, self._view.role

    def begin(self, role: int, frame: int, time_ns: int) -> None:
        scene = self._scene
        assert scene is not None
        if frame != self._frame or role != self._role:
            self.flush(scene)
            self._frame, self._role = frame, role
            self._view = FrameView(scene, role, frame, time_ns)
            self._packets = []
            scene.held = self._view, self._packets
        self.lines.end = 0

    def end(self) -> None:
        lines = self.lines
        lines.put(self.foot)
        self._packets.append(lines.line(lines.end))

    def packet(self, one: Dissection) -> None:
        self.take(one.scene, self._frames.foot(0, -1))
        self.begin(one.role, one.frame, one.time_ns)
        self.lines.put(self._frames.body(one))
        self.end()

    def flush(self, scene: RequestTracker) -> None:
        if scene.held is None:
            return
        view, packets = scene.held
        scene.held = None
        if scene is self._scene:
            self._frame = -1
        rows, rest = self._rows, self._frames.joined(packets)
        rows.count += 1
        if scene.tcp.number < 0:
            rows.young.append((view, rows.count, rest))
        else:
            rows.join(view.frame, scene.tcp.number, rows.count, self._frames.head(view), rest)

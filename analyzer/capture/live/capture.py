"""Copies frames from interfaces to disk and to the analysis, and does nothing else, as dumpcap."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, Protocol

import msgspec
import numpy as np

from analyzer.batches import I64, U8
from analyzer.capture.live.channel import HUNG_UP, Outlet
from analyzer.capture.live.files import CaptureFiles, Counters
from analyzer.capture.live.frames import FrameBuffer, PacketBlocks, pack_all, sizes_of
from analyzer.capture.live.interfaces import Port

TICK_SECONDS: Final = 0.25
# Blocks taken of one interface before the others have their turn.
IN_TURN: Final = 4
# With several interfaces: how long a frame waits for earlier ones of the others.
SETTLE_NS: Final = 150_000_000
# At the end: how long frames are waited for, at most, that the kernel has counted and not yet handed over.
LAST_SECONDS: Final = 2.0
# Signals that end a capture.
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CapturedInterface(Protocol):
    """An interface that is captured. `down` says why it can not be any longer."""

    port: Port
    number: int
    down: str | None

    def fileno(self) -> int: ...
    def take(self) -> FrameBuffer | None: ...
    def release(self) -> None: ...
    def statistics(self) -> tuple[int, int]: ...
    def failed(self) -> None: ...
    def stop(self) -> None: ...
    def drain_seconds(self) -> float: ...
    def pending(self) -> bool: ...
    def wait(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class Limits(msgspec.Struct, frozen=True):
    """When to stop by itself: after so many frames, seconds."""

    frames: int | None = None
    seconds: float | None = None


class Ended(msgspec.Struct):
    """How a capture went. `problems` are what the user has to know; `interrupted`: by how many signals."""

    captured: int = 0
    received: int = 0
    dropped: int = 0
    skipped: int = 0
    seconds: float = 0.0
    problems: list[str] = []
    failed: bool = False


class Signals:
    """SIGINT, SIGTERM and SIGHUP as something that can be polled."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.count = 0
        # Who started the program with nohup wants it to go on.
        numbers = [one for one in ENDING if signal.getsignal(one) is not signal.SIG_IGN or one == signal.SIGINT]
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1

    def fileno(self) -> int:
        return self._read

    def stopped(self) -> bool:
        """Whether one has come."""
        return self.count > 0

    def clear(self) -> None:
        """Forgets that something could be read."""
        try:
            os.read(self._read, 4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """As it was before."""
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)


class Capture:
    """Runs until a signal, a limit, the disk or the interfaces end it.

    `notice` is told what the user has to know at once.
    """

    def __init__(
        self,
        sources: list[CapturedInterface],
        files: CaptureFiles | None,
        outlet: Outlet,
        signals: Signals,
        limits: Limits,
        notice: Callable[[str], None],
    ) -> None:
        self._sources = sources
        self._alive = list(sources)
        self._files = files
        self._outlet = outlet
        self._signals = signals
        self._limits = limits
        self._notice = notice
        self._given = [0] * len(sources)
        self._scratch: U8 = np.empty(1 << 20, dtype=np.uint8)
        self._carried: list[FrameBuffer] = []
        self._done = False
        self._told_skipping = False
        self.ended = Ended()

    def run(self) -> Ended:
        """Captures; everything that came in before the end is on disk and handed on when it returns."""
        begun = time.monotonic()
        deadline = None if self._limits.seconds is None else begun + self._limits.seconds
        poll = select.poll()
        for number in (*[one.fileno() for one in self._sources], self._signals.fileno(), self._outlet.fileno()):
            poll.register(number, select.POLLIN)
        by_number = {source.fileno(): source for source in self._sources}
        told = begun
        while not self._done:
            now = time.monotonic()
            wait = TICK_SECONDS if deadline is None else max(0.0, min(TICK_SECONDS, deadline - now))
            for number, event in poll.poll(wait * 1000):
                source = by_number.get(number)
                if source is not None and event & ~select.POLLIN:
                    source.failed()
                elif number == self._signals.fileno():
                    self._done = True
                elif number == self._outlet.fileno():
                    self._outlet.listen()
                    if HUNG_UP in self._outlet.answers:
                        self._done = True  # nobody reads what the analysis says
                    if self._outlet.lost:
                        poll.unregister(number)
                        self._outlet_gone()
            if not self._done:  # otherwise what is waiting is for _drain
                self._round()
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                self._done = True
            for source in [one for one in self._alive if one.down is not None]:
                self._lose(source)
                poll.unregister(source.fileno())
            self._check()
            if now - told >= 1.0:
                told = now
                self._outlet.counters(self.ended.captured, sum(one.dropped for one in self.counters()))
                if self._files is not None:
                    self._files.tick(self.counters)
        self._drain()
        self.ended.seconds = time.monotonic() - begun
        return self._close()

    # -- frames --------------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        """Takes what the interfaces have."""
        if len(self._sources) == 1:
            source = self._sources[0]
            for _ in range(IN_TURN):
                frames = source.take()
                if frames is None:
                    return
                if len(frames):
                    self._take([frames], source.release)
                else:
                    source.release()
                if self._done:
                    return
            return
        self._several(time.time_ns() - SETTLE_NS)

    def _several(self, settled_ns: int) -> None:
        """Puts the interfaces' frames in the order of their times; those after `settled_ns` wait for the next round."""
        parts = self._carried
        self._carried = []
        for source in self._sources:
            for _ in range(IN_TURN):
                frames = source.take()
                if frames is None:
                    break
                if len(frames):
                    parts.append(_copied(frames))
                source.release()
        ready = []
        for part in parts:
            early = part.timestamp_ns <= settled_ns
            if early.all():
                ready.append(part)
                continue
            self._carried.append(part.take(np.flatnonzero(~early)))
            if early.any():
                ready.append(part.take(np.flatnonzero(early)))
        if ready and not self._done:
            self._take(ready, _nothing)

    def _take(self, parts: list[FrameBuffer], release: Callable[[], None]) -> None:
        """Frames to disk, then to the analysis. `release` is called when they are copied."""
        order, sizes, times = sizes_of(parts)
        if self._limits.frames is not None and self.ended.captured + len(order) > self._limits.frames:
            order = order[: self._limits.frames - self.ended.captured]
            parts, order, sizes, times = _first(parts, order)
        count = len(order)
        if not count:
            release()
            self._done = True
            return
        need = int(sizes.sum()) + 4 * count
        room = self._outlet.room(need)
        out = room
        if out is None:
            if len(self._scratch) < need:
                self._scratch = np.empty(need, dtype=np.uint8)
            out = self._scratch
        block = PacketBlocks(out, pack_all(parts, order, sizes, out), sizes[order], times[order])
        # The disk may be slow: the kernel has its memory back before that.
        release()
        kept = count
        if self._files is not None:
            kept = self._files.write(block, self.counters)
        if kept:
            if room is None:
                self._skip(kept)
            else:
                self._outlet.send(block, kept, self.ended.captured + 1)
        self._count(parts, order, kept)
        self.ended.captured += kept
        if self._limits.frames is not None and self.ended.captured >= self._limits.frames:
            self._done = True
        self._check()

    def _count(self, parts: list[FrameBuffer], order: I64, kept: int) -> None:
        """Frames of each interface that were taken."""
        interface = parts[0].interface if len(parts) == 1 else np.concatenate([part.interface for part in parts])
        counts = np.bincount(interface[order[:kept]], minlength=len(self._given))
        for number, count in enumerate(counts.tolist()):
            self._given[number] += count

    def _skip(self, frames: int) -> None:
        self._outlet.skip(frames)
        if not self._told_skipping and not self._outlet.lost:
            self._told_skipping = True
            kept = "they are in the file" if self._files is not None else "a file (-w) would have them"
            self._notice(f"warning: the analysis is behind and skips frames; {kept}")

    def _check(self) -> None:
        """Whether the disk or the file's bounds end it."""
        if self._files is None or self._done:
            return
        if self._files.problem is not None:
            self._done = True
            self.ended.failed = True
            self.ended.problems.append(f"{self._files.problem}: stopped; what was written before is whole")
        elif self._files.full:
            self._done = True

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _lose(self, source: CapturedInterface) -> None:
        """An interface went down."""
        self._alive.remove(source)
        message = f"interface {source.port.name} {source.down}"
        if self._alive:
            self._notice(f"warning: {message}; the capture goes on without it")
        else:
            self._done = True
            self.ended.problems.append(f"{message}: stopped")

    def _outlet_gone(self) -> None:
        """The analysing process is gone: without a file there is nothing left to do."""
        if self._files is None:
            self._done = True
        elif not self._done:
            self._notice("warning: the analysis has ended early; the capture goes on to disk")

    def _drain(self) -> None:
        """What came in before the end is taken, the rest stays out."""
        full = self._limits.frames is not None and self.ended.captured >= self._limits.frames
        stopped = full or (self._files is not None and (self._files.full or self._files.problem is not None))
        for source in self._sources:
            source.stop()
        if stopped:
            return
        self._done = False
        now = time.monotonic()
        until, last = now + max(source.drain_seconds() for source in self._sources), now + LAST_SECONDS
        while not self._done:
            now = time.monotonic()
            if now < until:
                self._sources[0].wait(until - now)
            self._round()
            # A busy machine may be late with the last block.
            late = [source for source in self._sources if source.pending()]
            if now >= last or (now >= until and not late):
                break
            if now >= until:
                late[0].wait(TICK_SECONDS)
        before = -1
        while not self._done and before != self.ended.captured:
            before = self.ended.captured
            self._round()
        if len(self._sources) > 1 and not self._done:
            self._several(1 << 62)
        self._done = True

    def counters(self) -> list[Counters]:
        """Of each interface, so far."""
        found = []
        for source, given in zip(self._sources, self._given, strict=True):
            received, dropped = source.statistics()
            found.append(Counters(received, dropped, given))
        return found

    def _close(self) -> Ended:
        counters = self.counters()
        ended = self.ended
        ended.received = sum(one.received for one in counters)
        ended.dropped = sum(one.dropped for one in counters)
        ended.skipped = self._outlet.skipped
        if self._files is not None:
            before = self._files.problem
            self._files.close(counters)
            if before is None and self._files.problem is not None:
                ended.failed = True
                ended.problems.append(self._files.problem)
        for source in self._sources:
            source.close()
        return ended


def _nothing() -> None:
    """The frames' memory is their own."""


def _copied(frames: FrameBuffer) -> FrameBuffer:
    """The same frames in memory of their own: their block goes back to the kernel."""
    begin = int(frames.offset.min())
    end = int((frames.offset + frames.captured).max())
    data = memoryview(bytes(frames.data[begin:end]))
    return FrameBuffer(
        data,
        frames.interface,
        frames.timestamp_ns,
        frames.offset - begin,
        frames.captured,
        frames.original,
        frames.header,
        frames.tags,
    )


def _first(
    parts: list[FrameBuffer], order: I64
) -> tuple[
    list[FrameBuffer],
    I64,
    I64,
    I64,
]:
    """Only the frames of `order`, as new parts with their own order."""
    wanted = np.sort(order)
    left = []
    before = 0
    for part in parts:
        mine = wanted[(wanted >= before) & (wanted < before + len(part))] - before
        if len(mine):
            left.append(part.take(mine))
        before += len(part)
    if not left:
        empty = np.zeros(0, dtype=np.int64)
        return [], empty, empty, empty
    new_order, sizes, times = sizes_of(left)
    return left, new_order, sizes, times

"""The way from the capturing process to the analysing one: frames in shared memory, what is there over a pipe.

The capturing side never waits: where there is no room it skips, and says so. Blocks lie in the memory as pcapng packet
blocks, the same bytes that go to disk; the other side reads their headers as columns.
"""

from __future__ import annotations

import errno
import mmap
import os
import select
import struct
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from analyzer.batches import I32, I64, U8, U32, FrameBatch
from analyzer.capture.live.frames import PacketBlocks
from analyzer.capture.pcapng_blocks import PACKET_HEADER

ARENA_BYTES: Final = 64 << 20
# The analysis takes up to so many bytes at once: what waits is analysed in large batches.
BATCH_BYTES: Final = 4 << 20

# kind, frames, first byte in the arena, bytes, number of the first frame; for others up to four numbers
_MESSAGE: Final = struct.Struct("=IIqqq")
FRAMES: Final = 1
SKIPPED: Final = 2
COUNTERS: Final = 3
END: Final = 4
START: Final = 5
# What comes back: kind, number. Kinds above 1 carry the totals of the analysis.
_ANSWER: Final = struct.Struct("=Iq")
TAKEN: Final = 1
READY: Final = 2
CONNECTIONS: Final = 3
FAILURES: Final = 4
DONE: Final = 5
HUNG_UP: Final = 6
STAYS: Final = 7  # all is analysed, and somebody may look on until the capturing side ends


class Arena:
    """Memory that two processes share, used in a circle."""

    def __init__(self, size: int = ARENA_BYTES) -> None:
        self.size = size
        self._map = mmap.mmap(-1, size)
        self.octets: U8 = np.frombuffer(self._map, dtype=np.uint8)
        self.words: U32 = self.octets.view("<u4")


class Outlet:
    """The capturing side.

    skipped   frames that the analysis did not get
    lost      the analysing process is gone
    answers   totals of the analysis by kind, as far as they have come
    """

    def __init__(self, arena: Arena, messages: int, answers: int) -> None:
        """`messages` is the pipe to write to, `answers` that to read from; both stop blocking."""
        self._arena = arena
        self._messages = messages
        self._answers = answers
        os.set_blocking(messages, False)
        os.set_blocking(answers, False)
        self.skipped = 0
        self._untold = 0  # skipped frames that the other side does not know of
        self.lost = False
        self.answers: dict[int, int] = {}
        self._next = 0
        self._waiting: deque[tuple[int, int]] = deque()
        self._sent = self._taken = 0

    def fileno(self) -> int:
        return self._answers

    def room(self, size: int) -> U8 | None:
        """Memory for `size` bytes of blocks (and what goes with them), None where there is none."""
        if self.lost:
            return None
        self.listen()
        begin = self._place(size)
        if begin is None:
            return None
        self._next = begin
        return self._arena.octets[begin : begin + size]

    def _place(self, size: int) -> int | None:
        if not self._waiting:
            return 0 if size <= self._arena.size else None
        tail = self._waiting[0][0]
        if self._next >= tail:
            if self._next + size <= self._arena.size:
                return self._next
            return 0 if size < tail else None
        return self._next if self._next + size < tail else None

    def send(self, block: PacketBlocks, frames: int, number: int) -> None:
        """Hands on the first `frames` of a block that lies in what `room` gave; `number` is that of the first."""
        last = int(block.starts[frames - 1] + block.sizes[frames - 1])
        # Where each begins goes behind them.
        where = block.starts[:frames].astype("<u4").view(np.uint8)
        block.data[last : last + len(where)] = where
        begin, end = self._next, self._next + last + len(where)
        if self._untold and self._write(SKIPPED, 0, self._untold, 0, 0):
            self._untold = 0
        if self._write(FRAMES, frames, begin, last, number):
            self._waiting.append((begin, end))
            self._sent += 1
            self._next = end
        else:
            self.skip(frames)

    def skip(self, frames: int) -> None:
        """There was no room for frames."""
        self.skipped += frames
        self._untold += frames

    def start(self) -> None:
        """Tells that the interfaces are open."""
        self._write(START, 0, 0, 0, 0)

    def counters(self, captured: int, dropped: int) -> None:
        """Tells how many frames were captured and dropped; if there is no room for that, it does not matter."""
        self._write(COUNTERS, 0, captured, dropped, 0)

    def _write(self, kind: int, count: int, a: int, b: int, c: int) -> bool:
        if self.lost:
            return False
        try:
            os.write(self._messages, _MESSAGE.pack(kind, count, a, b, c))
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            self.lost = True
            return False
        return True

    def listen(self) -> None:
        """Takes the answers that are there."""
        while not self.lost:
            try:
                data = os.read(self._answers, 4096 // _ANSWER.size * _ANSWER.size)
            except BlockingIOError:
                return
            if not data:
                self.lost = True
                return
            for kind, number in _ANSWER.iter_unpack(data):
                if kind != TAKEN:
                    self.answers[kind] = number
                    continue
                while self._taken < number and self._waiting:
                    self._waiting.popleft()
                    self._taken += 1

    def end(self, captured: int, dropped: int, by_itself: bool = False) -> bool:
        """Tells that nothing more comes; False where that could not be said yet. `by_itself`: no signal ended it."""
        if self._untold and self._write(SKIPPED, 0, self._untold, 0, 0):
            self._untold = 0
        return self.lost or self._write(END, 0, captured, dropped, by_itself)

    def close(self) -> None:
        os.close(self._messages)
        os.close(self._answers)


class CaptureProgress(msgspec.Struct):
    """How the capture goes, as the analysing side knows it."""

    captured: int = 0
    dropped: int = 0
    skipped: int = 0
    ended: bool = False
    # No signal has ended it: a limit has, or the interfaces.
    by_itself: bool = False
    # The capturing process ended without a word.
    lost: bool = False


class Inlet:
    """The analysing side: batches of frames as they come."""

    def __init__(self, arena: Arena, messages: int, answers: int, link_types: list[int]) -> None:
        self._arena = arena
        self._messages = messages
        self._answers = answers
        self._links: I32 = np.array(link_types, dtype=np.int32)
        self._poll = select.poll()
        self._poll.register(messages, select.POLLIN)
        self._taken = 0
        self.progress = CaptureProgress()

    @property
    def over(self) -> bool:
        return self.progress.ended or self.progress.lost

    def wait_for_start(self) -> bool:
        """Whether the capture begins; False where the other side has given up."""
        data = os.read(self._messages, _MESSAGE.size)
        return len(data) == _MESSAGE.size and _MESSAGE.unpack(data)[0] == START

    def waiting(self) -> bool:
        """Whether there is something to take at once."""
        return bool(self._poll.poll(0))

    def gone(self, seconds: float) -> bool:
        """Whether the capturing side has ended, after waiting `seconds` at most; asked when the capture is over."""
        return bool(self._poll.poll(seconds * 1000)) and not os.read(self._messages, 4096)

    def batches(self, seconds: float) -> Iterator[FrameBatch]:
        """What has come, after waiting `seconds` at most. A batch's bytes are there until the next is asked for."""
        if self.over or not self._poll.poll(seconds * 1000):
            return
        data = os.read(self._messages, 4096 // _MESSAGE.size * _MESSAGE.size)
        if not data:
            self.progress.lost = True
            return
        together: list[tuple[int, int, int, int]] = []
        for kind, count, a, b, c in _MESSAGE.iter_unpack(data):
            if kind == FRAMES:
                if together and not self._fits(together, a, b):
                    yield self._batch(together)
                    self._give_back(len(together))
                    together = []
                together.append((count, a, b, c))
            elif kind == SKIPPED:
                self.progress.skipped += a
            else:
                self.progress.captured, self.progress.dropped = a, b
                self.progress.ended |= kind == END
                self.progress.by_itself |= kind == END and bool(c)
        if together:
            yield self._batch(together)
            self._give_back(len(together))

    @staticmethod
    def _fits(together: list[tuple[int, int, int, int]], begin: int, size: int) -> bool:
        first = together[0][1]
        return begin > together[-1][1] and begin + size - first <= BATCH_BYTES

    def _batch(self, together: list[tuple[int, int, int, int]]) -> FrameBatch:
        """Messages whose memory is in ascending order, as one batch."""
        places: list[I64] = []
        numbers: list[I64] = []
        for count, begin, size, number in together:
            index = begin + size
            places.append(self._arena.octets[index : index + 4 * count].view("<u4").astype(np.int64) + begin)
            numbers.append(np.arange(number, number + count, dtype=np.int64))
        where = np.concatenate(places)
        words: U32 = self._arena.words[(where >> 2)[:, None] + np.arange(2, 7)]
        first = together[0][1]
        last = together[-1][1] + together[-1][2]
        # A row of each column: what is compiled takes columns whose numbers lie side by side.
        wide = np.ascontiguousarray(words.T, dtype=np.int64)
        return FrameBatch(
            data=self._arena.octets.data[first:last],
            number=np.concatenate(numbers),
            timestamp_ns=wide[1] << 32 | wide[2],
            link_type=self._links[wide[0]],
            offset=where + PACKET_HEADER - first,
            captured=wide[3],
            original=wide[4],
            interface=wide[0].astype(np.int32) if len(self._links) > 1 else None,
        )

    def _give_back(self, messages: int) -> None:
        self._taken += messages
        self.answer(TAKEN, self._taken)

    def answer(self, kind: int, number: int) -> None:
        """Tells the capturing side; where nobody is there, nothing."""
        try:
            os.write(self._answers, _ANSWER.pack(kind, number))
        except BrokenPipeError:
            self.progress.lost = True

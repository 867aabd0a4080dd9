"""Steps of the clock that stamped a capture, found in the order of frames."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from analyzer.batches import I64

# Frames may be a little out of order: several queues of a card, several interfaces. A clock that is set goes further.
STEP_NS: Final = 100_000_000
# So many frames (or all that are left) stay behind before it is a step, and not a few frames out of order.
STAYS: Final = 8
MOST: Final = 64


class ClockStep(msgspec.Struct):
    """The clock went back by `size_ns` before this frame."""

    frame: int
    size_ns: int


class ClockSteps:
    """Watches the times of frames, batch by batch. `steps` may lose its last while that is young (STAYS)."""

    def __init__(self) -> None:
        self.steps: list[ClockStep] = []
        self._latest: int | None = None  # of the times so far, since the last step
        self._before = 0  # that of before the last step
        self._young = 0  # frames that may still show that the last step was none

    def feed(self, number: I64, time_ns: I64) -> None:
        """Takes the numbers and times of frames, in order."""
        if not len(time_ns):
            return
        first = int(time_ns[0])
        if self._latest is None:
            self._latest = first
        if not self._young and first >= self._latest and bool((time_ns[1:] >= time_ns[:-1]).all()):
            self._latest = int(time_ns[-1])
            return
        self._walk(number, time_ns)

    def _walk(self, number: I64, time_ns: I64) -> None:
        """Looks at each frame that is behind."""
        at = 0
        while at < len(time_ns):
            assert self._latest is not None
            if self._young:
                at = self._watch(time_ns, at)
                continue
            ahead = np.maximum.accumulate(np.maximum(time_ns[at:], self._latest))
            behind = np.flatnonzero(time_ns[at:] < ahead - STEP_NS)
            if not len(behind):
                self._latest = int(ahead[-1])
                return
            index = at + int(behind[0])
            self._before = int(ahead[behind[0]])
            self._young = STAYS
            self._latest = int(time_ns[index])
            if len(self.steps) < MOST:
                self.steps.append(ClockStep(int(number[index]), self._before - self._latest))
            at = index

    def _watch(self, time_ns: I64, at: int) -> int:
        """Looks whether the frames behind a step stay there; returns where to go on."""
        assert self._latest is not None
        stop = min(at + self._young, len(time_ns))
        for index in range(at, stop):
            time = int(time_ns[index])
            if time >= self._before - STEP_NS // 2:
                # It was only one that came late.
                self._young = 0
                self._latest = max(self._before, time)
                if self.steps:
                    self.steps.pop()
                return index + 1
            self._latest = max(self._latest, time)
        self._young -= stop - at
        return stop

"""Steps of the clock that stamped a capture, found in the order of frames."""

from __future__ import annotations

from typing import Final

import msgspec

MOST: Final = 64
# Frames may be a little out of order: several queues of a card, several interfaces. A clock that is set goes further.
_STEP: Final = 100_000_000
# So many frames (or all that are left) stay behind before it is a step, and not a few frames out of order.
_STAYS: Final = 8


class ClockStep(msgspec.Struct):
    """The clock went back by `size_ns` before this frame."""

    frame: int
    size_ns: int


class ClockSteps:
    """Watches the times of frames, batch by batch. `steps` may lose its last while that is young (_STAYS)."""

    def __init__(self) -> None:
        self.steps: list[ClockStep] = []
        self._begun = False
        self._latest = 0  # of the times so far, since the last step
        self._before = 0  # that of before the last step
        self._young = 0  # frames that may still show that the last step was none

    def feed(self, number: memoryview, time_ns: memoryview) -> None:
        """Takes the numbers and times of frames, in order."""
        for row in range(len(time_ns)):
            time = time_ns[row]
            if not self._begun:
                self._begun, self._latest = True, time
            if self._young:
                self._young -= 1
                if time < self._before - _STEP // 2:
                    self._latest = max(self._latest, time)
                    continue
                # It was only one that came late.
                self._young = 0
                self._latest = max(self._before, time)
                if self.steps:
                    self.steps.pop()
            elif time < self._latest - _STEP:
                if len(self.steps) < MOST:
                    self.steps.append(ClockStep(number[row], self._latest - time))
                self._before, self._latest, self._young = self._latest, time, _STAYS - 1
            elif time > self._latest:
                self._latest = time

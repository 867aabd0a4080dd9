"""Steps of the clock that stamped a capture, found in the order of frames."""

from __future__ import annotations

from typing import Final

import msgspec

MOST: Final = 64
# Frames may be a little out of order: several queues of a card, several interfaces. A clock that is set goes further.
_STEP: Final = 100_000_000
# So many frames (or all that are left) stay behind before it is a step, and not a few frames out of order.
_STAYS: Final = 8
# So often it is no frame that came late, but another clock.
OTHER_CLOCK: Final = 3


class ClockStep(msgspec.Struct):
    """The clock went back by `size_ns` before this frame; late: but not for long, other frames go on in front of it."""

    frame: int
    size_ns: int
    late: bool = False


class ClockSteps:
    """Watches the times of frames, batch by batch. The last of `steps` may turn out to be `late` while it is young
    (_STAYS).
    """

    def __init__(self) -> None:
        self.steps: list[ClockStep] = []
        self._late = 0  # so many of them
        self._noted = False  # the last step is among them
        self._begun = False
        self._latest = 0  # of the times so far, since the last step
        self._before = 0  # that of before the last step
        self._young = 0  # frames that may still show that the last step was none

    @property
    def tells(self) -> bool:
        """Whether the clock went back, or there are several; one late frame is neither."""
        return len(self.steps) > self._late or self._late >= OTHER_CLOCK

    def know(self, steps: list[ClockStep]) -> None:
        """Takes what is known from elsewhere."""
        self.steps = steps
        self._late = sum(step.late for step in steps)

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
                if self._noted:
                    self.steps[-1].late = True
                    self._late += 1
            elif time < self._latest - _STEP:
                self._noted = len(self.steps) < MOST
                if self._noted:
                    self.steps.append(ClockStep(number[row], self._latest - time))
                self._before, self._latest, self._young = self._latest, time, _STAYS - 1
            elif time > self._latest:
                self._latest = time

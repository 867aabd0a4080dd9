"""A live capture: two processes, one that only copies frames, one without privileges that analyses them."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from analyzer.capture.live.capture import Capture, CapturedInterface, Ended, Limits, Signals
from analyzer.capture.live.channel import CONNECTIONS, DONE, FAILURES, READY, STAYS, Arena, Inlet, Outlet
from analyzer.capture.live.files import CaptureFiles, Target
from analyzer.capture.live.interfaces import Port
from analyzer.capture.live.programs import SNAPLEN, Program, program_for
from analyzer.engine.live_following import FollowRequest, follow
from analyzer.engine.privileges import User
from analyzer.errors import CaptureError

# The process that copies frames needs little, but needs it now: about 2 us for a frame.
NICE: Final = -10
# After so long a wait for the analysis it is said what is waited for.
PATIENCE: Final = 2.0


class LiveRequest(msgspec.Struct):
    """What was asked for, checked.

    ring         frames come through Linux's packet ring, else through scapy's socket
    buffer       bytes of the kernel's buffer for each interface
    promiscuous  also frames that are not for this host
    told         the filter in words
    """

    ports: list[Port]
    programs: list[Program]
    filter: str
    snaplen: int
    target: Target | None
    frames: int | None
    seconds: float | None
    user: User | None
    ring: bool
    buffer: int
    promiscuous: bool
    told: str = ""


class LiveCapture:
    """One capture with its analysis. `quiet`: what is to be said waits for the end, for a live table owns the terminal.

    Raises CaptureError where an interface can not be captured, or a file not be written.
    """

    def __init__(
        self, plan: LiveRequest, following: FollowRequest, flush: Callable[[], None], *, quiet: bool = False
    ) -> None:
        self._plan = plan
        self._following = following
        self._tell = following.tell
        self._flush = flush
        self._notices: list[str] = []
        self._quiet = quiet

    def run(self) -> int:
        """Captures and analyses until it is over; returns the exit code."""
        if os.geteuid() == 0 and self._plan.user is None:
            self._tell(
                "note: the analysis runs as root, without its capabilities; --user NAME runs it as somebody else"
            )
        arena = Arena()
        messages, answers = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        self._flush()
        # From here on Ctrl-C is for this process to act on.
        signals = Signals()
        child = os.fork()
        if child == 0:
            self._analyse(arena, messages, answers)
        os.close(messages[0])
        os.close(answers[1])
        outlet = Outlet(arena, messages[1], answers[0])
        while not outlet.lost and READY not in outlet.answers and not signals.count:
            select.select([outlet.fileno(), signals.fileno()], [], [], 1.0)
            outlet.listen()
        status: int | None = None
        try:
            if outlet.lost or signals.count:
                outlet.close()
                status = _exit_code(os.waitpid(child, 0)[1])
                return status or 130
            ended, names = self._capture(outlet, signals)
            status = self._finish(child, outlet, signals, ended)
            if status is None:
                code = self._summary(ended, names, outlet, 0)
                self._tell("the capture is over, and its page stays: Ctrl-C ends it")
                status = self._stay(child, outlet, signals)
                return code or status
        finally:
            if status is None:
                # What went wrong is on its way to be said; the other process sees that nobody is there any more.
                outlet.close()
                os.waitpid(child, 0)
            signals.close()
        return self._summary(ended, names, outlet, status)

    def _analyse(self, arena: Arena, messages: tuple[int, int], answers: tuple[int, int]) -> NoReturn:
        """The process that analyses; never returns."""
        code = 70  # EX_SOFTWARE, where something below fails that nobody has thought of
        try:
            signal.set_wakeup_fd(-1)
            os.close(messages[1])
            os.close(answers[0])
            inlet = Inlet(arena, messages[0], answers[1], [one.link_type for one in self._plan.ports])
            code = follow(self._following, inlet, self._plan.user)
            self._flush()
        finally:
            os._exit(code)

    def _capture(self, outlet: Outlet, signals: Signals) -> tuple[Ended, list[str]]:
        """Raises CaptureError."""
        plan = self._plan
        sources: list[CapturedInterface] = []
        try:
            for number in range(len(plan.ports)):
                sources.append(self._open(number))
            files = None
            if plan.target is not None:
                filters = [plan.filter] * len(plan.ports)
                files = CaptureFiles(plan.target, plan.ports, filters, plan.snaplen, signals.stopped)
        except CaptureError:
            for source in sources:
                source.close()
            raise
        outlet.start()
        if not self._quiet:
            self._tell(
                f"capturing on {self._following.title}" + (f": {plan.told or plan.filter}" if plan.filter else "")
            )
        with contextlib.suppress(OSError):
            os.nice(NICE)
        # Nothing of what follows makes cycles; a pause to look for them costs frames.
        gc.collect()
        gc.disable()
        capture = Capture(sources, files, outlet, signals, Limits(plan.frames, plan.seconds), self._notice)
        ended = capture.run()
        return ended, [] if files is None else list(files.names)

    def _open(self, number: int) -> CapturedInterface:
        from analyzer.capture.live.general import GeneralSource
        from analyzer.capture.live.ring import RingSource

        plan = self._plan
        if plan.ring:
            return RingSource(
                plan.ports[number],
                plan.programs[number],
                number=number,
                buffer=plan.buffer,
                promiscuous=plan.promiscuous,
            )
        return GeneralSource(
            plan.ports[number],
            program_for(plan.filter, plan.ports[number], SNAPLEN),
            plan.filter,
            number=number,
            buffer=plan.buffer,
            snaplen=plan.snaplen,
            promiscuous=plan.promiscuous,
        )

    def _notice(self, message: str) -> None:
        if self._quiet:
            self._notices.append(message)
        else:
            self._tell(message)

    # -- the end -------------------------------------------------------------------------------------------------------

    def _stay(self, child: int, outlet: Outlet, signals: Signals) -> int:
        """Waits until a signal comes, or nobody can look on any more. Returns the exit code of the analysis."""
        before = signals.count
        while signals.count == before and not outlet.lost:
            select.select([outlet.fileno(), signals.fileno()], [], [])
            signals.clear()
            outlet.listen()
        outlet.close()
        return _exit_code(os.waitpid(child, 0)[1])

    def _finish(self, child: int, outlet: Outlet, signals: Signals, ended: Ended) -> int | None:
        """Waits until the analysis has taken what is left; a further signal ends it. Returns its exit code.

        None: it goes on, for somebody who looks on.
        """
        before, begun, told, said = signals.count, time.monotonic(), False, False
        while True:
            told = told or outlet.end(ended.captured, ended.dropped, by_itself=not before)
            outlet.listen()
            if STAYS in outlet.answers:
                return None
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                outlet.listen()
                outlet.close()
                return _exit_code(status)
            if signals.count > before:
                before = signals.count
                os.kill(child, signal.SIGKILL)  # it leaves no file behind
            if not said and not self._quiet and time.monotonic() - begun > PATIENCE:
                said = True
                self._tell("analysing what is left; Ctrl-C leaves it out")
            wanted = [signals.fileno()] if outlet.lost else [outlet.fileno(), signals.fileno()]
            select.select(wanted, [], [], 0.05)
            signals.clear()

    def _summary(self, ended: Ended, names: list[str], outlet: Outlet, status: int) -> int:
        for message in self._notices:
            self._tell(message)
        for problem in ended.problems:
            self._tell(problem)
        parts = [
            f"{ended.captured:,} frames captured in {ended.seconds:.1f} s",
            f"{ended.dropped:,} dropped by the kernel",
            f"{ended.skipped:,} not analysed",
        ]
        if CONNECTIONS in outlet.answers:
            found = outlet.answers[CONNECTIONS]
            parts.append(f"{found:,} MySQL connection{'' if found == 1 else 's'}")
            parts.append(f"{outlet.answers.get(FAILURES, 0):,} failed")
        self._tell(", ".join(parts))
        if names:
            self._tell(f"written: {', '.join(names)}")
        if status == 128 + signal.SIGPIPE:
            return status
        if DONE not in outlet.answers and STAYS not in outlet.answers:
            self._tell("the analysis did not come to its end" + (f" (exit code {status})" if status else ""))
            return status if status in (2, 3) else 3
        return 3 if ended.failed else status


def _exit_code(status: int) -> int:
    """A process's, as a shell gives it: 128 and the signal where one ended it."""
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code

"""The program as a process: descriptors that are closed, signals that end it, standard output that takes no more."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")
# So long after a signal that came while a module was loaded it is looked again.
AGAIN_SECONDS: Final = 0.01
# Of standard output that nobody watches: lines are longer than what Python holds back itself.
OUTPUT_BYTES: Final = 1 << 17


class Terminated(BaseException):
    """A signal asks the program to end: files that are not whole go, processes that were started end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _stop(number: int, frame: FrameType | None) -> None:
    """Raises what ends the program; not while a module is loaded: libraries take that for a fault of their own."""
    if _loading(frame):
        signal.signal(signal.SIGALRM, lambda _, later: _stop(number, later))
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(number)


def _loading(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def prepare() -> None:
    """What a command does once, as a program of its own.

    Descriptors 0 to 2 are open afterwards: else a capture would get the number of standard output. Where they were
    closed, writing to them fails, and is told of as any other failure.

    Nothing is garbage until `begin`: while modules are loaded there is none.
    """
    gc.disable()
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 0 else os.O_RDONLY)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the process's own
    if not sys.stdout.isatty() and not os.environ.get("PYTHONUNBUFFERED"):
        coding, errors = sys.stdout.encoding, sys.stdout.errors
        sys.stdout = open(1, "w", OUTPUT_BYTES, coding, errors, closefd=False)  # noqa: SIM115 - the process's own
    for name in ENDING:
        ending: int | None = getattr(signal, name, None)
        # Who started the program with nohup wants it to go on.
        if ending is not None and signal.getsignal(ending) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(ending, _stop)


def begin() -> None:
    """All is loaded that the command needs: from now on garbage is collected, and not looked for in what is loaded."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def leave(code: int) -> NoReturn:
    """Ends the process at once: all is written, and a signal that came while modules go would be told of."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)

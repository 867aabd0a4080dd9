"""The program as a process: descriptors that are closed, signals that end it, standard output that takes no more."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final

ENDING: Final = ("SIGTERM", "SIGHUP")


class Terminated(BaseException):
    """A signal asks the program to end: files that are not whole go, processes that were started end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def prepare() -> None:
    """What a command does once, as a program of its own.

    Descriptors 0 to 2 are open afterwards: else a capture would get the number of standard output. Where they were
    closed, writing to them fails, and is told of as any other failure.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 0 else os.O_RDONLY)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the process's own
    for name in ENDING:
        ending: int | None = getattr(signal, name, None)
        # Who started the program with nohup wants it to go on.
        if ending is not None and signal.getsignal(ending) is signal.SIG_DFL:
            signal.signal(ending, _terminate)


def leave_quietly() -> None:
    """Nothing more is to be done: a signal that comes now finds nothing to interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

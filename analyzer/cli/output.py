"""Where results go: standard output, or a file that only takes its name when it is whole."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from analyzer.cli.console import complain


@contextlib.contextmanager
def open_output(name: str | None) -> Iterator[BinaryIO]:
    """A binary file to write to. A named one is replaced at the end, so that no half file is ever there.

    Raises OSError where it can not be written.
    """
    if name is None or name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.exists(name) and not os.path.isfile(name):
        # A pipe or a device: written as it is.
        with open(name, "wb") as direct:
            yield direct
        return
    folder = os.path.dirname(os.path.abspath(name))
    handle, temporary = tempfile.mkstemp(prefix=".handshark-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, name)
    except BaseException:
        os.unlink(temporary)
        raise


def written(name: str | None, write: Callable[[BinaryIO], int]) -> int:
    """What `write` makes of an output file (see `open_output`): its exit code, or 3 and a message where it fails."""
    try:
        with open_output(name) as out:
            return write(out)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{name}: {error.strerror}")
        return 3


def look(arguments: argparse.Namespace, out: BinaryIO) -> tuple[int, bool]:
    """(width, whether there are colours) of the text."""
    terminal = out is sys.stdout.buffer and sys.stdout.isatty()
    width: int = arguments.width or (shutil.get_terminal_size().columns if terminal else 80)
    auto = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return width, arguments.color == "always" or (arguments.color == "auto" and auto)


def silence_stdout() -> None:
    """Whoever read standard output has gone: nothing more is written there, and nothing complains at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Where results go: standard output, or a file that only takes its name when it is whole."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from analyzer.capture.outputs import clash, replaced
from analyzer.cli.console import complain

STDIN: Final = "-"
# Names of the arguments that are files, over all commands: what is read, what is written.
INPUTS: Final = (
    *("captures", "read", "capture", "what", "keylog", "keylogs", "rsa_key", "password_file", "truth", "key", "file"),
)
OUTPUTS: Final = ("output", "write", "report", "map")
_NAMES: Final = {0: "standard input", 1: "standard output"}


class _Interrupted(Exception):
    """Ctrl-C ended it before its end: nothing is to be kept."""


@contextlib.contextmanager
def open_output(name: str | None, *, private: bool = False) -> Iterator[BinaryIO]:
    """A binary file to write to. A named one is replaced at the end, so that no half file is ever there.

    `private`: a new file is readable by its owner alone. Raises OSError where it can not be written.
    """
    if name is None or name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replaced(name, private=private) as file:
        yield file


def written(arguments: argparse.Namespace, write: Callable[[BinaryIO], int]) -> int:
    """What `write` makes of the output file (see `open_output`): its exit code, or 3 and a message where it fails.

    What was interrupted is not kept in a file.
    """
    name: str | None = arguments.output
    try:
        with open_output(
            name, private=getattr(arguments, "private", False) or getattr(arguments, "show_secrets", False)
        ) as out:
            code = write(out)
            if code == 128 + signal.SIGINT and name not in (None, "-"):
                raise _Interrupted
            return code
    except _Interrupted:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{error.filename or name or 'standard output'}: {error.strerror}")
        if name in (None, "-"):
            silence_stdout()
        return 3


def overwriting(arguments: argparse.Namespace) -> str | None:
    """Why the command would write over what it reads, or twice to one file; None where it would not."""
    outputs = _outputs(arguments)
    if not outputs and hasattr(arguments, "output"):
        outputs = [1]  # standard output, where the shell has sent it
    outputs = [1 if name == "-" else name for name in outputs]
    inputs = _inputs(arguments)
    found = clash(outputs, inputs)
    if found is None:
        return None
    output, other = (_NAMES[one] if isinstance(one, int) else one for one in found)
    if found[1] not in inputs:
        return f"{output}: would be written twice"
    same = "" if output == other else f" (it is {other})"
    return f"{output}: is read{same}, and would be overwritten"


def _outputs(arguments: argparse.Namespace) -> list[str | int]:
    found: list[str | int] = []
    for key in OUTPUTS:
        value = getattr(arguments, key, None)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                found.append(one)
    return found


def _inputs(arguments: argparse.Namespace) -> list[str | int]:
    found: list[str | int] = []
    for key in INPUTS:
        value = getattr(arguments, key, None)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | os.PathLike):
                found.append(0 if str(one) == STDIN else str(one))
    return found


def look(arguments: argparse.Namespace, out: BinaryIO) -> tuple[int, bool]:
    """(width, whether there are colours) of the text."""
    terminal = out is sys.stdout.buffer and sys.stdout.isatty()
    width: int = arguments.width or (terminal_width() if terminal else 80)
    auto = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return width, arguments.color == "always" or (arguments.color == "auto" and auto)


def terminal_width() -> int:
    """Columns of the terminal."""
    from shutil import get_terminal_size

    return get_terminal_size().columns


def silence_stdout() -> None:
    """Whoever read standard output has gone: nothing more is written there, and nothing complains at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""Captures that are read twice: what can be read only once is copied to a temporary file first."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.capture import CaptureSource, open_capture, open_merged
from analyzer.errors import CaptureError

STDIN: Final = "-"
_COPIED_AT_ONCE: Final = 1 << 20


class RereadableInputs:
    """Captures by their names, as one in time order. Made by `rereadable`.

    names  as given
    files  what is opened in their places
    """

    def __init__(self, names: Sequence[str], files: Sequence[str]) -> None:
        self.names = list(names)
        self.files = list(files)

    @property
    def name(self) -> str:
        """What they are called together."""
        names = self.names
        return " + ".join(names) if len(names) < 4 else f"{names[0]} + {len(names) - 1} more"

    def label(self, source: int) -> str:
        """The name of one of them without its folder, for who gets the result."""
        name = self.names[source]
        return "stdin" if name == STDIN else os.path.basename(name) or name

    @property
    def title(self) -> str:
        """The same without folders."""
        return " + ".join(map(self.label, range(min(len(self.names), 3)))) + (" ..." if len(self.names) > 3 else "")

    def open(self) -> CaptureSource:
        """All of them as one source. Raises CaptureError."""
        return open_capture(self.files[0]) if len(self.files) == 1 else open_merged(self.files)


@contextlib.contextmanager
def rereadable(names: Sequence[str]) -> Iterator[RereadableInputs]:
    """The captures, standard input and pipes copied to a temporary folder. Raises CaptureError, OSError."""
    with contextlib.ExitStack() as stack:
        folder: str | None = None
        files: list[str] = []
        for number, name in enumerate(names):
            if name != STDIN and (os.path.isfile(name) or not os.path.exists(name)):
                files.append(name)  # what is missing is said when it is opened
                continue
            if folder is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="handshark-"))
            files.append(os.path.join(folder, str(number)))
            _copy(name, files[-1])
        yield RereadableInputs(names, files)


def _copy(name: str, target: str) -> None:
    try:
        number = os.dup(0) if name == STDIN else os.open(name, os.O_RDONLY)
    except OSError as error:
        raise CaptureError(name, (error.strerror or str(error)).lower()) from error
    with os.fdopen(number, "rb", buffering=0) as source, open(target, "wb") as copy:
        try:
            shutil.copyfileobj(source, copy, _COPIED_AT_ONCE)
        except OSError as error:
            raise CaptureError(name, f"reading failed: {error.strerror or error}") from error

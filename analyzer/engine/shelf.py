"""The captures that may be asked about: those that were named when the server was started, and no others.

A name that comes from outside is looked up in the list and never made into a path.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from analyzer.errors import AnalyzerError

# Of a folder: what looks like a capture by its name.
SUFFIXES: Final = (".pcap", ".pcapng", ".cap", ".dmp")
PACKED: Final = ("", ".gz", ".zst", ".lz4")
MOST_LISTED: Final = 1000


class UnknownCaptureError(AnalyzerError):
    """A name that stands for no capture that may be read."""


class ListedCapture(NamedTuple):
    """A capture as it is listed: its name, its size in bytes, and when it was changed (nanoseconds since 1970)."""

    name: str
    path: Path
    size: int
    changed_ns: int


class Shelf:
    """The captures below the paths given: files as they are, folders with the captures that they hold, at any depth.

    `prepare` is asked for what is read in place of a capture: a copy without its content, say.
    """

    def __init__(self, paths: Sequence[str], prepare: Callable[[ListedCapture], Path] | None = None) -> None:
        self._paths = [Path(one) for one in paths]
        self._prepare = prepare

    def captures(self) -> list[ListedCapture]:
        """What there is now, by name; at most MOST_LISTED."""
        found: dict[str, ListedCapture] = {}
        for name, path in self._files():
            if len(found) >= MOST_LISTED:
                break
            try:
                known = path.stat()
            except OSError:
                continue  # it went away meanwhile
            found.setdefault(name, ListedCapture(name, path, known.st_size, known.st_mtime_ns))
        return [found[name] for name in sorted(found)]

    def path(self, name: str) -> Path:
        """The file to read for a capture. Raises UnknownCaptureError."""
        listed = self.captures()
        found = next((one for one in listed if one.name == name), None)
        if found is None:
            there = ", ".join(one.name for one in listed[:10]) or "none"
            raise UnknownCaptureError(f"there is no capture of that name; there are: {there}")
        return found.path if self._prepare is None else self._prepare(found)

    def _files(self) -> Iterator[tuple[str, Path]]:
        for given in self._paths:
            if given.is_dir():
                yield from _inside(given)
            elif given.is_file():
                yield given.name, given


def _inside(folder: Path) -> Iterator[tuple[str, Path]]:
    """Captures below a folder, named by their way from there. Links that lead out of it are left out."""
    root = folder.resolve()
    for where, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            if _looks_like_one(name) and path.is_file() and path.resolve().is_relative_to(root):
                yield str(path.relative_to(root)), path


def _looks_like_one(name: str) -> bool:
    lower = name.lower()
    return any(lower.endswith(suffix + packed) for suffix in SUFFIXES for packed in PACKED)

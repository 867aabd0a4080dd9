"""Captures without their content: what an assistant looks at unless its user says otherwise."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Final

from analyzer.analysis import AnalysisOptions
from analyzer.assistant.bounds import TookTooLongError
from analyzer.engine.listener import RunListener
from analyzer.engine.own_folder import OwnFolder
from analyzer.engine.shelf import ListedCapture
from analyzer.errors import AnalyzerError
from analyzer.sharing.redact import RedactRequest, redact
from analyzer.sharing.redacted_frames import HEADERS

_KEY_BYTES: Final = 32
# Seconds that one copy may take, and bytes of it; bytes of all copies.
COPY_SECONDS: Final = 300.0
MOST_BYTES: Final = 4 << 30
MOST_IN_ALL: Final = 16 << 30
INSTEAD: Final = "cut out what matters with `handshark extract`, or start `handshark mcp` with --content"

_Version = tuple[Path, int, int]  # of a file: its size, and when it was changed


class RedactedCopies:
    """Makes redacted copies of captures, as `handshark redact` does, in a folder that only this user can read.

    The replacements are the same for all captures of one server, and for no other. Frames that are not MySQL's keep
    their headers, so that frames keep their numbers. The copies go when it is closed; one of a file that has changed
    goes when the file is asked for again, and those asked for longest ago where all take too much room.
    """

    def __init__(self, options: AnalysisOptions) -> None:
        self._options = options
        self._request = RedactRequest(secrets.token_bytes(_KEY_BYTES), other=HEADERS)
        self._folder = OwnFolder("copies")
        self._copies: dict[_Version, Path] = {}  # that asked for last is the last
        self._refused: dict[_Version, AnalyzerError] = {}

    def copy(self, capture: ListedCapture) -> Path:
        """The copy of a capture as it is now. Raises AnalyzerError where it can not be read, or is too large."""
        version = capture.path, capture.size, capture.changed_ns
        for known in [known for known in self._copies if known[0] == version[0] and known != version]:
            self._drop(known)
        if version in self._refused:
            raise self._refused[version]  # it would take as long again
        if version not in self._copies:
            self._make_room()
            self._copies[version] = self._made(version)
        self._copies[version] = self._copies.pop(version)
        return self._copies[version]

    def close(self) -> None:
        """Deletes all of them."""
        self._folder.close()

    def _made(self, version: _Version) -> Path:
        folder = self._folder.path / secrets.token_hex(8)
        folder.mkdir()
        copy = folder / version[0].name
        try:
            with copy.open("wb") as out:
                redact([str(version[0])], self._request, self._options, out, _CopyBound(copy))
        except BaseException as error:
            copy.unlink()
            folder.rmdir()
            if isinstance(error, TookTooLongError):
                self._refused[version] = error
            raise
        return copy

    def _make_room(self) -> None:
        sizes = {version: copy.stat().st_size for version, copy in self._copies.items()}
        for version in list(self._copies):
            if sum(sizes.values()) > MOST_IN_ALL - MOST_BYTES:
                self._drop(version)
                del sizes[version]

    def _drop(self, version: _Version) -> None:
        copy = self._copies.pop(version)
        copy.unlink()
        copy.parent.rmdir()


class _CopyBound(RunListener):
    """Ends the making of a copy that takes too long, or becomes too large."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._end = time.monotonic() + COPY_SECONDS

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        if time.monotonic() > self._end:
            raise TookTooLongError(
                f"the copy without content took more than {COPY_SECONDS:.0f} s ({frames:,} frames): {INSTEAD}"
            )
        if self._copy.stat().st_size > MOST_BYTES:
            raise TookTooLongError(f"the copy without content is larger than {MOST_BYTES >> 30} GiB: {INSTEAD}")

"""A folder that all workers see, for what stands between the steps: here, on a shared disk, or in a bucket."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from analyzer.capture.places import filesystem, is_url


class Scratch:
    """Names are those of files in the folder. A file appears whole, and one that is written again takes its place."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._system: Any = None
        self._path = self.root
        if is_url(root):
            self._system, self._path = filesystem(self.root)

    def __reduce__(self) -> tuple[type[Scratch], tuple[str]]:
        return Scratch, (self.root,)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """A file to write; it gets its name when the block ends well."""
        target = f"{self._path}/{name}"
        if self._system is None:
            os.makedirs(os.path.dirname(target), exist_ok=True)
        folder = os.path.dirname(target) if self._system is None else None
        with tempfile.NamedTemporaryFile(prefix=".part-", dir=folder, delete=False) as file:
            try:
                yield file  # type: ignore[misc]
                file.flush()
                if self._system is not None:
                    self._system.put_file(file.name, target)
                else:
                    os.replace(file.name, target)
            finally:
                if os.path.exists(file.name):
                    os.unlink(file.name)

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """A file to read, from any place of it."""
        path = f"{self._path}/{name}"
        with open(path, "rb") if self._system is None else self._system.open(path, "rb", cache_type="none") as file:
            yield file

    def exists(self, name: str) -> bool:
        """Whether a file was written."""
        path = f"{self._path}/{name}"
        if self._system is None:
            return os.path.exists(path)
        self._system.invalidate_cache()
        return bool(self._system.exists(path))

    def remove(self) -> None:
        """The whole folder goes."""
        if self._system is None:
            shutil.rmtree(self._path, ignore_errors=True)
        elif self._system.exists(self._path):
            self._system.rm(self._path, recursive=True)

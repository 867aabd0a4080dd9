"""Bytes on disk, by a key: the newest are kept."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable
from typing import IO, Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class NewestSpool(Generic[K]):
    """What is put in waits in temporary files. When there are more than `most` bytes the older half goes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: list[dict[K, tuple[int, int]]] = [{}, {}]
        self._files: list[IO[bytes]] = []  # there are none before something is put in
        self._size = 0

    def put(self, key: K, data: bytes) -> None:
        """Keeps bytes; those that the key had before are forgotten."""
        if not self._files:
            self._files = [_file(), _file()]
        if self._size + len(data) > self._most and self._size:
            self._files.pop(0).close()
            self._places.pop(0)
            self._files.append(_file())
            self._places.append({})
            self._size = 0
        self._places[0].pop(key, None)
        self._files[-1].seek(self._size)
        self._files[-1].write(data)
        self._places[-1][key] = self._size, len(data)
        self._size += len(data)

    def get(self, key: K) -> bytes | None:
        """What was put in, where it is still kept."""
        for file, places in zip(self._files, self._places, strict=False):
            if key in places:
                start, length = places[key]
                file.seek(start)
                return file.read(length)
        return None

    def close(self) -> None:
        """Throws all of it away."""
        for file in self._files:
            file.close()


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="handshark-")

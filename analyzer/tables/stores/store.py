"""What every store can do: say what it knows of a capture, and take the rows of one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from analyzer.analysis.model.connection import Source
from analyzer.capture.places import FileIdentity
from analyzer.tables.rows import Batches

ENDINGS: Final = (".parquet", ".duckdb", ".sqlite", ".csv")

Files = Sequence[FileIdentity]


class CaptureWriter(Protocol):
    """Takes the rows of one capture: what it took can be seen when `commit` is through, and not before."""

    def write(self, rows: Batches) -> None: ...

    def commit(self, source: Source, files: Files) -> None:
        """The capture is whole: its rows take the place of those that were there of it."""

    def give_up(self) -> None:
        """Nothing of it is kept."""


class Store(Protocol):
    """A place for tables. Made by `open_store`."""

    def files(self, key: str) -> list[FileIdentity] | None:
        """The files that a capture was read from, when it was; None where it is not in the store."""

    def writer(self, key: str) -> CaptureWriter: ...

    def close(self) -> None:
        """All is written."""

    def abandon(self, error: BaseException) -> None:
        """The run ends with an error: what was committed stays, as far as the store can hold a part."""


def key_of(files: Files, name: str) -> str:
    """What tells captures of a store apart: a hash over the names of its files."""
    names = "\n".join(file.name for file in files) or name
    return hashlib.blake2b(names.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def ending_of(output: str) -> str:
    """The kind of a store by its name: one of ENDINGS, or "" for a folder."""
    ending = os.path.splitext(output)[1].lower()
    return ending if ending in ENDINGS and not os.path.isdir(output) else ""


def identities(rows: Iterable[dict[str, Any]]) -> list[FileIdentity]:
    """Files as a row of `captures` lists them."""
    return [FileIdentity(row["name"], row["bytes"], row["modified_ns"], row["digest"]) for row in rows]

"""The third step: connections are numbered, what rests on several of them is said, and rows get home."""

from __future__ import annotations

import heapq
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from os.path import join
from typing import NamedTuple

import numpy as np

from analyzer.analysis import Connection
from analyzer.batches import I64
from analyzer.cluster.scratch import Scratch
from analyzer.cluster.share import begun_name, entries_of, rows_name
from analyzer.tables.collector import Entry, Turns
from analyzer.tables.rows import Wanted, connection_rows
from analyzer.tables.stores.parquet import ParquetFolder, PartFiles
from analyzer.tables.stores.stream import open_writer, read_batches, renumbered

# Connections that become rows together.
AT_ONCE = 1024
# The rows of connections that waited for others are like those of one more share.
ACROSS = -1


class Counted(NamedTuple):
    """What the third step found: TCP connections in all, and rows of those that waited for others."""

    connections: int
    rows: int


def across(shares: Sequence[int], scratch: Scratch, wanted: Wanted) -> Counted:
    """Numbers the connections of all shares in the order of their first frames, and completes those that wait."""
    connections = _number(shares, scratch)
    waiting: list[Connection] = []
    rows = 0
    with _WaitingRows(scratch) as out:
        for connection in _completed(shares, scratch):
            waiting.append(connection)
            if len(waiting) >= AT_ONCE:
                rows += out.write(waiting, wanted)
                waiting.clear()
        rows += out.write(waiting, wanted)
    return Counted(connections, rows)


def numbers_of(shares: Sequence[int], scratch: Scratch) -> tuple[int, dict[int, I64]]:
    """TCP connections in all; share -> the numbers in the whole set of its connections, by those in the share."""
    connections = _number(shares, scratch)
    return connections, {share: _numbers(share, scratch) for share in shares}


def completed(shares: Sequence[int], scratch: Scratch) -> Iterator[Connection]:
    """The connections that waited for others, of any share, as they are complete."""
    _number(shares, scratch)
    yield from _completed(shares, scratch)


def _number(shares: Sequence[int], scratch: Scratch) -> int:
    """Writes down the number in the whole set of each connection of each share; returns how many there are."""
    begun = {share: _begun(share, scratch) for share in shares}
    every = np.unique(np.concatenate([frames[frames > 0] for frames in begun.values()])) if begun else np.zeros(0)
    for share, frames in begun.items():
        with scratch.writing(_numbers_name(share)) as file:
            np.save(file, np.searchsorted(every, np.abs(frames)).astype(np.int64))
    return len(every)


def _completed(shares: Sequence[int], scratch: Scratch) -> Iterator[Connection]:
    entries = heapq.merge(*(_numbered(share, scratch) for share in shares), key=lambda entry: entry[0])
    yield from _complete(Turns(), entries)


def _complete(turns: Turns, entries: Iterator[Entry]) -> Iterator[Connection]:
    for one in chain(turns.take(entries), turns.rest()):
        yield one if isinstance(one, Connection) else one.connection()


def _begun(share: int, scratch: Scratch) -> I64:
    with scratch.reading(begun_name(share)) as file:
        frames: I64 = np.load(file)
    return frames


def _numbers_name(share: int) -> str:
    return f"streams/{share}"


def _numbers(share: int, scratch: Scratch) -> I64:
    with scratch.reading(_numbers_name(share)) as file:
        numbers: I64 = np.load(file)
    return numbers


def _numbered(share: int, scratch: Scratch) -> Iterator[Entry]:
    """The entries of a share with the numbers of the whole set."""
    numbers = _numbers(share, scratch)
    for local, known in entries_of(share, scratch):
        number = int(numbers[local])
        if isinstance(known, Connection):
            known.stream = number
        yield number, known


class _WaitingRows:
    """Rows of connections, table by table."""

    def __init__(self, scratch: Scratch) -> None:
        from contextlib import ExitStack

        self._scratch = scratch
        self._stack = ExitStack()
        self._streams: dict[str, object] = {}

    def __enter__(self) -> _WaitingRows:
        return self

    def __exit__(self, *error: object) -> None:
        for stream in self._streams.values():
            stream.close()  # type: ignore[attr-defined]
        self._stack.close()

    def write(self, connections: list[Connection], wanted: Wanted) -> int:
        count = 0
        for table, batch in connection_rows([*connections], wanted).items():
            stream = self._streams.get(table)
            if stream is None:
                file = self._stack.enter_context(self._scratch.writing(rows_name(ACROSS, table)))
                stream = self._streams[table] = open_writer(file, batch.schema)
            stream.write_batch(batch)  # type: ignore[attr-defined]
            count += len(batch)
        return count


def place_rows(
    share: int, tables: Sequence[str], scratch: Scratch, output: str, prefix: str, partition: tuple[str, ...]
) -> list[str]:
    """Puts the rows of a share into the store, under names that are the same whenever this is done; returns these."""
    folder = ParquetFolder(output)
    temporary = folder.temporary() if folder.system is None else tempfile.mkdtemp(prefix="handshark-")
    files = PartFiles(temporary, f"{prefix}-{'across' if share == ACROSS else share}", partition)
    try:
        numbers = None if share == ACROSS else _numbers(share, scratch)
        for table in tables:
            if not scratch.exists(rows_name(share, table)):
                continue
            with scratch.reading(rows_name(share, table)) as file:
                for batch in read_batches(file):
                    files.write({table: batch if numbers is None else renumbered(table, batch, numbers)})
        files.close()
        for name in files.parts:
            folder.place(join(temporary, name), name)
        return files.parts
    finally:
        files.stop()
        shutil.rmtree(temporary, ignore_errors=True)

"""Captures into a store, each by itself or all as one; what is there already and has not changed stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from analyzer.analysis import AnalysisOptions
from analyzer.capture.places import FileIdentity, identity_of_capture
from analyzer.engine.jobs import TABLES
from analyzer.engine.listener import RunListener
from analyzer.engine.run import Run
from analyzer.errors import CaptureError
from analyzer.tables.collector import TableCollector
from analyzer.tables.rows import Batches, Wanted
from analyzer.tables.stores.store import ENDINGS, Store, ending_of, key_of

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter


class Exported(NamedTuple):
    """What became of the captures: how many were written, how many were there already, and of how many rows."""

    written: int
    unchanged: int
    rows: int


def open_store(output: str, table: str | None, partition: str | None, private: bool) -> Store:
    """The store of a name: a folder of Parquet files, or one file by its ending. `table`: of a file that holds one."""
    ending = ending_of(output)
    if ending == ".duckdb":
        from analyzer.tables.stores.database import DuckDBStore

        return DuckDBStore(output, private)
    if ending == ".sqlite":
        from analyzer.tables.stores.database import SQLiteStore

        return SQLiteStore(output, private)
    if ending in ENDINGS:
        from analyzer.tables.stores.single import CsvFile, ParquetFile, SingleFile

        return SingleFile(output, table or "connections", CsvFile if ending == ".csv" else ParquetFile, private)
    from analyzer.tables.stores.parquet import ParquetStore

    return ParquetStore(output, partition)


class Exporter:
    """Exports captures into a store, one after the other."""

    def __init__(
        self,
        store: Store,
        options: AnalysisOptions,
        wanted: Wanted,
        jobs: int | None,
        listener: RunListener,
        keep: Filter | None = None,
        places: bool = True,
        load: Callable[[], object] | None = None,
    ) -> None:
        """keep: of which rows are made; places: whether the store says where files stand, beside their names; load:
        loads Arrow."""
        self._store = store
        self._places = places
        self._listener = listener
        collect: Callable[[], TableCollector] = partial(TableCollector, wanted, keep, load)
        self.run: Run[Batches] = Run(options, collect, jobs, listener)
        self.run.work = TABLES
        self._unchanged = self._written = self._rows = 0

    def export(self, names: Sequence[str], merge: bool) -> Exported:
        """Takes captures; those that can not be read are told to the listener, and the others go on."""
        groups = [list(names)] if merge and len(names) > 1 else [[name] for name in names]
        for group in groups:
            try:
                files = [found for name in group if (found := self._identity(name)) is not None]
                key = key_of(files, "\n".join(group))
                if files and self._store.files(key) == files:
                    self._unchanged += 1
                    continue
                self._capture(group, key, files)
            except CaptureError as error:
                self.run.failed = True
                self._listener.failed(error)
            if self.run.interrupted:
                break
        return Exported(self._written, self._unchanged, self._rows)

    def _identity(self, name: str) -> FileIdentity | None:
        found = identity_of_capture(name)
        return found if found is None or self._places else found._replace(name=name)

    def _capture(self, group: Sequence[str], key: str, files: list[FileIdentity]) -> None:
        """Raises CaptureError where it can not be read: nothing of it is kept then."""
        writer = self._store.writer(key)
        try:
            for _, items in self.run.each(group, len(group) > 1):
                for rows in self._counted(items):
                    writer.write(rows)
        except BaseException:
            writer.give_up()
            raise
        if not self.run.sources or self.run.interrupted:
            writer.give_up()
            return
        writer.commit(self.run.sources.pop(), files)
        self._written += 1

    def _counted(self, items: Iterator[Batches]) -> Iterator[Batches]:
        for rows in items:
            self._rows += sum(map(len, rows.values()))
            yield rows

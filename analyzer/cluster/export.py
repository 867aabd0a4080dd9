"""Captures into a store by way of a cluster: all are one, as with --merge; the rows are the same."""

from __future__ import annotations

import gc
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from analyzer.analysis import AnalysisOptions, Source
from analyzer.analysis.memory import Memory
from analyzer.analysis.pipeline import CaptureTotals, source_of
from analyzer.capture.places import FileIdentity, identity_of_capture, is_url
from analyzer.cluster.across import ACROSS, Counted, across, place_rows
from analyzer.cluster.deal import REST, Dealt, deal
from analyzer.cluster.order import Numbering, numbered, shares_of
from analyzer.cluster.scratch import Scratch
from analyzer.cluster.share import Analysed, WholeSet, analyse
from analyzer.cluster.tasks import Cluster
from analyzer.engine.collectors import Collector
from analyzer.engine.filters import filter_or_none
from analyzer.engine.listener import RunListener
from analyzer.errors import CaptureError
from analyzer.tables.collector import TableCollector
from analyzer.tables.rows import Wanted
from analyzer.tables.schema import TABLES
from analyzer.tables.stores.parquet import PARTITIONS, ParquetStore, place_capture
from analyzer.tables.stores.store import key_of

# Buckets into which frames are dealt; of them shares are made. More divide more evenly, fewer make larger blocks.
BUCKETS: Final = 128
# Shares for each task that runs at a time, so that none waits long for the last; and how large a share is meant to be.
SHARES_EACH: Final = 3
SHARE_BYTES: Final = 2 << 30
# Columns that the third step looks at.
NEEDED: Final = {table: frozenset({"stream"}) for table in TABLES if table != "captures"} | {
    "findings": frozenset({"stream", "code", "message", "evidence"})
}


@dataclass
class StepCosts:
    """Processor time and bytes of the steps: seconds of all tasks together."""

    deal: float = 0.0
    order: float = 0.0
    analyse: float = 0.0
    across: float = 0.0
    place: float = 0.0
    dealt_bytes: int = 0
    piece_bytes: int = 0


class ClusterRun:
    """Captures that are one, in shares on a cluster: deals them out, and has the shares analysed.

    failed  whether a capture could not be read
    costs   what the steps took
    """

    def __init__(self, cluster: Cluster, scratch: str, listener: RunListener) -> None:
        self._cluster = cluster
        self._listener = listener
        self.scratch = Scratch(f"{scratch}/{secrets.token_hex(8)}")
        self.failed = False
        self.costs = StepCosts()

    def identities(self, names: Sequence[str]) -> dict[str, FileIdentity]:
        """The captures that are there."""
        found: dict[str, FileIdentity] = {}
        for name in names:
            try:
                identity = identity_of_capture(name)
                if identity is None:
                    raise CaptureError(name, "a cluster reads files and URLs: this is none that is there")
                found[name] = identity
            except CaptureError as error:
                self._failed(error)
        return found

    def dealt(self, files: dict[str, FileIdentity]) -> list[Dealt]:
        """The captures that could be read, dealt out into the scratch folder."""
        names = list(files)
        found: list[Dealt] = []
        done = 0
        total = sum(file.bytes for file in files.values())
        tasks = [(deal, _full(name), at, BUCKETS, self.scratch) for at, name in enumerate(names)]
        for seconds, one in self._cluster.each(timed, tasks):
            self.costs.deal += seconds
            one.name = names[one.index]
            if one.error is not None:
                self._failed(CaptureError(one.name, *one.error[1:]))
            found.append(one)
            done += files[one.name].bytes
            self.costs.piece_bytes += sum(block.length for block in one.blocks)
            self.progress("dealt out", done, total, sum(each.totals.frames for each in found))
        self.costs.dealt_bytes = done
        return sorted((one for one in found if one.error is None), key=lambda one: one.index)

    def analysed(
        self,
        read: Sequence[Dealt],
        options: AnalysisOptions,
        rsa_pem: bytes | None,
        collect: Callable[[], Collector[Any]],
    ) -> list[Analysed]:
        """What came out of each share, in the order of their numbers."""
        numbering: Numbering
        ((seconds, numbering),) = self._cluster.each(timed, [(numbered, read, self.scratch)])
        self.costs.order += seconds
        size = sum(block.bytes for one in read for block in one.blocks if block.bucket >= 0)
        wanted = max(1, self._cluster.threads * SHARES_EACH, size // SHARE_BYTES)
        shares = shares_of(read, BUCKETS, wanted)
        known = self._cluster.everywhere(_known(read, numbering, options, rsa_pem, collect))
        frames = sum(one.totals.frames for one in read)
        found: list[Analysed] = []
        for seconds, one in self._cluster.each(timed, [(analyse, share, known, self.scratch) for share in shares]):
            self.costs.analyse += seconds
            found.append(one)
            self.progress("analysed", len(found), len(shares), frames)
        return sorted(found, key=lambda one: one.number)

    def across(self, analysed: Sequence[Analysed], wanted: Wanted) -> Counted:
        """Numbers the connections of the whole set, and completes those that wait for others."""
        counted: Counted
        tasks = [(across, [one.number for one in analysed], self.scratch, wanted)]
        ((seconds, counted),) = self._cluster.each(timed, tasks)
        self.costs.across += seconds
        return counted

    def progress(self, what: str, done: int, total: int, frames: int) -> None:
        """Says how far a step has come."""
        self._listener.progress(what, done, total, frames)
        if done >= total:
            self._listener.over(what)

    def _failed(self, error: CaptureError) -> None:
        self.failed = True
        self._listener.failed(error)


class ClusterExport:
    """Exports captures as one.

    run        what was done for it
    unchanged  whether the store has them already
    written    whether they are there now
    rows       that were made
    """

    def __init__(
        self, cluster: Cluster, output: str, partition: str | None, listener: RunListener, scratch: str | None = None
    ) -> None:
        self._cluster = cluster
        self._store = ParquetStore(output if is_url(output) else os.path.abspath(output), partition)
        self._partition = () if partition is None else PARTITIONS[partition]
        self.run = ClusterRun(cluster, scratch or f"{self._store.folder.root}/.cluster", listener)
        self.unchanged = False
        self.written = False
        self.rows = 0

    @property
    def failed(self) -> bool:
        """Whether a capture could not be read."""
        return self.run.failed

    def export(
        self,
        names: Sequence[str],
        options: AnalysisOptions,
        rsa_pem: bytes | None,
        wanted: Wanted,
        display_filter: str | None = None,
    ) -> Source | None:
        """The set as a whole; None where the store has it, or nothing of it can be read. Raises ClusterError."""
        wanted = {table: columns | NEEDED.get(table, frozenset()) for table, columns in wanted.items()}
        files = self.run.identities(names)
        if not files:
            return None
        if self._store.files(key_of(list(files.values()), "")) == list(files.values()):
            self.unchanged = True
            return None
        try:
            return self._whole(files, options, rsa_pem, wanted, display_filter)
        finally:
            self.run.scratch.remove()

    def _whole(
        self,
        files: dict[str, FileIdentity],
        options: AnalysisOptions,
        rsa_pem: bytes | None,
        wanted: Wanted,
        display_filter: str | None,
    ) -> Source | None:
        read = self.run.dealt(files)
        if not read:
            return None
        analysed = self.run.analysed(read, options, rsa_pem, partial(_tables, wanted, display_filter))
        counted = self.run.across(analysed, wanted)
        source = source_of_set(read, analysed, counted.connections)
        identities = [files[one.name] for one in read]
        key = key_of(identities, "")
        parts = self._placed(analysed, wanted, key)
        self._commit(key, source, identities, parts)
        self.rows = counted.rows + sum(one.rows for one in analysed)
        self.written = True
        return source

    def _placed(self, analysed: Sequence[Analysed], wanted: Wanted, key: str) -> list[str]:
        prefix = f"{key}-{secrets.token_hex(4)}"
        root, tables = self._store.folder.root, list(wanted)
        several = [*(one.number for one in analysed), ACROSS]
        tasks = [(place_rows, one, tables, self.run.scratch, root, prefix, self._partition) for one in several]
        parts: list[str] = []
        for at, (seconds, names) in enumerate(self._cluster.each(timed, tasks)):
            self.run.costs.place += seconds
            parts += names
            self.run.progress("written", at + 1, len(several), 0)
        return sorted(parts)

    def _commit(self, key: str, source: Source, files: list[FileIdentity], parts: list[str]) -> None:
        temporary = self._store.folder.temporary()
        try:
            place_capture(self._store, key, source, files, parts, temporary)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._store.close()


def _tables(wanted: Wanted, text: str | None) -> TableCollector:
    """Made by a worker, to which a filter comes as its text."""
    return TableCollector(wanted, filter_or_none(text))


def merged_name(names: Sequence[str]) -> str:
    """What several captures are called that are one."""
    return " + ".join(names) if len(names) < 4 else f"{names[0]} + {len(names) - 1} more"


def _known(
    read: Sequence[Dealt],
    numbering: Numbering,
    options: AnalysisOptions,
    rsa_pem: bytes | None,
    collect: Callable[[], Collector[Any]],
) -> WholeSet:
    base = {place.index: place.base for place in numbering.places}
    refused = [
        (endpoint, frame + before, time)
        for one in read
        for endpoint, frame, time in one.refused
        if (before := base.get(one.index)) is not None
    ]
    return WholeSet(
        merged_name([one.name for one in read]),
        replace(options, rsa_key=None, keylog_files=()),
        rsa_pem,
        tuple(dict.fromkeys(payload for one in read for payload in one.secrets)),
        numbering.places,
        {one.index: [block for block in one.blocks if block.bucket >= REST] for one in read},
        numbering.steps,
        refused,
        max(one.totals.last_ns or 0 for one in read),
        any(one.cut_short for one in read),
        collect,
    )


def source_of_set(read: Sequence[Dealt], analysed: Sequence[Analysed], connections: int) -> Source:
    """What the captures are together, with how many TCP connections are in all."""
    totals = CaptureTotals()
    memory = Memory(0)
    for one in read:
        _add_file(totals, one.totals)
    for share in analysed:
        totals.add_share(share.totals)
        totals.evicted += share.totals.evicted
        memory.add_share(share.memory)
    totals.tcp_connections = connections
    formats = " and ".join(dict.fromkeys(one.format for one in read))
    warnings = [warning for one in read for warning in one.warnings]
    return source_of(merged_name([one.name for one in read]), formats, totals, memory, warnings)


def _full(name: str) -> str:
    """A name that other processes understand."""
    return name if is_url(name) else os.path.abspath(name)


def _add_file(totals: CaptureTotals, one: CaptureTotals) -> None:
    totals.frames += one.frames
    totals.segments += one.segments
    totals.undecodable += one.undecodable
    totals.slow_frames += one.slow_frames
    for link_type, count in one.unknown_link_types.items():
        totals.unknown_link_types[link_type] = totals.unknown_link_types.get(link_type, 0) + count
    totals.unfollowed = {
        what: totals.unfollowed.get(what, 0) + one.unfollowed.get(what, 0)
        for what in (*totals.unfollowed, *(what for what in one.unfollowed if what not in totals.unfollowed))
    }
    if one.first_ns is not None and one.last_ns is not None:
        totals.first_ns = one.first_ns if totals.first_ns is None else min(totals.first_ns, one.first_ns)
        totals.last_ns = one.last_ns if totals.last_ns is None else max(totals.last_ns, one.last_ns)


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """(the processor time that a function took, what it gave)."""
    # As in a process of our own: few cycles, many objects that live for a batch.
    gc.set_threshold(100_000, 20, 50)
    start = time.process_time()
    found = function(*arguments)
    return time.process_time() - start, found

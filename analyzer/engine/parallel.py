"""One capture, several processes: each reads the whole file and follows its share of the connections.

Reading and the column work are cheap next to following a conversation, and every process numbers the connections in the
same way; so nothing has to be agreed on, and the results only have to be put in order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import itemgetter
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Source
from analyzer.analysis.memory import Memory
from analyzer.analysis.pipeline import CaptureTotals, source_of
from analyzer.capture import open_capture
from analyzer.engine.collectors import AT_ONCE, Collector, Joining, Packing, Sending
from analyzer.engine.forked import Outbox, SentProgress, Workers
from analyzer.engine.listener import RunListener
from analyzer.engine.packed import Key
from analyzer.engine.reading import Reading
from analyzer.errors import CaptureError

T = TypeVar("T")

_KEY: Final = itemgetter(0)
_ITEM: Final = itemgetter(1)


class Parallel(Generic[T]):
    """Analyses one file in `jobs` processes. After the results have been used up, `source` is there."""

    def __init__(
        self,
        name: str,
        options: AnalysisOptions,
        collect: Callable[[], Collector[T]],
        jobs: int,
        listener: RunListener,
    ) -> None:
        self.name = name
        self.source: Source | None = None
        self._ended: SeenByOne | None = None
        self._collector = collect()
        self._listener = listener
        self._workers = Workers(jobs, partial(_analyse, _Task(name, options, collect, jobs)))

    def results(self) -> Iterator[T]:
        """The items of all processes, in the order of their keys. Raises CaptureError."""
        try:
            streams = [self._stream(index) for index in range(len(self._workers))]
            merged = in_order(streams)
            yield from self._collector.join(merged) if isinstance(self._collector, Joining) else merged
            if self._ended is not None:
                self.source = self._ended.source()
        finally:
            self._listener.over(self.name)
            self._workers.close()

    def _stream(self, index: int) -> Iterator[list[tuple[Key, T]]]:
        """What one process sends."""
        while True:
            message = self._workers.receive(index)
            if message is None:
                code = self._workers.join(index)
                raise CaptureError(self.name, f"an analysing process ended early (exit code {code}); try --jobs 1")
            kind, content = message
            if kind == "results":
                yield self._collector.unpacked(content) if isinstance(self._collector, Packing) else content
            elif kind == "progress":
                self._listener.progress(self.name, *content)
            elif kind == "error":
                raise CaptureError(*content)
            else:
                if self._ended is None:
                    self._ended = content
                else:
                    self._ended.totals.add_share(content.totals)
                    self._ended.memory.add_share(content.memory)
                return


def in_order(streams: Iterable[Iterator[list[tuple[Key, T]]]]) -> Iterator[T]:
    """The items of all streams in the order of their keys. Each stream gives lists, its keys rise through all of them.

    Taken together is what no list still to come can get before: one sort of sorted runs, instead of a choice for each.
    """
    held: list[tuple[list[tuple[Key, T]], Iterator[list[tuple[Key, T]]]]] = [([], stream) for stream in streams]
    while True:
        for index, (items, stream) in enumerate(held):
            if not items:
                held[index] = next((more for more in stream if more), []), stream
        held = [each for each in held if each[0]]
        if not held:
            return
        bound = min(items[-1][0] for items, _ in held)
        ready: list[tuple[Key, T]] = []
        for items, _ in held:
            stop = bisect_right(items, bound, key=_KEY)
            ready += items[:stop]
            del items[:stop]
        ready.sort(key=_KEY)
        yield from map(_ITEM, ready)


class SeenByOne(msgspec.Struct):
    """How one process saw the whole capture, or all of them together."""

    name: str
    format: str
    warnings: list[str]
    totals: CaptureTotals
    memory: Memory

    def source(self) -> Source:
        return source_of(self.name, self.format, self.totals, self.memory, self.warnings)


class _Task(NamedTuple):
    """What processes are to do."""

    name: str
    options: AnalysisOptions
    collect: Callable[[], Collector[object]]
    jobs: int


def _analyse(task: _Task, index: int, outbox: Outbox) -> None:
    """A process: analyses, and sends what it finds."""
    name, send = task.name, outbox.send
    options = replace(task.options, share=(index, task.jobs))
    try:
        collector = task.collect()
        pack: Callable[[list[tuple[Key, object]]], object] = list
        if isinstance(collector, Sending):
            collector.sends = True
        if isinstance(collector, Packing):
            pack = collector.packed
        analysis = Analysis(name, collector.options(options))
        held: list[tuple[Key, object]] = []
        most: int = getattr(collector, "at_once", AT_ONCE)
        with open_capture(name) as capture:
            reading = Reading(analysis, capture, SentProgress(outbox, index == 0))
            for item in reading.collected(collector):
                held.append(item)
                if len(held) >= most:
                    send("results", pack(held))
                    held.clear()
            send("results", pack(held))
            warnings = [str(warning) for warning in capture.warnings]
            send("end", SeenByOne(name, capture.format, warnings, analysis.totals, analysis.memory))
    except CaptureError as error:
        send("error", (error.source, error.reason, error.offset))
    except BrokenPipeError:
        raise
    except OSError as error:
        send("error", (error.filename or name, (error.strerror or str(error)).lower(), None))

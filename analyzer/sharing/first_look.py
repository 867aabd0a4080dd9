"""The first of two readings: an analysis, with a ledger of the frames beside it, in as many processes as pay off."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Result, Source
from analyzer.batches import FrameBatch, SegmentBatch
from analyzer.capture import CaptureSource
from analyzer.engine.forked import Outbox, SentProgress, Workers
from analyzer.engine.listener import RunListener
from analyzer.engine.parallel import SeenByOne
from analyzer.engine.reading import Reading
from analyzer.errors import CaptureError
from analyzer.sharing.inputs import RereadableInputs
from analyzer.sharing.ledger import MOST_FRAGMENTS, Ledger, LedgerRow
from analyzer.sharing.watched import WatchedConversation
from analyzer.tls.keylog import KeyLog

# How often processes are forked to share what is left.
_TRIES: Final = 3


class Shared(Protocol):
    """What a first look finds, where several processes may find it: each begins with what was found before.

    `settled` is what must not change any more, lest what one finds depends on what others find.
    """

    def settled(self) -> object:
        """Compared with what it was before, in each process after each batch."""

    def share(self) -> None:
        """Processes are about to be forked."""

    def found(self) -> Any:
        """What this process found, to be sent to the one that forked it."""

    def join(self, found: Any) -> None:
        """Takes what another process found."""

    def forget_others(self) -> None:
        """What other processes found is of no use."""


class _WatchedAnalysis(Analysis):
    conversation = WatchedConversation


class _LeftToRead(NamedTuple):
    """What is left for several processes: an analysis behind the first `number` batches of a capture."""

    analysis: _WatchedAnalysis
    capture: CaptureSource
    shared: Shared
    number: int
    jobs: int


class _Share(NamedTuple):
    """What one process has found."""

    end: SeenByOne
    batches: int
    fragments: dict[int, LedgerRow]
    found: Any


class FirstLook:
    """Reads inputs to their end; `source` says afterwards what they are, `keys` what opens their TLS sessions."""

    def __init__(
        self,
        inputs: RereadableInputs,
        options: AnalysisOptions,
        listener: RunListener,
        settle: Callable[[], None] | None = None,
    ) -> None:
        """`settle` is called after each batch, when the connections that began in it have their numbers."""
        self.ledger = Ledger()
        self.source: Source | None = None
        self.batches_read = 0  # by `whole`
        self._inputs = inputs
        self._listener = listener
        self._settle = settle
        self._options = options
        self._keys = KeyLog()

    @property
    def keys(self) -> KeyLog:
        return self._keys

    def _watched(self) -> _WatchedAnalysis:
        ledger, before = self.ledger, self._options.on_frames

        def on_frames(batch: FrameBatch, segments: SegmentBatch) -> None:
            ledger.frames(batch, segments)
            if before is not None:
                before(batch, segments)

        return _WatchedAnalysis(self._inputs.name, replace(self._options, on_frames=on_frames, on_rows=ledger.rows))

    def batches(self) -> Iterator[tuple[Analysis, Iterator[Result], bool]]:
        """For each batch the analysis and the connections it completed, to be used up before the next is asked for.

        True with the last. Raises CaptureError.
        """
        with self._inputs.open() as capture:
            analysis = self._watched()
            self._keys = analysis.keys
            reading = Reading(analysis, capture, self._listener)
            for results in reading.batches():
                yield analysis, results, False
                self._settle_batch(analysis)
            yield analysis, reading.end(), True
            if self._settle is not None:
                self._settle()
            self.source = reading.source()
            self._listener.done(self.source)

    def _settle_batch(self, analysis: Analysis) -> None:
        self.ledger.settle(analysis.fragments)
        if self._settle is not None:
            self._settle()

    # -- several processes ---------------------------------------------------------------------------------------------

    def whole(self, shared: Shared, jobs: int) -> None:
        """Reads all where nobody wants the connections, in so many processes. Raises CaptureError, OSError.

        One process reads until a batch has changed nothing that all have to know, and forks those that read the rest.
        Where one of them finds what changes what others find, it goes on alone to that place, and forks them anew.
        """
        with self._inputs.open() as capture:
            analysis = self._watched()
            self._keys = analysis.keys
            reading = Reading(analysis, capture, self._listener)
            if capture.progress()[1] is None:
                jobs = 1
            alone = tries = 0
            before = self._standing(shared, analysis)
            for number, results in enumerate(reading.batches(), 1):
                self._use_up(analysis, results)
                self.batches_read = number
                standing = self._standing(shared, analysis)
                may = jobs > 1 and tries < _TRIES and number > alone and not analysis.bounded
                if may and standing == before:
                    tries += 1
                    alone = self._together(_LeftToRead(analysis, capture, shared, number, jobs))
                    if not alone:
                        return
                before = standing
            self._use_up(analysis, reading.end())
            self._read(reading.source())

    def _use_up(self, analysis: Analysis, results: Iterator[Result]) -> None:
        for _ in results:
            pass  # of each connection only what its watcher notes is wanted
        self._settle_batch(analysis)

    def _read(self, source: Source) -> None:
        self.source = source
        self._listener.done(source)

    @staticmethod
    def _standing(shared: Shared, analysis: Analysis) -> object:
        """What all that follow connections have to know of one another."""
        return shared.settled(), analysis.keys.remembered

    def _together(self, rest: _LeftToRead) -> int:
        """Has processes read the rest. 0: they did; else the batch up to which one alone has to go on."""
        self.ledger.share(rest.jobs)
        rest.shared.share()
        workers = Workers(rest.jobs, partial(self._work, rest))
        try:
            alone, ended = self._heard(rest, workers)
        finally:
            self._listener.over(self._inputs.name)
            workers.close()
        if alone:
            self.ledger.forget_others()
            rest.shared.forget_others()
            return alone
        end = ended[0].end
        for one in ended[1:]:
            end.totals.add_share(one.end.totals)
            end.memory.add_share(one.end.memory)
        for one in ended:
            self.ledger.fragments.update(one.fragments)
            rest.shared.join(one.found)
        self.batches_read = ended[0].batches
        self._read(end.source())
        return 0

    def _heard(self, rest: _LeftToRead, workers: Workers) -> tuple[int, list[_Share]]:
        """Up to which batch one has to go on alone, and if that is none what each of the others has found."""
        ended: dict[int, _Share] = {}
        while len(ended) < len(workers):
            heard = workers.hear()
            if heard is None:
                codes = [workers.join(index) for index in range(len(workers)) if index not in ended]
                name = self._inputs.name
                raise CaptureError(name, f"an analysing process ended early (exit code {codes[0]}); try --jobs 1")
            index, kind, content = heard
            if kind == "progress":
                self._listener.progress(self._inputs.name, *content)
            elif kind == "error":
                raise CaptureError(*content)
            elif kind == "failure":
                raise OSError(*content)
            elif kind == "alone":
                return content, []
            else:
                ended[index] = content
        fragments = sum(len(one.fragments) for one in ended.values())
        # A file that grows may have ended elsewhere for each.
        if len({one.end.totals.frames for one in ended.values()}) > 1 or fragments > MOST_FRAGMENTS:
            return sys.maxsize, []
        return 0, [ended[index] for index in range(len(workers))]

    def _work(self, rest: _LeftToRead, index: int, outbox: Outbox) -> None:
        """One of several processes: its share of the connections from the next batch on."""
        try:
            self._read_share(rest, index, outbox)
        except CaptureError as error:
            outbox.send("error", (error.source, error.reason, error.offset))
        except BrokenPipeError:
            raise
        except OSError as error:
            outbox.send("failure", (error.errno, error.strerror, error.filename))

    def _read_share(self, rest: _LeftToRead, index: int, outbox: Outbox) -> None:
        analysis, shared, number = rest.analysis, rest.shared, rest.number
        analysis.begin_share(index, rest.jobs)
        self.ledger.begin_share(index)
        before = self._standing(shared, analysis)
        # What was opened before has one place to read from, which is its parent's.
        with self._inputs.open() as capture:
            for _ in islice(capture, number):
                pass
            if capture.frames != rest.capture.frames:
                outbox.send("alone", sys.maxsize)
                return
            taken = len(rest.capture.secrets)
            reading = Reading(analysis, capture, SentProgress(outbox, index == 0), taken=taken)
            for results in reading.batches():
                self._use_up(analysis, results)
                number += 1
                if self._standing(shared, analysis) != before or analysis.bounded:
                    outbox.send("alone", number)
                    return
            self._use_up(analysis, reading.end())
            if self._standing(shared, analysis) != before or analysis.bounded:
                outbox.send("alone", sys.maxsize)
                return
            warnings = [str(warning) for warning in capture.warnings]
            end = SeenByOne(analysis.name, capture.format, warnings, analysis.totals, analysis.memory)
            outbox.send("end", _Share(end, number, self.ledger.end_share(), shared.found()))

"""The first of two readings: an analysis, with a ledger of the frames beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions, Result, Source
from analyzer.batches import FrameBatch, SegmentBatch
from analyzer.engine.listener import RunListener
from analyzer.engine.reading import Reading
from analyzer.sharing.inputs import RereadableInputs
from analyzer.sharing.ledger import Ledger
from analyzer.sharing.watched import WatchedConversation
from analyzer.tls.keylog import KeyLog


class _WatchedAnalysis(Analysis):
    conversation = WatchedConversation


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
        self._inputs = inputs
        self._options = options
        self._listener = listener
        self._settle = settle
        self._keys = KeyLog()

    @property
    def keys(self) -> KeyLog:
        return self._keys

    def batches(self) -> Iterator[tuple[Analysis, Iterator[Result], bool]]:
        """For each batch the analysis and the connections it completed, to be used up before the next is asked for.

        True with the last. Raises CaptureError.
        """
        ledger, before = self.ledger, self._options.on_frames

        def on_frames(batch: FrameBatch, segments: SegmentBatch) -> None:
            ledger.frames(batch, segments)
            if before is not None:
                before(batch, segments)

        options = replace(self._options, on_frames=on_frames, on_rows=ledger.rows)
        with self._inputs.open() as capture:
            analysis = _WatchedAnalysis(self._inputs.name, options)
            self._keys = analysis.keys
            reading = Reading(analysis, capture, self._listener)
            for results in reading.batches():
                yield analysis, results, False
                ledger.settle(analysis.fragments)
                if self._settle is not None:
                    self._settle()
            yield analysis, reading.end(), True
            if self._settle is not None:
                self._settle()
            self.source = reading.source()
            self._listener.done(self.source)

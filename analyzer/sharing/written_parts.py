"""A redacted capture is written in parts, by as many processes: each part is what it is wherever it is written."""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
from functools import partial
from typing import IO, BinaryIO, Final, NamedTuple, cast

from analyzer.engine.forked import Outbox, Workers
from analyzer.engine.listener import RunListener
from analyzer.errors import CaptureError
from analyzer.sharing.first_look import FirstLook
from analyzer.sharing.inputs import RereadableInputs
from analyzer.sharing.output import SharedCapture
from analyzer.sharing.redacted_frames import FrameWriter, RedactedSource, WriteSummary

_COPIED_AT_ONCE: Final = 1 << 20
# Batches of a part, at least.
_LEAST: Final = 4


class _Stretch(NamedTuple):
    """Batches from the one of number `first` to the one before `stop`, and where they wait for those before them."""

    first: int
    stop: int
    file: IO[bytes] | None


class _Done(NamedTuple):
    """A part that another process wrote: with one interface at most."""

    frames: int
    interface: tuple[str, int, int] | None
    summary: WriteSummary


class WrittenParts:
    """Writes the frames of inputs that were looked at. `frames` were written."""

    def __init__(
        self,
        inputs: RereadableInputs,
        look: FirstLook,
        source: RedactedSource,
        listener: RunListener,
    ) -> None:
        self._inputs = inputs
        self._look = look
        self._source = source
        self._listener = listener
        self.frames = 0

    def write(self, out: BinaryIO, comment: str, jobs: int, numbers: list[int] | None) -> WriteSummary:
        """Writes all, in so many processes; `numbers` gets the number that each written frame had.

        Raises CaptureError, OSError.
        """
        source, batches = self._source, self._look.batches_read
        # Of connections that are made anew, and of datagrams in fragments, a frame rests on those before it.
        alone = source.opened.opened or source.fragments or numbers is not None
        jobs = 1 if alone else max(min(jobs, batches // _LEAST), 1)
        bounds = [batches * index // jobs for index in range(jobs)]
        capture = SharedCapture(out, comment)
        writer = FrameWriter(capture, source)
        writer.numbers = numbers
        if jobs == 1:
            self._part(writer, _Stretch(0, sys.maxsize, None), self._listener)
        else:
            stops = [*bounds[1:], sys.maxsize]
            parts = [
                _Stretch(first, stop, tempfile.TemporaryFile(prefix="handshark-"))  # noqa: SIM115 - closed below
                for first, stop in zip(bounds[1:], stops[1:], strict=True)
            ]
            try:
                self._together(writer, capture, out, _Stretch(0, stops[0], None), parts)
            finally:
                for part in parts:
                    if part.file is not None:
                        part.file.close()
        self._listener.over(self._inputs.name)
        capture.finish()
        self.frames = capture.frames
        return writer.summary

    def _part(self, writer: FrameWriter, part: _Stretch, listener: RunListener) -> None:
        reader = self._look.ledger.read()
        with self._inputs.open() as source:
            for number, batch in enumerate(source):
                if number == part.stop:
                    break
                rows = reader.up_to(batch.column("number")[-1] if len(batch) else 0)
                if number >= part.first:
                    writer.batch(batch, rows)
                    listener.progress(self._inputs.name, *source.progress(), writer.written)

    def _together(
        self, writer: FrameWriter, capture: SharedCapture, out: BinaryIO, own: _Stretch, parts: list[_Stretch]
    ) -> None:
        """The first part goes straight to its place, those of others are put behind it."""
        workers = Workers(len(parts), partial(self._work, parts))
        try:
            self._part(writer, own, self._listener)
            for index, part in enumerate(parts):
                heard = workers.receive(index)
                done: _Done | None = heard[1] if heard is not None else None
                if done is None or not self._append(capture, out, part, done):
                    self._part(writer, part, self._listener)
                    continue
                summary = writer.summary
                summary.made += done.summary.made
                summary.plainer += done.summary.plainer
                summary.others += done.summary.others
        finally:
            workers.close()

    def _append(self, capture: SharedCapture, out: BinaryIO, part: _Stretch, done: _Done) -> bool:
        """Puts a part in its place; False where it would not be the same there."""
        if done.interface is None or part.file is None:
            return not done.frames
        if capture.interface(done.interface) != 0:
            return False
        part.file.seek(_head_of(part.file))
        shutil.copyfileobj(part.file, out, _COPIED_AT_ONCE)
        capture.frames += done.frames
        return True

    def _work(self, parts: list[_Stretch], index: int, outbox: Outbox) -> None:
        """Another process: writes a part. Who can not has it written by the one that writes all others."""
        part = parts[index]
        if part.file is None:
            raise ValueError("a part of others has a file")
        done: _Done | None = None
        try:
            capture = SharedCapture(cast("BinaryIO", part.file), "")
            writer = FrameWriter(capture, self._source)
            self._part(writer, part, RunListener())
            part.file.flush()
            if len(capture.interfaces) < 2:
                done = _Done(capture.frames, next(iter(capture.interfaces), None), writer.summary)
        except (CaptureError, OSError):
            done = None
        outbox.send("end", done)


def _head_of(file: IO[bytes]) -> int:
    """Bytes of the section's head and of the one interface behind it."""
    at = 0
    for _ in range(2):
        file.seek(at)
        at += int(struct.unpack("<II", file.read(8))[1])
    return at

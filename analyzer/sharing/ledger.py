"""Which frame is of which connection: noted on disk during the first reading of a capture, read again in the second."""

from __future__ import annotations

import tempfile
from itertools import groupby
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I64, FrameBatch, SegmentBatch
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.places import Places


class LedgerRow(NamedTuple):
    """One row for each TCP segment that was followed.

    frame   its number; for IP fragments that of the frame that completed the datagram
    side    2 * number of the connection + index of the endpoint that sent it
    place   its sequence number, counted on beyond 2**32 where the connection's handler has `places`
    at      first byte of the payload within the frame; -1 where it is not in there as it stands (fragments)
    length  captured bytes of the payload, missing those that were not
    tag     the network that the addresses are of (see TagKind)
    """

    frame: int
    side: int
    place: int
    at: int
    length: int
    missing: int
    ack: int
    tag: int
    flags: int
    window: int


# Many of them.
_FORMS: Final = ("<i8", "<i8", "<i8", "<i4", "<i4", "<i4", "<u4", "<u8", "<u2", "<u2")
ROW: Final = np.dtype(list(zip(LedgerRow._fields, _FORMS, strict=True)), align=True)
Rows = NDArray[np.void]
# Segments of a connection that were followed: their places in the columns, and who sent each of all in these.
_Followed = tuple[TcpConnection, Places | None, SegmentBatch, I64, I64]
# Rows read at once.
_BLOCK: Final = 1 << 16
# Frames with fragments that are known by heart; those over it are left out like frames of no connection.
MOST_FRAGMENTS: Final = 1 << 18


def row_of(rows: Rows, index: int) -> LedgerRow:
    """A row."""
    return LedgerRow._make(rows[index].item())


class Ledger:
    """Takes `frames` and `rows` from an analysis (`on_frames`, `on_rows`), and `settle` after each batch."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="handshark-")  # noqa: SIM115 - lives as long as this
        self._pending: list[_Followed] = []
        self._batch: FrameBatch | None = None
        self._whole = 0  # bytes of the frames in the batch's data: what is behind them was reassembled
        # Frame of a fragment -> row of its datagram, of those that did not complete theirs.
        self.fragments: dict[int, LedgerRow] = {}

    def frames(self, batch: FrameBatch, segments: SegmentBatch) -> None:
        """A batch, before it is followed."""
        self._batch = batch
        self._whole = len(batch.data)

    def rows(self, connection: TcpConnection, segments: SegmentBatch, rows: I64, senders: I64) -> None:
        """Segments of the batch that were followed, and who sent each of all of it."""
        if self._batch is not None:
            places = getattr(connection.handler, "places", None)
            self._pending.append((connection, places if isinstance(places, Places) else None, segments, rows, senders))

    def settle(self, fragments: dict[int, tuple[int, ...]]) -> None:
        """A batch is over, and its connections have their numbers."""
        if self._batch is None or not self._pending:
            return
        # Nearly always all of them are of the same columns.
        parts = [self._found(self._batch, list(ones)) for _, ones in groupby(self._pending, key=lambda one: id(one[4]))]
        self._pending.clear()
        rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
        frames = rows["frame"]
        if np.any(frames[1:] < frames[:-1]):
            rows = rows[np.argsort(frames, kind="stable")]
        self._file.write(rows.tobytes())
        for frame, others in fragments.items():
            index = int(np.searchsorted(rows["frame"], frame))
            if index < len(rows) and rows["frame"][index] == frame and len(self.fragments) < MOST_FRAGMENTS:
                self.fragments.update(dict.fromkeys(others, row_of(rows, index)))

    def _found(self, batch: FrameBatch, followed: list[_Followed]) -> Rows:
        """The rows of segments that have the same columns."""
        _, _, segments, _, senders = followed[0]
        rows = np.concatenate([one[3] for one in followed])
        sides = senders[rows].astype(np.int64)
        sizes = [len(one[3]) for one in followed]
        numbers = segments.seq[rows].astype(np.int64)
        begin = 0
        for (_, places, *_), size in zip(followed, sizes, strict=True):
            if places is not None:
                places.of_rows(numbers, sides, begin, begin + size)
            begin += size
        sides += np.repeat([2 * one[0].number for one in followed], sizes)
        # From here on in the order of the frames.
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        found = np.zeros(len(rows), ROW)
        found["frame"] = frame = segments.frame[rows]
        found["place"], found["side"] = numbers[order], sides[order]
        offset = segments.offset[rows]
        at = offset - batch.offset[np.searchsorted(batch.number, frame)]
        found["at"] = np.where(offset <= self._whole, at, -1)
        found["length"] = segments.length[rows]
        found["missing"] = segments.missing[rows]
        found["tag"] = segments.tag[rows]
        found["ack"] = segments.ack[rows]
        found["flags"] = segments.flags[rows]
        found["window"] = segments.window[rows]
        return found

    def read(self) -> LedgerReader:
        """All rows, in the order of their frames."""
        self._file.seek(0)
        return LedgerReader(self._file)

    def close(self) -> None:
        """Gives the disk's room back."""
        self._file.close()


class LedgerReader:
    """Gives the rows again, as far as they are asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rows: Rows = np.zeros(0, ROW)

    def up_to(self, frame: int) -> Rows:
        """The rows of the frames up to this one that were not given before."""
        parts: list[Any] = []
        while True:
            end = int(np.searchsorted(self._rows["frame"], frame, side="right"))
            parts.append(self._rows[:end])
            self._rows = self._rows[end:]
            if len(self._rows):
                break
            raw = self._file.read(_BLOCK * ROW.itemsize)
            if not raw:
                break
            self._rows = np.frombuffer(raw, ROW)
        return np.concatenate(parts)

"""What the columns say of a batch that is sorted by connection: in which of them nothing unusual happens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I64, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, SegmentBatch
from analyzer.net.tcp.trouble import PAUSE_NS

Mask = NDArray[np.bool_]


class SortedBatch:
    """Which connections are clean within a batch, and which of their rows matter.

    Clean: each sequence number is the one due, nothing is cut, no SYN comes after other segments, nothing is
    acknowledged that was not seen before, nothing is acknowledged twice, no window is shut, and there is no pause.

    clean    for each connection: whether it is
    matters  for each row: whether a clean connection needs to look at it (the others only acknowledge)
    acked    for each direction and connection: the last acknowledgement the other side sent for it, -1 for none
    window   for each side and connection: the window that came with the last acknowledgement it sent
    """

    __slots__ = (
        "_ack",
        "_acks",
        "_after",
        "_bad",
        "_fin",
        "_first",
        "_position",
        "_rst",
        "_seq",
        "_size",
        "_starts",
        "_stops",
        "_syn",
        "acked",
        "clean",
        "matters",
        "window",
    )

    def __init__(self, batch: SegmentBatch, order: I64, direction: I64, starts: I64, group: I64) -> None:
        """`order` sorts the batch by connection; the rest is in that order: the sender of each row, the first row of
        each connection, the connection of each row."""
        count = len(order)
        self._seq = batch.seq[order].astype(np.int64)
        self._ack = batch.ack[order].astype(np.int64)
        self._size = batch.length[order]
        flags = batch.flags[order]
        self._syn = (flags & TCP_SYN) != 0
        self._fin = (flags & TCP_FIN) != 0
        self._rst = (flags & TCP_RST) != 0
        self._acks = (flags & TCP_ACK) != 0
        self._after = self._seq + self._size + self._syn + self._fin
        self._position = np.arange(count, dtype=np.int64)
        self._starts = starts
        self._stops = np.append(starts[1:], count) - 1
        self._first = starts[group]
        self.clean = np.ones(len(starts), dtype=bool)
        self.matters = (self._size > 0) | self._syn | self._fin | self._rst
        self.acked = np.full((2, len(starts)), -1, dtype=np.int64)
        self.window = np.zeros((2, len(starts)), dtype=np.int64)
        window = batch.window[order]
        self._bad = batch.missing[order] > 0
        self._judge_rows(window)
        self._mark_pauses(batch.timestamp_ns, order)
        for side in (0, 1):
            self._judge_side(side, direction == side, window)
        self.clean[group[self._bad]] = False

    def _judge_rows(self, window: NDArray[np.uint16]) -> None:
        """What single rows, and rows behind a reset, show."""
        syn, rst, acks, position, first = self._syn, self._rst, self._acks, self._position, self._first
        # A plain SYN opens a connection: after other rows it may be another one.
        opens = syn & ~acks
        late = syn & acks & (position > first + 1)  # a SYN-ACK after more than the SYN it answers
        self._bad |= (rst & ((self._size > 0) | self._fin)) | (opens & (position != first)) | late
        self._bad |= (window == 0) & acks & ~(rst | syn)
        # What comes after a reset is judged one by one: its number is no promise of bytes before it.
        reset = np.maximum.accumulate(np.where(rst, position, -1))
        self._bad[1:] |= reset[:-1] >= first[1:]

    def _mark_pauses(self, time_ns: I64, order: I64) -> None:
        """Marks rows before which their connection was silent for long."""
        if int(time_ns.max()) - int(time_ns.min()) < PAUSE_NS:
            return
        ordered, first = time_ns[order], self._first
        self._bad[1:] |= (ordered[1:] - ordered[:-1] >= PAUSE_NS) & (first[1:] == first[:-1])

    def _judge_side(self, side: int, mine: Mask, window: NDArray[np.uint16]) -> None:
        """What the rows of one direction, and those that acknowledge them, show."""
        bad, matters, position, first = self._bad, self.matters, self._position, self._first
        syn, fin, acks = self._syn, self._fin, self._acks
        # For each row: the last row of this direction before it, within its connection.
        last = np.maximum.accumulate(np.where(mine, position, -1))
        before = np.empty_like(last)
        before[0] = -1
        before[1:] = last[:-1]
        known = before >= first
        at = np.where(known, before, 0)
        due = self._after[at]
        bad |= mine & known & (((self._seq - due) & 0xFFFF_FFFF) != 0)
        bad |= mine & known & syn
        # A reset that is all that is seen of a side here may be of another connection.
        bad |= mine & ~known & self._rst
        # A row of the other direction must not acknowledge what is not yet seen of this one.
        ahead = ((self._ack - due + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
        bad |= ~mine & known & acks & (ahead > 0)
        # A segment without data that acknowledges nothing more, though there was more, says that something is missing.
        bare = mine & known & acks & (self._size == 0) & ~(syn | fin | self._rst)
        spoke = np.maximum.accumulate(np.where(~mine & (self._size > 0), position, -1))
        bad |= bare & (self._ack == self._ack[at]) & (spoke > before)
        # A FIN must be the last thing a direction says.
        bad |= mine & known & fin[at] & ((self._size > 0) | fin) & ~self._rst
        # What a side says first after its SYN, or after the other's, completes the handshake.
        after_syn = known & syn[at]
        matters |= mine & after_syn
        # What answers a SYN acknowledges that, or is of another connection.
        bad |= ~mine & after_syn & acks & (ahead != 0)
        answered = np.maximum.accumulate(np.where(~mine & syn, position, -1))
        matters |= mine & (answered >= first) & (before < answered)
        # Before the first row of this direction, only what was known before the batch can tell.
        matters |= ~known & (mine | acks)
        latest = np.maximum.accumulate(np.where(mine & acks, position, -1))[self._stops]
        self.acked[1 - side] = np.where(latest >= self._starts, self._ack[latest], -1)
        self.window[side] = window[latest]

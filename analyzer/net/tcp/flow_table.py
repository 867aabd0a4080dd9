"""Segments in columns to connections with their bytes in order.

A batch is sorted by connection once. Connections in which every segment follows the one before, most of them, are
recognised on the columns, and only their payloads are touched one by one, neighbours of one direction joined. All
others go segment by segment through `reassembly`. A property test holds both ways to the same answer.
"""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.batches import I64, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, U64, SegmentBatch
from analyzer.net.tcp.headers import headers_of
from analyzer.net.tcp.networks import Networks
from analyzer.net.tcp.payload_runs import Runs, SortedRows
from analyzer.net.tcp.reassembly import StreamHandler, TcpConnection
from analyzer.net.tcp.sorted_batch import SortedBatch
from analyzer.net.tcp.trouble import PAUSE_NS

# Connections open at one time, at most: past that the longest idle are finished.
MAX_OPEN: int = 50_000
# A closed connection is kept for its last acknowledgements: so many, and so long in capture time.
LINGERING: int = 256
LINGER_NS: int = 2_000_000_000
# Finished connections whose late segments are known by their addresses and passed over.
TOMBSTONES: int = 16_384
# The last rows of a connection in a batch that are known again.
REMEMBERED: int = 2
# Refused connections that are remembered.
REFUSED: int = 1024

HandlerFactory = Callable[[TcpConnection], StreamHandler | None]
# Is told of rows of a batch: which connection they are of, and for each which of its endpoints sent it.
RowsListener = Callable[[TcpConnection, SegmentBatch, I64, I64], None]


class FlowTable:
    """All open TCP connections of a capture.

    `feed` takes a batch and gives back the connections that have finished with it; `finish` the rest. The factory is
    called once for each connection, when its first segment is seen, and its handler takes the stream events; None where
    nobody wants them. `on_rows` is told of each row that is taken, after it was. `columns` False sends every segment
    the long way, `mix` are the factors of hashes: for tests.
    """

    def __init__(
        self,
        factory: HandlerFactory,
        *,
        columns: bool = True,
        max_open: int | None = None,
        mix: NDArray[np.uint64] | None = None,
        on_rows: RowsListener | None = None,
    ) -> None:
        self._factory = factory
        self._on_rows = on_rows
        self._most = max_open  # None: MAX_OPEN
        self._columns = columns  # False sends every segment the long way (for tests)
        self._open: dict[bytes, TcpConnection] = {}
        self._networks = Networks(self._open)
        self._lingering: OrderedDict[bytes, TcpConnection] = OrderedDict()
        self._tombstones: OrderedDict[bytes, None] = OrderedDict()
        self._new: list[TcpConnection] = []
        self._opened: list[TcpConnection] = []
        self._finished: list[TcpConnection] = []
        # Odd multipliers nobody can know beforehand: a capture can not be made whose connections all collide.
        odd = [int.from_bytes(os.urandom(8), "little") | 1 for _ in range(6)]
        self._mix = np.array(odd, dtype=np.uint64) if mix is None else mix
        self.connections = 0
        self.evicted = 0
        # (endpoint, frame, time) of resets that answered a SYN, the latest.
        self.refused: deque[tuple[tuple[str, int], int, int]] = deque(maxlen=REFUSED)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def remembered(self) -> int:
        """Finished connections whose late segments are still known."""
        return len(self._tombstones)

    def take_opened(self) -> list[TcpConnection]:
        """The connections that are new since the last call, in the order of their numbers."""
        opened, self._opened = self._opened, []
        return opened

    # -- batches -------------------------------------------------------------------------------------------------------

    def feed(self, batch: SegmentBatch) -> list[TcpConnection]:
        """Takes a batch; returns the connections that are finished, numbered, in the order they finished."""
        if len(batch):
            self._feed(batch)
            self._number()
            self._forget(int(batch.timestamp_ns[-1]))
        finished, self._finished = self._finished, []
        return finished

    def finish(self) -> Iterator[TcpConnection]:
        """The capture is over: flushes and gives back all that is left, in the order of their numbers."""
        self._number()
        left = sorted(self._open.values(), key=lambda connection: connection.number)
        self._open.clear()
        self._lingering.clear()
        for connection in left:
            connection.flush()
            yield connection

    def expire(self, now_ns: int, idle_ns: int) -> list[TcpConnection]:
        """No segment says what time it is: finishes what has lingered, and what was idle for `idle_ns`, at `now_ns`."""
        self._forget(now_ns)
        before = now_ns - idle_ns
        for connection in [one for one in self._open.values() if one.last_ns < before]:
            self.evicted += 1
            self._complete(connection)
        finished, self._finished = self._finished, []
        return finished

    def connections_open(self) -> Iterable[TcpConnection]:
        """Those that are in the table, those that linger included."""
        return self._open.values()

    def end_early(self, connection: TcpConnection) -> None:
        """Finishes a connection that is open: there is no room for it."""
        if self._open.get(connection.key) is connection:
            self._complete(connection)

    def take_finished(self) -> list[TcpConnection]:
        """The connections that have finished since the last call, numbered, in the order they finished."""
        finished, self._finished = self._finished, []
        return finished

    def _feed(self, batch: SegmentBatch) -> None:
        count = len(batch)
        swap, columns = _endpoints_of(batch)
        order = self._sorted(columns)
        same = np.ones(count, dtype=bool)
        same[0] = False
        for column in columns:
            ordered = column[order]
            same[1:] &= ordered[1:] == ordered[:-1]
        starts = np.flatnonzero(~same)
        group = np.cumsum(~same) - 1
        direction = swap[order].astype(np.int64)
        known = SortedBatch(batch, order, direction, starts, group)
        picked = np.flatnonzero(known.matters)
        data = memoryview(batch.data)
        rows = SortedRows(batch, direction[picked], order[picked])
        runs = Runs(batch, direction[picked], group[picked], order[picked], data)
        heads = order[starts]
        keys = np.stack([column[heads] for column in columns], axis=1).astype(">u8").tobytes()
        stops = np.append(starts[1:], count)
        bounds = np.searchsorted(picked, np.append(starts, count)).tolist()
        ends = order[stops - 1]
        first_times, last_times = batch.timestamp_ns[heads].tolist(), batch.timestamp_ns[ends].tolist()
        last_frames = batch.frame[ends].tolist()
        clean, acked, window = known.clean.tolist(), known.acked.tolist(), known.window.tolist()
        # In the order of their first frames, as tcp.stream counts them.
        tags = batch.tag[order] if self._networks.matter(batch.tag) else None
        for index in np.argsort(heads, kind="stable").tolist():
            key = keys[index * 40 : index * 40 + 40]
            connection = None
            if tags is not None:
                span = slice(starts[index], stops[index])
                routed = self._routed(key, batch, direction[span], order[span], tags[span])
                if routed is None:
                    continue
                key = routed
            if clean[index]:
                connection = self._column_way(
                    key, rows, runs, bounds[index], bounds[index + 1], data, first_times[index]
                )
            span = slice(starts[index], stops[index])
            if connection is None:
                self._long_way(key, batch, direction[span], order[span])
                continue
            if self._on_rows is not None:
                self._on_rows(connection, batch, order[span], direction[span])
            for sender in (0, 1):
                if acked[1 - sender][index] >= 0:
                    connection.acknowledged(sender, acked[1 - sender][index], window[sender][index])
            connection.last_frame = last_frames[index]
            connection.last_ns = last_times[index]
            if connection.closed:
                self._lingering[key] = connection

    def _routed(self, endpoints: bytes, batch: SegmentBatch, direction: I64, order: I64, tags: U64) -> bytes | None:
        """The key of the connection that rows between two endpoints are of.

        Where they are of several networks each goes its own way: None.
        """
        networks = self._networks
        first = int(tags[0])
        if not (tags != first).any():
            key = networks.key(endpoints, first)
            if (
                key in self._open
                or networks.route(endpoints, first, SortedRows(batch, direction[:1], order[:1]), 0) == key
            ):
                return key
        rows, data = SortedRows(batch, direction, order), memoryview(batch.data)
        for i, tag in enumerate(tags.tolist()):
            key = networks.route(endpoints, tag, rows, i)
            connection = self._open.get(key)
            if connection is not None and connection.is_new_connection(rows.direction[i], rows.seq[i], rows.flags[i]):
                self._complete(connection)
                key = networks.route(endpoints, tag, rows, i)
                connection = self._open.get(key)
            connection = self._row(key, connection, rows, i, data)
            if connection is not None and self._on_rows is not None:
                self._on_rows(connection, batch, order[i : i + 1], direction[i : i + 1])
            if connection is not None and connection.closed and connection.key not in self._lingering:
                self._lingering[connection.key] = connection
        return None

    def _sorted(self, columns: tuple[NDArray[np.uint64], ...]) -> NDArray[np.int64]:
        """An order that puts the rows of each connection together, in frame order."""
        mixed = columns[0] * self._mix[0]
        for column, factor in zip(columns[1:], self._mix[1:], strict=False):
            mixed ^= column * factor
            mixed ^= mixed >> np.uint64(29)
            mixed *= self._mix[5]
        order = np.argsort(mixed, kind="stable")
        ordered = mixed[order]
        same_hash = ordered[1:] == ordered[:-1]
        for column in columns:
            sorted_column = column[order]
            if not np.array_equal(sorted_column[1:][same_hash], sorted_column[:-1][same_hash]):
                # Two connections with one hash: sort by the columns themselves.
                return np.lexsort(columns)
        return order

    # -- the column way ------------------------------------------------------------------------------------------------

    def _column_way(
        self, key: bytes, rows: SortedRows, runs: Runs, begin: int, stop: int, data: memoryview, first_ns: int
    ) -> TcpConnection | None:
        """Delivers the rows of a connection that is clean within the batch; None if it does not join what was before.

        `rows` holds those that matter, of this connection from `begin` to `stop`; its first of all came at `first_ns`.
        """
        if not self._columns or key in self._lingering:
            return None
        connection = self._open.get(key)
        flags, directions, frames, times = rows.flags, rows.direction, rows.frame, rows.time
        if connection is None:
            if key in self._tombstones and not flags[begin] & TCP_SYN:
                return None
            connection = self._create(key, frames[begin], times[begin])
        elif first_ns - connection.last_ns >= PAUSE_NS or not self._joins(connection, rows, begin, stop):
            return None
        row = begin
        if not connection.begun:
            if not _begins_in_order(connection, rows, begin, stop):
                return None
            row = self._opening(connection, rows, begin, stop, data)
            if not connection.begun:
                self._one_by_one(connection, rows, row, stop, data)
                row = stop
        while row < stop:
            flagged = min(runs.next_flagged(row), stop)
            connection.take(runs, *runs.between(row, min(flagged + 1, stop)))
            if flagged < stop:
                connection.ended(directions[flagged], flags[flagged], frames[flagged], times[flagged])
            row = flagged + 1
        if not connection.closed:
            _remember(connection, rows, max(begin, stop - REMEMBERED), stop, data)
        return connection

    @staticmethod
    def _opening(connection: TcpConnection, rows: SortedRows, begin: int, stop: int, data: memoryview) -> int:
        """Takes rows until both directions are known; returns the first that is not taken: none with data is."""
        for row in range(begin, stop):
            flag, sender = rows.flags[row], rows.direction[row]
            _open(connection, rows, row, data)
            if rows.length[row]:
                return row
            if flag & (TCP_FIN | TCP_RST):
                connection.ended(sender, flag, rows.frame[row], rows.time[row])
            if connection.begun:
                return row + 1
        return stop

    def _one_by_one(self, connection: TcpConnection, rows: SortedRows, begin: int, stop: int, data: memoryview) -> None:
        """Takes rows of a connection of which one direction may not be there at all."""
        handler = connection.handler
        flags, directions, frames, times = rows.flags, rows.direction, rows.frame, rows.time
        run, first = -1, 0
        parts: list[memoryview] = []
        ends: list[int] = []
        acks: list[int] = []
        run_frames: list[int] = []
        run_times: list[int] = []
        total = 0
        for i in range(begin, stop):
            flag, size, sender = flags[i], rows.length[i], directions[i]
            _open(connection, rows, i, data)
            if size:
                connection.deliver(sender, size)
                if handler is not None:
                    if sender != run:
                        if parts:
                            connection.piece_seq, connection.piece_acks = first, acks
                            handler.data(run, _joined(parts), ends, run_frames, run_times)
                        run = sender
                        parts, ends, acks, run_frames, run_times, total = [], [], [], [], [], 0
                        first = rows.seq[i]
                    offset = rows.offset[i]
                    parts.append(data[offset : offset + size])
                    total += size
                    ends.append(total)
                    run_frames.append(frames[i])
                    run_times.append(times[i])
                    acks.append(rows.ack[i] if flag & TCP_ACK else -1)
            if flag & (TCP_FIN | TCP_RST):
                if parts and handler is not None:
                    connection.piece_seq, connection.piece_acks = first, acks
                    handler.data(run, _joined(parts), ends, run_frames, run_times)
                parts, run = [], -1
                connection.ended(sender, flag, frames[i], times[i])
        if parts and handler is not None:
            connection.piece_seq, connection.piece_acks = first, acks
            handler.data(run, _joined(parts), ends, run_frames, run_times)

    @staticmethod
    def _joins(connection: TcpConnection, rows: SortedRows, begin: int, stop: int) -> bool:
        """Whether the first row of each direction is what the connection awaits, and acknowledges nothing unseen."""
        if not connection.settled:
            return False
        left = 2
        seen = [False, False]
        for i in range(begin, stop):
            sender = rows.direction[i]
            flags = rows.flags[i]
            if not seen[sender]:
                seen[sender] = True
                left -= 1
                if not connection.awaits(sender, rows.seq[i], rows.ack[i], flags, rows.length[i]):
                    return False
            if not seen[1 - sender] and flags & TCP_ACK and connection.unseen(1 - sender, rows.ack[i]):
                return False
            if not left:
                return True
        return True

    # -- the long way --------------------------------------------------------------------------------------------------

    def _long_way(self, key: bytes, batch: SegmentBatch, direction: I64, order: I64) -> None:
        """Every row of a connection, one at a time."""
        rows, data = SortedRows(batch, direction, order), memoryview(batch.data)
        connection = self._open.get(key)
        for i in range(len(rows.frame)):
            connection = self._row(key, connection, rows, i, data)
            if connection is not None and self._on_rows is not None:
                self._on_rows(connection, batch, order[i : i + 1], direction[i : i + 1])
        if connection is not None and connection.closed and key not in self._lingering:
            self._lingering[key] = connection

    def _row(
        self, key: bytes, connection: TcpConnection | None, rows: SortedRows, i: int, data: memoryview
    ) -> TcpConnection | None:
        """Takes a row; returns its connection, None where that was over long ago."""
        sender = rows.direction[i]
        flags = rows.flags[i]
        if connection is not None and connection.is_new_connection(sender, rows.seq[i], flags):
            self._complete(connection)
            connection = None
        if connection is None:
            if key in self._tombstones and not flags & TCP_SYN:
                return None
            connection = self._create(key, rows.frame[i], rows.time[i])
        offset = rows.offset[i]
        connection.segment(
            sender,
            rows.seq[i],
            rows.ack[i],
            flags,
            bytes(data[offset : offset + rows.length[i]]),
            rows.missing[i],
            rows.frame[i],
            rows.time[i],
            rows.window[i],
            headers_of(data, offset),
        )
        if flags & TCP_RST and connection.was_refused(sender, rows.frame[i]):
            self.refused.append((connection.endpoints[sender], rows.frame[i], rows.time[i]))
        return connection

    # -- open, lingering, finished -------------------------------------------------------------------------------------

    def _create(self, key: bytes, frame: int, time_ns: int) -> TcpConnection:
        connection = TcpConnection(key, endpoints_of(key), frame, time_ns)
        connection.handler = self._factory(connection)
        self._open[key] = connection
        self._new.append(connection)
        self._tombstones.pop(key, None)
        self._networks.opened(key)
        return connection

    def _number(self) -> None:
        """Numbers the connections that are new with this batch, in the order of their first frames."""
        self._new.sort(key=lambda connection: connection.first_frame)
        for connection in self._new:
            connection.number = self.connections
            self.connections += 1
        self._opened += self._new
        self._new.clear()

    def _complete(self, connection: TcpConnection) -> None:
        """Takes a connection out of the table."""
        connection.flush()
        self._open.pop(connection.key, None)
        self._lingering.pop(connection.key, None)
        for key in (connection.key, *self._networks.closed(connection.key)):
            self._tombstones[key] = None
            if len(self._tombstones) > TOMBSTONES:
                self._tombstones.popitem(last=False)
        self._finished.append(connection)

    def _forget(self, now_ns: int) -> None:
        """Finishes closed connections that have lingered, and the longest idle where too many are open."""
        while self._lingering:
            first = next(iter(self._lingering.values()))
            if len(self._lingering) <= LINGERING and now_ns - first.last_ns <= LINGER_NS:
                break
            self._complete(first)
        most = MAX_OPEN if self._most is None else self._most
        over = len(self._open) - most
        if over > 0:
            # A tenth more than needed, so that the sort is not paid for at every batch.
            idle = sorted(self._open.values(), key=lambda connection: connection.last_ns)
            for connection in idle[: over + most // 10]:
                self.evicted += 1
                self._complete(connection)


def _begins_in_order(connection: TcpConnection, rows: SortedRows, begin: int, stop: int) -> bool:
    """Whether each direction that is new begins where the other awaits it, and not with what may be a keep-alive."""
    if begin + 1 < stop and rows.flags[begin] & rows.flags[begin + 1] & TCP_SYN:
        return True  # SYN and SYN-ACK: most connections
    halves = connection.halves
    new = [half.next < 0 for half in halves]
    due = [half.due for half in halves]
    for i in range(begin, stop):
        if not any(new):
            break
        sender, flags, size = rows.direction[i], rows.flags[i], rows.length[i]
        if new[sender] and not flags & TCP_RST:
            new[sender] = False
            if not flags & TCP_SYN and (size == 1 or (due[sender] >= 0 and rows.seq[i] != due[sender])):
                return False
        if size and flags & TCP_ACK and due[1 - sender] < 0:
            due[1 - sender] = rows.ack[i]
    return True


def _endpoints_of(batch: SegmentBatch) -> tuple[NDArray[np.bool_], tuple[U64, ...]]:
    """Which rows come from the higher endpoint, and the columns of a connection's key."""
    swap = (batch.src_hi > batch.dst_hi) | (
        (batch.src_hi == batch.dst_hi)
        & ((batch.src_lo > batch.dst_lo) | ((batch.src_lo == batch.dst_lo) & (batch.sport > batch.dport)))
    )
    low_hi = np.where(swap, batch.dst_hi, batch.src_hi)
    low_lo = np.where(swap, batch.dst_lo, batch.src_lo)
    high_hi = np.where(swap, batch.src_hi, batch.dst_hi)
    high_lo = np.where(swap, batch.src_lo, batch.dst_lo)
    low_port = np.where(swap, batch.dport, batch.sport).astype(np.uint64)
    high_port = np.where(swap, batch.sport, batch.dport).astype(np.uint64)
    ports = np.left_shift(low_port, np.uint64(24)) + np.left_shift(high_port, np.uint64(8))
    ports += batch.ip_version.astype(np.uint64)
    return swap, (low_hi, low_lo, high_hi, high_lo, ports)


def _open(connection: TcpConnection, rows: SortedRows, row: int, data: memoryview) -> None:
    """Takes from a row what it says of how the connection began."""
    flags = rows.flags[row]
    headers = headers_of(data, rows.offset[row]) if flags & TCP_SYN else b""
    connection.opening(
        rows.direction[row],
        rows.seq[row],
        rows.ack[row],
        flags,
        rows.length[row],
        rows.frame[row],
        rows.time[row],
        headers,
    )


def _remember(connection: TcpConnection, rows: SortedRows, begin: int, stop: int, data: memoryview) -> None:
    """Lets a connection know the last of its rows again, should they come once more with the next batch."""
    for i in range(begin, stop):
        flags, size = rows.flags[i], rows.length[i]
        if size or flags & TCP_SYN:
            headers = headers_of(data, rows.offset[i])
            connection.remember(rows.direction[i], rows.seq[i], rows.ack[i], flags, size, rows.time[i], headers)


def _joined(parts: list[memoryview]) -> bytes:
    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


def endpoints_of(key: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """((address, port), (address, port)) of a connection's 40-byte key, the lower first."""
    ports = int.from_bytes(key[32:40], "big")
    if ports & 0xFF == 4:
        low = ".".join(map(str, key[12:16]))
        high = ".".join(map(str, key[28:32]))
    else:
        from ipaddress import IPv6Address

        low = str(IPv6Address(key[0:16]))
        high = str(IPv6Address(key[16:32]))
    return (low, ports >> 24 & 0xFFFF), (high, ports >> 8 & 0xFFFF)

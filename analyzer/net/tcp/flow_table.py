"""Segments in columns to connections with their bytes in order.

The rows of a batch are grouped by connection once; each connection then takes its segments one after the other
(`reassembly`).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final

from analyzer.batches import TCP_RST, TCP_SYN, SegmentBatch
from analyzer.net.tcp.grouping import Grouping
from analyzer.net.tcp.networks import Networks
from analyzer.net.tcp.pieces import Opens, Pieces, Segments
from analyzer.net.tcp.reassembly import StreamHandler, TcpConnection, is_far

# Constants of others, once more: here they are numbers of C.
_RST: Final = TCP_RST
_SYN: Final = TCP_SYN

# Connections open at one time, at most: past that the longest idle are finished.
MAX_OPEN: int = 50_000
# A closed connection is kept for its last acknowledgements: so many, and so long in capture time.
LINGERING: int = 256
LINGER_NS: int = 2_000_000_000
# Finished connections whose late segments are known by their addresses and passed over.
TOMBSTONES: int = 16_384
# Refused connections that are remembered.
REFUSED: int = 1024

HandlerFactory = Callable[[TcpConnection], StreamHandler | None]
# Is told of rows of a batch: which connection they are of, and for each row of it which of its endpoints sent it.
RowsListener = Callable[[TcpConnection, SegmentBatch, memoryview, memoryview], None]


class FlowTable:
    """All open TCP connections of a capture.

    `feed` takes a batch and gives back the connections that have finished with it; `finish` the rest. The factory is
    called once for each connection, when its first segment is seen, and its handler takes the stream events; None where
    nobody wants them. `opens` says whether bytes can only be the first of a connection, followed or not. `on_rows` is
    told of each row that is taken, after it was. `columns` False sends every segment the long way, `mix` are the
    factors of hashes: for tests.
    """

    def __init__(
        self,
        factory: HandlerFactory,
        *,
        columns: bool = True,
        max_open: int | None = None,
        mix: Sequence[int] | None = None,
        on_rows: RowsListener | None = None,
        opens: Opens | None = None,
    ) -> None:
        self._factory = factory
        self._opens = opens
        self._on_rows = on_rows
        self._most = max_open  # None: MAX_OPEN
        self._columns = columns  # False sends every segment the long way (for tests)
        self._open: dict[bytes, TcpConnection] = {}
        self._networks = Networks(self._open)
        self._lingering: deque[TcpConnection] = deque()
        # Those that were remembered lately, and before, with the numbers that were due: half of them are forgotten at a
        # time.
        self._tombstones: dict[bytes, tuple[int, int]] = {}
        self._older_tombstones: dict[bytes, tuple[int, int]] = {}
        self._new: list[TcpConnection] = []
        self._opened: list[TcpConnection] = []
        self._finished: list[TcpConnection] = []
        # Odd multipliers nobody can know beforehand: a capture can not be made whose connections all collide.
        odd = [int.from_bytes(os.urandom(8), "little") | 1 for _ in range(6)]
        self._mix: Sequence[int] = odd if mix is None else mix
        self.connections = 0
        self.evicted = 0
        # (endpoint, frame, time) of resets that answered a SYN, the latest.
        self.refused: deque[tuple[tuple[str, int], int, int]] = deque(maxlen=REFUSED)

    def __len__(self) -> int:
        return len(self._open)

    @property
    def remembered(self) -> int:
        """Finished connections whose late segments are still known."""
        return len(self._tombstones) + len(self._older_tombstones)

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
            self._forget(batch.column("timestamp_ns")[-1])
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
        grouping = Grouping(batch, self._mix)
        keys, bounds = grouping.keys, grouping.bounds
        segments = Segments(batch, grouping.sender, grouping.order, not self._columns, self._opens)
        pieces = Pieces(segments, len(batch))
        tags: list[int] | None = None
        if grouping.tagged or self._networks.several:
            tags = batch.column("tag").tolist()
        # In the order of their first frames, as tcp.stream counts them.
        for index in range(len(bounds) - 1):
            key = keys[index * 40 : index * 40 + 40]
            if tags is None:
                self._take(key, pieces, bounds[index], bounds[index + 1])
            else:
                self._take_tagged(key, pieces, bounds[index], bounds[index + 1], tags)

    def _take(self, key: bytes, pieces: Pieces, begin: int, stop: int) -> None:
        """Takes the segments of a key, at the places from `begin` to `stop` of the order."""
        segments = pieces.segments
        connection: TcpConnection | None = self._open.get(key)
        place = begin
        while place < stop:
            row = segments.order[place]
            if connection is None:
                if not segments.flags[row] & _SYN and self._is_late(key, segments, row):
                    place += 1
                    continue
                connection = self._create(key, segments.frame[row], segments.time_ns[row])
            closed = connection.has_ended()
            behind = connection.take(pieces, place, stop)
            if behind == place:
                self._complete(connection)
                connection = None
                continue
            if self._on_rows is not None:
                self._on_rows(connection, *segments.part(place, behind))
            place = behind
            row = segments.order[place - 1]
            if segments.flags[row] & _RST and connection.was_refused(segments.sender[row], segments.frame[row]):
                endpoint = connection.endpoints[segments.sender[row]]
                self.refused.append((endpoint, segments.frame[row], segments.time_ns[row]))
            if not closed and connection.has_ended():
                self._lingering.append(connection)

    def _is_late(self, key: bytes, segments: Segments, row: int) -> bool:
        """Whether a segment is of a connection that has finished, and not of a later one whose SYN was lost."""
        due = self._tombstones.get(key) or self._older_tombstones.get(key)
        return due is not None and (
            bool(segments.flags[row] & _RST) or not is_far(due[segments.sender[row]], segments.seq[row])
        )

    def _take_tagged(self, endpoints: bytes, pieces: Pieces, begin: int, stop: int, tags: list[int]) -> None:
        """The same for segments between two endpoints that may be of several networks: each finds its own way."""
        segments, networks = pieces.segments, self._networks
        row = segments.order[begin]
        tag = tags[row]
        alike = True
        for place in range(begin, stop):
            alike = alike and tags[segments.order[place]] == tag
        if alike:
            key = networks.key(endpoints, tag)
            segment = segments.sender[row], segments.seq[row], segments.ack[row], segments.flags[row]
            if key in self._open or networks.route(endpoints, tag, *segment) == key:
                self._take(key, pieces, begin, stop)
                return
        for place in range(begin, stop):
            row = segments.order[place]
            segment = segments.sender[row], segments.seq[row], segments.ack[row], segments.flags[row]
            key = networks.route(endpoints, tags[row], *segment)
            connection = self._open.get(key)
            if connection is not None and connection.is_of_another(segments, row):
                self._complete(connection)
                key = networks.route(endpoints, tags[row], *segment)
            self._take(key, pieces, place, place + 1)

    # -- open, lingering, finished -------------------------------------------------------------------------------------

    def _create(self, key: bytes, frame: int, time_ns: int) -> TcpConnection:
        connection = TcpConnection(key, frame, time_ns)
        connection.handler = self._factory(connection)
        self._open[key] = connection
        self._new.append(connection)
        self._tombstones.pop(key, None)
        self._older_tombstones.pop(key, None)
        if self._networks.several:
            self._networks.opened(key)
        return connection

    def _number(self) -> None:
        """Numbers the connections that are new with this batch, in the order of their first frames."""
        self._new.sort(key=attrgetter("first_frame"))
        for connection in self._new:
            connection.number = self.connections
            self.connections += 1
        self._opened += self._new
        self._new.clear()

    def _complete(self, connection: TcpConnection) -> None:
        """Takes a connection out of the table."""
        connection.flush()
        self._open.pop(connection.key, None)
        low, high = connection.halves
        due = low.next, high.next
        self._tombstones[connection.key] = due
        if self._networks.several:
            for alias in self._networks.closed(connection.key):
                self._tombstones[alias] = due
        if len(self._tombstones) >= TOMBSTONES // 2:
            self._older_tombstones, self._tombstones = self._tombstones, {}
        self._finished.append(connection)

    def _forget(self, now_ns: int) -> None:
        """Finishes closed connections that have lingered, and the longest idle where too many are open."""
        while self._lingering:
            first = self._lingering[0]
            if self._open.get(first.key) is not first:  # another one took its place
                self._lingering.popleft()
                continue
            if len(self._lingering) <= LINGERING and now_ns - first.last_ns <= LINGER_NS:
                break
            self._lingering.popleft()
            self._complete(first)
        most = MAX_OPEN if self._most is None else self._most
        over = len(self._open) - most
        if over > 0:
            # A tenth more than needed, so that the sort is not paid for at every batch.
            idle = sorted(self._open.values(), key=lambda connection: connection.last_ns)
            for connection in idle[: over + most // 10]:
                self.evicted += 1
                self._complete(connection)

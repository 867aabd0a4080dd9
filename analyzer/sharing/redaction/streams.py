"""One direction of a connection while it is redacted: bytes that no packet has claimed yet, and what stands there."""

from __future__ import annotations

from array import array

from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.sharing.places import Places
from analyzer.sharing.redaction.tls import TlsRedactor


class RedactedStream:
    """`data` waits for the packets that it is of; its first byte is at `place`.

    floor    only a packet with a hole in it begins before this
    ahead    what stands in front of the command that comes next
    claimed  whether any packet was of this side
    recent   the last piece that was taken for TLS
    pieces   what stands at places since the batch before was over, each in its parts
    """

    __slots__ = (
        *("_due", "_end", "_last", "ahead", "claimed", "data", "floor", "pieces", "place", "places", "recent"),
        *("sender", "tcp", "tls"),
    )

    def __init__(self, tcp: TcpConnection, sender: int, places: Places, due: list[RedactedStream]) -> None:
        """`due` is told of streams that have pieces."""
        self.tcp = tcp
        self.sender = sender
        self.places = places
        self.data = bytearray()
        self.floor = 0
        self.place = -1
        self.ahead = b""
        self.claimed = False
        self.recent = (-1, b"")
        self.tls: TlsRedactor | None = None
        self.pieces: list[tuple[int, list[bytes | bytearray]]] = []
        self._due = due
        self._end = -1
        self._last: list[bytes | bytearray] = []

    @property
    def end(self) -> int:
        """The place behind what waits."""
        return self.place + len(self.data)

    def add(self, place: int, made: bytes | bytearray) -> None:
        """What stands at a place from now on; nobody else has it where it can be changed."""
        if not made:
            return
        if place != self._end:
            if not self.pieces:
                self._due.append(self)
            self._last = []
            self.pieces.append((place, self._last))
            self._end = place
        self._last.append(made)
        self._end += len(made)

    def waiting(self, place: int, length: int) -> bytes | None:
        """What was added for a place since the batch before was over; None where that is not all of it."""
        for start, parts in self.pieces:
            data = b"".join(parts)
            if start <= place and place + length <= start + len(data):
                return data[place - start : place - start + length]
        return None

    def taken(self) -> list[tuple[int, list[bytes | bytearray]]]:
        """The pieces, which are forgotten here."""
        pieces, self.pieces = self.pieces, []
        self._end = -1
        return pieces

    def pass_over(self, size: int) -> None:
        """So many bytes in front are claimed."""
        del self.data[:size]
        self.place += size
        self.floor = max(self.floor - size, 0)

    def replace(self, number: int, made: bytes | bytearray) -> None:
        """What stands from this sequence number on; what was not claimed before it is nothing whole."""
        place = self.places.of(self.sender, number)
        self.add(place, made)
        if self.data:
            self.data.clear()
        self.place = place + len(made)
        self.floor = 0
        self.claimed = True


def settle(due: list[RedactedStream], parts: list[bytes | bytearray], rows: array[int], bits: int) -> None:
    """Takes the pieces of all that are due: their `parts`, and for each key, length, and offset among all of them.

    A key is the side and in its last `bits` the place.
    """
    at = 0
    for stream in due:
        side = (2 * stream.tcp.number + stream.sender) << bits
        for place, made in stream.taken():
            size = 0
            for part in made:
                size += len(part)
            parts += made
            rows.extend((side | place, size, at))
            at += size
    due.clear()


def moved(rows: array[int], by: int) -> None:
    """Moves the offsets of such rows."""
    numbers = memoryview(rows)
    for index in range(2, len(rows), 3):
        numbers[index] += by

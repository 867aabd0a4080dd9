"""Frames of connections that were opened: plain TCP in place of TLS and compression."""

from __future__ import annotations

from collections.abc import Callable, Collection

from analyzer.batches import TCP_FIN, TCP_RST, TCP_SYN
from analyzer.sharing.frames import MadeConnection
from analyzer.sharing.ledger import LedgerRow
from analyzer.sharing.plain import Piece, PlainReader

PackedEnds = tuple[tuple[bytes, int], tuple[bytes, int]]


class OpenedConnections:
    """Makes the frames anew, each where a frame of its connection stood. `ends` gives both ends of a connection."""

    def __init__(self, opened: Collection[int], plain: PlainReader, ends: Callable[[int], PackedEnds]) -> None:
        self.opened = opened
        self._plain = plain
        self._ends = ends
        self._made: dict[int, MadeConnection] = {}
        self._pieces: dict[int, list[Piece]] = {}

    def frames(self, number: int, row: LedgerRow) -> list[bytes]:
        """What the frame of this number, and this row, becomes."""
        side = row.side
        stream, sender = side >> 1, side & 1
        made = self._made.get(stream)
        if made is None:
            made = self._made[stream] = MadeConnection(self._ends(stream))
        made.begin(sender, row.place)
        for piece in self._plain.up_to(number):
            if piece.side >> 1 in self.opened:
                self._pieces.setdefault(piece.side >> 1, []).append(piece)
        frames: list[bytes] = []
        flags, mine = row.flags, b""
        for piece in self._pieces.pop(stream, ()):
            if piece.side != side or piece.missing:
                made.begin(piece.side & 1, 0)
                frames += made.frames(piece.side & 1, 0, piece.data) if piece.data else ()
                made.lose(piece.side & 1, piece.missing)
            else:
                mine += piece.data
        if mine or flags & (TCP_SYN | TCP_FIN | TCP_RST) or not row.length:
            frames += made.frames(sender, flags, mine, row.window)
        return frames

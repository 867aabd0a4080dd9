"""Frames of connections that were opened: plain TCP in place of TLS and compression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.batches import TCP_FIN, TCP_RST, TCP_SYN
from analyzer.sharing.frames import WINDOW, MadeConnection
from analyzer.sharing.plain import Piece, PlainReader

PackedEnds = tuple[tuple[bytes, int], tuple[bytes, int]]
# Flags whose frame is made, whatever it held.
_SHOWN: Final = TCP_SYN | TCP_FIN | TCP_RST


class OpenedConnections:
    """Makes the frames anew, each where a frame of its connection stood. `ends` gives both ends of a connection."""

    def __init__(self, opened: set[int], plain: PlainReader, ends: Callable[[int], PackedEnds]) -> None:
        self.opened = opened
        self._plain = plain
        self._ends = ends
        self._made: dict[int, MadeConnection] = {}
        self._pieces: dict[int, list[Piece]] = {}

    def frames(self, number: int, side: int, place: int, length: int, flags: int, window: int) -> list[bytes]:
        """What the frame of this number, and a row of the ledger, becomes."""
        stream, sender = side >> 1, side & 1
        made = self._made.get(stream)
        if made is None:
            made = self._made[stream] = MadeConnection(self._ends(stream))
        made.begin(sender, place)
        if self._plain.due <= number:
            self._take(number)
        frames: list[bytes] = []
        mine = b""
        for piece in self._pieces.pop(stream, ()) if self._pieces else ():
            if piece.side != side or piece.missing:
                other = piece.side & 1
                made.begin(other, 0)
                if piece.data:
                    made.frames(other, 0, piece.data, WINDOW, frames)
                made.lose(other, piece.missing)
            else:
                mine = mine + piece.data if mine else piece.data
        if mine or flags & _SHOWN or not length:
            made.frames(sender, flags, mine, window, frames)
        return frames

    def _take(self, number: int) -> None:
        """The text that came up to the frame of this number."""
        for piece in self._plain.up_to(number):
            if piece.side >> 1 in self.opened:
                self._pieces.setdefault(piece.side >> 1, []).append(piece)

"""What TLS holds that stays sealed: a login of a known shape and plain turns, as they may be seen.

It becomes the text of the connection when that is over. Where something else comes, all of it is decoded after all,
packet by packet, and what was made stands in for what would be made of each once more.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.conversation.login_shapes import LoginShape
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.protocol.machine.machine import CLIENT, SERVER
from analyzer.protocol.wire.framing import HEADER, RawPacket, encode_packet

_HEADER: Final = HEADER


class SealedText:
    """Takes text in order: `pieces` say who said each, in which frame, and how it is to be written."""

    __slots__ = ("_at", "_said", "pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[tuple[int, int, bytes | bytearray]] = []
        self.size = 0
        # By role, once it is decoded after all: what it said, and how much of that was asked for.
        self._said: list[bytes] = []
        self._at = [0, 0]

    def put(self, role: int, frame: int, made: bytes | bytearray) -> None:
        """Packets that end in one frame."""
        self.pieces.append((role, frame, made))
        self.size += len(made)

    def turn(self, turn: PlainTurn, asked: bytes, answered: bytes | bytearray) -> None:
        """A turn: each packet of the response is of the frame that it ends in."""
        self.put(CLIENT, turn.frame, asked)
        pieces, (_, middle, stop) = turn.pieces, turn.span
        segments, octets = pieces.segments, answered
        told = at = end = 0
        for piece in range(middle, stop):
            row = pieces.row[piece]
            end += segments.length[row]
            while at + _HEADER <= end:
                behind = at + _HEADER + (octets[at] | octets[at + 1] << 8 | octets[at + 2] << 16)
                if behind > end:
                    break
                at = behind
            if at > told:
                self.put(SERVER, segments.frame[row], answered[told:at])
                told = at

    def again(self, role: int, size: int) -> bytes | None:
        """The next `size` bytes that a side said; None where there are no more."""
        if not self._said:
            self._said = [b"".join([made for who, _, made in self.pieces if who == one]) for one in (0, 1)]
        at = self._at[role]
        if at + size > len(self._said[role]):
            return None
        self._at[role] += size
        return self._said[role][at : at + size]

    def payload(self, role: int, packet: RawPacket) -> bytes | None:
        """What a packet became."""
        if packet.length != len(packet.payload):
            return None
        made = self.again(role, len(encode_packet(packet.payload, packet.first_sequence_id)))
        return made[_HEADER:] if made is not None and len(made) == _HEADER + packet.length else None


class UnseenLogin:
    """A login inside of TLS whose shape is known, but not what becomes of it: it is decoded, and noted here.

    contents  its pieces; `made` is what became of each, None where its packets are not all that is in it
    before    what had been replaced, and zeroed, before it
    """

    __slots__ = ("_at", "_written", "before", "contents", "made", "shape")

    def __init__(self, shape: LoginShape, contents: list[bytes], before: tuple[dict[str, int], int]) -> None:
        self.shape = shape
        self.contents = contents
        self.before = before
        self.made: list[bytes | None] = []
        # Of the piece in hand: how much of it has come, and what was written in its place.
        self._at = 0
        self._written = b""

    def take(self, packet: RawPacket, written: bytes) -> bool:
        """The next packet, and what is written in its place; whether it was the last."""
        content = self.contents[len(self.made)]
        raw = encode_packet(packet.payload, packet.first_sequence_id)
        known = content.startswith(raw, self._at) and len(raw) == len(written)
        self._at += len(raw)
        self._written += written
        if not known or self._at == len(content):
            self.made.append(self._written if known else None)
            self._at, self._written = 0, b""
        return len(self.made) == len(self.contents)

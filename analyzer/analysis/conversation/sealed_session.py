"""TLS 1.3 of which nothing shows but hellos that are known and records of some size, or that opens as most sessions do.

What is told of such a session rests on its outline: who sent which records in which order, what the hellos say but
for what is made anew, and where there are keys what came of the handshake. The bytes are kept: where something else
comes, the session goes the whole way from its first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from analyzer.batches import copied
from analyzer.net.tcp.pieces import Pieces, pieces_of
from analyzer.tls.hello import CLIENT_HELLO, SERVER_HELLO, TLS13
from analyzer.tls.records import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, LONGEST_RECORD, RECORD_HEADER

if TYPE_CHECKING:
    from analyzer.tls.clean_opening import CleanOpener
    from analyzer.tls.hello import ServerHello
    from analyzer.tls.keylog import KeyLog
    from analyzer.tls.memo import HelloSeen, KnownHello, TlsMemo

# Segments before TLS: the greeting and the SSLRequest.
BEGUN: Final = 2
# Segments that are kept of a session, and their bytes.
MOST_SEGMENTS: Final = 64
MOST_BYTES: Final = 1 << 14
# Of a handshake message: type and length; and in a hello the random behind its version.
MESSAGE_HEADER: Final = 4
RANDOM_END: Final = 34
# Stand in an outline between headers of records, of which none begins so.
BY_CLIENT: Final = b"\0"
BY_SERVER: Final = b"\1"
ENDS: Final = b"\2"
# Constants of others, once more: here they are numbers of C.
_APPLICATION_DATA: Final = APPLICATION_DATA
_CHANGE_CIPHER_SPEC: Final = CHANGE_CIPHER_SPEC
_HANDSHAKE: Final = HANDSHAKE
_HEADER: Final = RECORD_HEADER
_LONGEST: Final = LONGEST_RECORD
# Where the length stands in a header.
_LENGTH: Final = 3


class SealedSession:
    """TLS behind an SSLRequest: a segment is taken where it is whole records.

    contents, senders, frames, times   of its segments; `held`: their bytes
    outline   who sent each segment, the headers of its records (without the length where they are opened), and where
              the first side ended the connection
    ended     how many segments came before that
    client_hello, server_hello   equal (the same) where hellos are alike
    random    the client's
    over      nothing more comes
    keys      what opens it; None where no key can come
    opener    who opens it, once both hellos were seen
    opened    what its records held that nobody has taken yet: bytes, sender, frame and time of each
    """

    __slots__ = (
        *("_client", "_memo", "client_hello", "contents", "ended", "frames", "held", "keys", "opened"),
        *("opener", "outline", "over", "random", "senders", "server_hello", "times"),
    )

    def __init__(self, client: int, memo: TlsMemo, keys: KeyLog | None = None) -> None:
        self._client = client
        self._memo = memo
        self.contents: list[bytes] = []
        self.senders: list[int] = []
        self.frames: list[int] = []
        self.times: list[int] = []
        self.held = 0
        self.outline = bytearray()
        self.ended = -1
        self.client_hello: KnownHello[HelloSeen] | None = None
        self.server_hello: KnownHello[ServerHello] | None = None
        self.random = b""
        self.over = False
        self.keys = keys
        self.opener: CleanOpener | None = None
        self.opened: list[tuple[bytes, int, int, int]] = []

    def take(self, pieces: Pieces, first: int, last: int) -> int:
        """Goes on with pieces while there is nothing else to them; the first that is not taken."""
        segments = pieces.segments
        while first < last:
            row = pieces.row[first]
            sender, frame, time_ns = segments.sender[row], segments.frame[row], segments.time_ns[row]
            data = pieces.content(first, first + 1)
            if self.held + len(data) > MOST_BYTES or len(self.frames) >= MOST_SEGMENTS:
                break
            if self.frames and (frame <= self.frames[-1] or time_ns < self.times[-1]):
                break
            if not self._is_records(data, sender, frame, time_ns):
                break
            self.contents.append(data)
            self.senders.append(sender)
            self.frames.append(frame)
            self.times.append(time_ns)
            self.held += len(data)
            first += 1
        return first

    def _is_records(self, data: bytes, sender: int, frame: int, time_ns: int) -> bool:
        """Whether a segment is whole records that say nothing but their size or are opened, and hellos that are
        known."""
        outline, by_client = self.outline, sender == self._client
        outline += BY_CLIENT if by_client else BY_SERVER
        size, pos = len(data), 0
        while pos < size:
            if size - pos < _HEADER or data[pos + 1] != 3 or not 1 <= data[pos + 2] <= 4:
                return False
            kind, length = data[pos], data[pos + 3] << 8 | data[pos + 4]
            begin = pos + _HEADER
            stop = begin + length
            if stop > size or length > _LONGEST:
                return False
            header = copied(data, pos, begin)
            if kind == _HANDSHAKE:
                if not self._is_known(copied(data, begin, stop), by_client):
                    return False
            elif self.client_hello is None or not (
                kind == _APPLICATION_DATA or (kind == _CHANGE_CIPHER_SPEC and length == 1)
            ):
                return False
            elif self.keys is not None and kind == _APPLICATION_DATA:
                if self.opener is None:
                    return False
                held = self.opener.open(not by_client, header, copied(data, begin, stop))
                if held is None:
                    return False
                if held:
                    self.opened.append((held, sender, frame, time_ns))
            # How much a record held matters where nobody knows what.
            outline += header if self.keys is None else copied(data, pos, pos + _LENGTH)
            pos = stop
        return True

    def _is_known(self, message: bytes, by_client: bool) -> bool:
        """Whether a handshake record is the hello that is due, whole, and like one that was seen."""
        if len(message) < MESSAGE_HEADER + RANDOM_END:
            return False
        if (message[1] << 16 | message[2] << 8 | message[3]) != len(message) - MESSAGE_HEADER:
            return False
        body = message[MESSAGE_HEADER:]
        if by_client:
            if self.client_hello is not None or message[0] != CLIENT_HELLO:
                return False
            self.client_hello = self._memo.known_client(body)
            self.random = body[2:RANDOM_END]
            return self.client_hello is not None
        if self.client_hello is None or self.server_hello is not None or message[0] != SERVER_HELLO:
            return False
        self.server_hello = self._memo.known_server(body)
        if self.server_hello is None or self.server_hello.seen.version != TLS13:
            return False
        return self.keys is None or self._may_open(self.keys, self.client_hello, self.server_hello)

    def _may_open(
        self, keys: KeyLog, client_hello: KnownHello[HelloSeen], server_hello: KnownHello[ServerHello]
    ) -> bool:
        """Whether all of its keys are there."""
        if not client_hello.seen.hello.early_data:
            self.opener = self._memo.opening(server_hello.seen.cipher_suite).opener(keys, self.random)
        return self.opener is not None

    def take_opened(self) -> Pieces:
        """What was opened, as pieces."""
        return pieces_of(self.opened)

    def end(self) -> None:
        """The first side ends the connection."""
        self.outline += ENDS
        self.ended = len(self.frames)

    def frames_with(self, end: int) -> list[int]:
        """The frames of its segments, with that of the end in its place."""
        return [*self.frames[: self.ended], end, *self.frames[self.ended :]]

    def segments(self) -> Iterator[tuple[int, bytes, int, int]]:
        """(sender, bytes, frame, time) of each segment."""
        return zip(self.senders, self.contents, self.frames, self.times, strict=True)

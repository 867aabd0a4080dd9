"""Opens TLS 1.3 whose records are all there and in their order, of which nothing else shows than most sessions have.

What comes of a handshake and of alerts goes into an outline: sessions with the same hellos, records of the same sizes
and the same outline are alike to who follows each message (`session`). Where anything else comes, they have to be
followed so.

Sources: RFC 8446 (4.4, 5.2, 5.4, 7.3).
"""

from __future__ import annotations

from typing import Final

from analyzer.tls import hello, keylog
from analyzer.tls.ciphers import Aead13
from analyzer.tls.keylog import KeyLog
from analyzer.tls.keys import protection13
from analyzer.tls.records import ALERT, APPLICATION_DATA, CLIENT, HANDSHAKE
from analyzer.tls.suites import Suite

# Of the client and of the server: for the handshake, and for what comes behind it.
_SECRETS: Final = (
    (keylog.CLIENT_HANDSHAKE, keylog.CLIENT_APPLICATION),
    (keylog.SERVER_HANDSHAKE, keylog.SERVER_APPLICATION),
)
# Messages of a handshake of which every byte may matter, and those that are made anew for each session.
_SAID: Final = frozenset(
    {hello.ENCRYPTED_EXTENSIONS, hello.CERTIFICATE_REQUEST, hello.CERTIFICATE, hello.COMPRESSED_CERTIFICATE}
)
_FRESH: Final = frozenset({hello.CERTIFICATE_VERIFY, hello.FINISHED})
_MESSAGE_HEADER: Final = 4
_ALERT_SIZE: Final = 2


class CleanOpener:
    """Opens the records of a session in the order of the capture.

    outline  what it held beside application data, and the sizes of its records' contents
    """

    __slots__ = ("_keys", "_now", "_sequences", "outline")

    def __init__(self, keys: list[tuple[Aead13, Aead13]]) -> None:
        self._keys = keys
        self._now = [0, 0]
        self._sequences = [0, 0]
        self.outline = bytearray()

    def open(self, sender: int, header: bytes, body: bytes) -> bytes | None:
        """The application data of a record, empty where it holds something else; None where the session has to be
        followed message by message."""
        now, number = self._now[sender], self._sequences[sender]
        aead = self._keys[sender][now]
        opened = aead.open(number, header, body)
        if not opened:
            return None
        self._sequences[sender] = number + 1
        end = len(opened) - 1
        if not opened[end]:
            end = len(opened.rstrip(b"\0")) - 1
            if end < 0:
                return None
        kind = opened[end]
        self.outline += bytes((kind, end >> 16 & 0xFF, end >> 8 & 0xFF, end & 0xFF))
        if not end:
            return None
        if kind == APPLICATION_DATA:
            return _part(opened, 0, end) if now else None
        if kind == HANDSHAKE:
            return b"" if self._messages(sender, opened, end) else None
        if kind == ALERT and end == _ALERT_SIZE:
            self.outline += opened[:end]
            return b""
        return None

    def _messages(self, sender: int, data: bytes, end: int) -> bool:
        """Whether the contents of a record, up to `end`, are whole handshake messages that come where they are due."""
        pos = 0
        while pos < end:
            if end - pos < _MESSAGE_HEADER:
                return False
            kind = data[pos]
            stop = pos + _MESSAGE_HEADER + (data[pos + 1] << 16 | data[pos + 2] << 8 | data[pos + 3])
            if stop > end:
                return False
            if self._now[sender]:
                if kind != hello.NEW_SESSION_TICKET or sender == CLIENT:
                    return False
                self.outline += _part(data, pos, pos + _MESSAGE_HEADER)
            elif kind in _SAID:
                self.outline += _part(data, pos, stop)
            elif kind in _FRESH:
                self.outline += _part(data, pos, pos + _MESSAGE_HEADER)
            else:
                return False
            if kind == hello.FINISHED:
                if stop < end:
                    return False
                self._now[sender], self._sequences[sender] = 1, 0
            pos = stop
        return True


def _part(data: bytes, begin: int, end: int) -> bytes:
    """The bytes from `begin` up to `end`, which lie inside."""
    return data[begin:end]


def clean_opener(log: KeyLog, suite: Suite, random: bytes) -> CleanOpener | None:
    """Who opens a session; None where not all of its secrets are there, or they are not the suite's."""
    keys = []
    for of_handshake, behind_it in _SECRETS:
        first, second = log.find(of_handshake, random), log.find(behind_it, random)
        if first is None or second is None:
            return None
        early, late = protection13(suite, first), protection13(suite, second)
        if early is None or late is None:
            return None
        keys.append((early, late))
    return CleanOpener(keys)

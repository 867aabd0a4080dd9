"""Opens TLS 1.3 whose records are all there and in their order, of which nothing else shows than most sessions have.

What comes of a handshake and of alerts goes into an outline: sessions with the same hellos and the same outline are
alike to who follows each message (`session`), whatever the sizes of their records. Where anything else comes, they have
to be followed so.

Sources: RFC 8446 (4.4, 5.2, 5.4, 7.3).
"""

from __future__ import annotations

from typing import Final

from analyzer.tls import hello, keylog
from analyzer.tls.ciphers import Aead13
from analyzer.tls.keylog import KeyLog
from analyzer.tls.keys import Schedule13
from analyzer.tls.records import ALERT, APPLICATION_DATA, CLIENT, HANDSHAKE
from analyzer.tls.suites import Suite

# Of the client and of the server: for the handshake, and for what comes behind it.
_SECRETS: Final = (
    *(keylog.CLIENT_HANDSHAKE, keylog.CLIENT_APPLICATION),
    *(keylog.SERVER_HANDSHAKE, keylog.SERVER_APPLICATION),
)
_MESSAGE_HEADER: Final = 4
_ALERT_SIZE: Final = 2
# Constants of others, once more: here they are numbers of C.
_ALERT: Final = ALERT
_APPLICATION_DATA: Final = APPLICATION_DATA
_HANDSHAKE: Final = HANDSHAKE
_CLIENT: Final = CLIENT
_TICKET: Final = hello.NEW_SESSION_TICKET
_FINISHED: Final = hello.FINISHED
# Messages of a handshake that are made anew for each session, and those of which every byte may matter.
_VERIFY: Final = hello.CERTIFICATE_VERIFY
_EXTENSIONS: Final = hello.ENCRYPTED_EXTENSIONS
_REQUEST: Final = hello.CERTIFICATE_REQUEST
_CERTIFICATE: Final = hello.CERTIFICATE
_COMPRESSED: Final = hello.COMPRESSED_CERTIFICATE


class CleanOpener:
    """Opens the records of a session in the order of the capture.

    outline  what each record is, and what the session held beside application data
    """

    __slots__ = ("_keys", "_now", "_sequences", "outline")

    def __init__(self, keys: list[Aead13]) -> None:
        """`keys`: of the client and of the server, each for the handshake, and for what comes behind it."""
        self._keys = keys
        self._now = [0, 0]
        self._sequences = [0, 0]
        self.outline = bytearray()

    def open(self, sender: int, header: bytes, body: bytes) -> bytes | None:
        """The application data of a record, empty where it holds something else; None where the session has to be
        followed message by message."""
        side = 0 if sender == _CLIENT else 1
        now, number = self._now[side], self._sequences[side]
        aead = self._keys[2 * side + now]
        opened = aead.open(number, header, body)
        if not opened:
            return None
        self._sequences[side] = number + 1
        end = len(opened) - 1
        while end and not opened[end]:
            end -= 1
        kind, outline = opened[end], self.outline
        if not end:
            return None
        outline.append(kind)
        if kind == _APPLICATION_DATA:
            return _part(opened, 0, end) if now else None
        if kind == _HANDSHAKE:
            return b"" if self._messages(side, opened, end) else None
        if kind == _ALERT and end == _ALERT_SIZE:
            outline += _part(opened, 0, end)
            return b""
        return None

    def _messages(self, side: int, data: bytes, end: int) -> bool:
        """Whether the contents of a record, up to `end`, are whole handshake messages that come where they are due."""
        outline = self.outline
        pos = 0
        while pos < end:
            if end - pos < _MESSAGE_HEADER:
                return False
            kind = data[pos]
            stop = pos + _MESSAGE_HEADER + (data[pos + 1] << 16 | data[pos + 2] << 8 | data[pos + 3])
            if stop > end:
                return False
            if self._now[side]:
                if kind != _TICKET or side == _CLIENT:
                    return False
                outline.append(kind)
            elif kind in (_EXTENSIONS, _CERTIFICATE, _REQUEST, _COMPRESSED):
                outline += _part(data, pos, stop)
            elif kind in (_VERIFY, _FINISHED):
                outline.append(kind)
            else:
                return False
            if kind == _FINISHED:
                if stop < end:
                    return False
                self._now[side], self._sequences[side] = 1, 0
            pos = stop
        return True


def _part(data: bytes, begin: int, end: int) -> bytes:
    """The bytes from `begin` up to `end`, which lie inside."""
    return data[begin:end]


class CleanOpening:
    """Makes who opens the sessions of one cipher suite."""

    __slots__ = ("_schedule",)

    def __init__(self, suite: Suite) -> None:
        self._schedule = Schedule13(suite)

    def opener(self, log: KeyLog, random: bytes) -> CleanOpener | None:
        """Who opens a session; None where not all of its secrets are there, or they are not the suite's."""
        keys = []
        for label in _SECRETS:
            secret = log.find(label, random)
            if secret is None:
                return None
            key = self._schedule.protection(secret)
            if key is None:
                return None
            keys.append(key)
        return CleanOpener(keys)

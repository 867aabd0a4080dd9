"""TLS records that could not be opened: their form stays, what names somebody goes.

Hello messages keep versions, suites, extensions and groups; random numbers, session ids, tickets, names and keys are
replaced, and so are the names, keys and signatures of certificates. What is encrypted becomes other bytes of the same
number: it could be opened by nobody who has not the keys, and now by nobody at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from analyzer.sharing.redaction.certificates import CertificateRedactor
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.replacements import Replacements, difference
from analyzer.sharing.redaction.shapes import FreeField, PacketShapes, Redacted
from analyzer.tls import hello as tls
from analyzer.tls.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    LONGEST_MESSAGE,
    LONGEST_RECORD,
    RECORD_HEADER,
)
from analyzer.tls.tables import CIPHER_SUITES, GROUPS, VERSIONS

# Extensions that say nothing of anybody (IANA, "TLS ExtensionType Values").
_OPEN: Final = frozenset({5, 11, 17, 22, 23, 27, 28, 42, 45, 49}) | tls.GREASE
# And how long they are at most: what is longer is something else.
_LONGEST_OPEN: Final = 8
_VERSIONS: Final = frozenset(VERSIONS) | tls.GREASE
_GROUPS: Final = frozenset(GROUPS) | tls.GREASE
# Of unknown suites those that are numbered like the known ones.
_SUITES: Final = (
    frozenset(CIPHER_SUITES)
    | tls.GREASE
    | {0x5600}
    | frozenset(high << 8 | low for high in (0x00, 0x13, 0xC0, 0xCC, 0xFE, 0xFF) for low in range(256))
)
# Signature algorithms (IANA, "TLS SignatureScheme"), the pairs of TLS 1.2 (RFC 5246, 7.4.1.4.1) among them.
_SIGNATURES: Final = (
    frozenset(hashed << 8 | signed for hashed in range(9) for signed in range(16))
    | frozenset(range(0x0704, 0x0710))
    | frozenset(range(0x0804, 0x0820))
    | frozenset(range(0x0904, 0x0914))
    | tls.GREASE
)
# Extension -> bytes of the length in front, and the numbers that may be in its list.
_LISTS: Final = {
    tls.EXT_GROUPS: (2, _GROUPS),
    tls.EXT_SIGNATURE_ALGORITHMS: (2, _SIGNATURES),
    50: (2, _SIGNATURES),
    34: (2, _SIGNATURES),
    tls.EXT_SUPPORTED_VERSIONS: (1, _VERSIONS),
}
_COOKIE: Final = 44
_RENEGOTIATION: Final = 0xFF01
_PROTOCOLS: Final = frozenset(
    {b"mysql", b"http/1.1", b"h2", b"mariadb", b"postgresql", b"istio", b"istio-peer-exchange", b"istio-http/1.0"}
)
_SERVER_HELLO_DONE: Final = 14
_CERTIFICATE_VERIFY: Final = 15
_NAMED_CURVE: Final = 3
# By what hellos of a client and of a server are known among shapes.
_HELLOS: Final = {True: "ClientHello", False: "ServerHello"}
_CERTIFICATE_TYPES: Final = frozenset({1, 2, 3, 4, 64, 65, 66})


class TlsRedactor:
    """One direction of one connection. `feed` takes its bytes in order and gives as many back, some of them later.

    `encrypted` counts the records that became other bytes: whether they are written anybody knows at the end alone.
    """

    __slots__ = (
        *("_certificates", "_ciphered", "_drawing", "_group", "_keep", "_random", "_records"),
        *("_replacements", "_seed", "_shapes", "_waiting", "encrypted"),
    )

    def __init__(
        self, replacements: Replacements, keep: KeptKinds, seed: bytes, shapes: PacketShapes | None = None
    ) -> None:
        """`shapes`: hellos that differ in what is random alone are looked at once."""
        self._shapes = shapes
        # Of the hello that was looked at last: where what is random in it stands.
        self._random: list[FreeField] = []
        self._replacements = replacements
        self._drawing = replacements.drawing
        self._keep = keep
        self._certificates = CertificateRedactor(replacements, keep)
        self._seed = seed
        self._records = 0
        self.encrypted = 0
        self._waiting = b""
        # Heads and bodies of handshake records whose last message goes on in the next.
        self._group: list[tuple[bytes, bytes]] = []
        self._ciphered = False

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return len(self._waiting) + sum([RECORD_HEADER + len(body) for _, body in self._group])

    def feed(self, data: bytes) -> bytes:
        """The redacted bytes of all that is whole now."""
        data = self._waiting + data if self._waiting else data
        out, at, end = bytearray(), 0, len(data)
        while end - at >= RECORD_HEADER:
            kind, begin = data[at], at + RECORD_HEADER
            stop = begin + (data[at + 3] << 8 | data[at + 4])
            if not (20 <= kind <= 23 and data[at + 1] == 3) or stop - begin > LONGEST_RECORD:
                # No record: nobody knows what it is.
                out += self._grouped() + bytes(end - at)
                at = end
                break
            if end < stop:
                break
            head, body = data[at:begin], data[begin:stop]
            at = stop
            self._records += 1
            if kind == HANDSHAKE and (not self._ciphered or _is_hello(body)):
                self._group.append((head, body))
                if self._is_whole():
                    out += self._grouped()
                continue
            if self._group:
                out += self._grouped()
            out += head
            out += self._record(kind, body)
        self._waiting = data[at:]
        return bytes(out)

    def finish(self) -> bytes:
        """Nothing more comes, or bytes are missing: what waited is given back."""
        out = self._grouped() + bytes(len(self._waiting))
        self._waiting = b""
        self._ciphered = True  # what comes can not be told from what is encrypted
        return out

    def _record(self, kind: int, body: bytes) -> bytes:
        if kind == CHANGE_CIPHER_SPEC and len(body) == 1:
            self._ciphered = True
            return b"\x01"
        if kind == ALERT and len(body) == 2:
            return body
        if kind in (APPLICATION_DATA, ALERT, HANDSHAKE):
            self.encrypted += 1
            return self._drawing.sealed(self._seed, self._records, len(body))
        return bytes(len(body))

    # -- handshake messages --------------------------------------------------------------------------------------------

    def _is_whole(self) -> bool:
        """Whether the last message of the records in hand is complete, or too long to wait for."""
        data = b"".join([body for _, body in self._group])
        at = 0
        while at + 4 <= len(data):
            at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        return at == len(data) or len(data) > LONGEST_MESSAGE

    def _grouped(self) -> bytes:
        """The records in hand; of a message that is not complete the head alone."""
        group, self._group = self._group, []
        data = b"".join([body for _, body in group])
        made = bytearray()
        while len(made) + 4 <= len(data):
            at = len(made)
            stop = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
            if stop > len(data):
                made += data[at : at + 4]
                break
            made += data[at : at + 4] + self._message(data[at], data[at + 4 : stop])
        made += bytes(len(data) - len(made))
        out, at = bytearray(), 0
        for head, body in group:
            out += head + made[at : at + len(body)]
            at += len(body)
        return bytes(out)

    def _message(self, kind: int, body: bytes) -> bytes:
        made: bytes | None = None
        if kind == tls.CLIENT_HELLO:
            made = self._known_hello(body, client=True)
        elif kind == tls.SERVER_HELLO:
            made = self._known_hello(body, client=False)
        elif kind == tls.CERTIFICATE:
            made = self._certificate(body)
        elif kind == tls.NEW_SESSION_TICKET and len(body) >= 6:
            made = body[:6] + self._noise(body[6:])
        elif kind == tls.SERVER_KEY_EXCHANGE:
            head = 4 if body[:1] == bytes([_NAMED_CURVE]) else 0
            made = body[:head] + self._noise(body[head:])
        elif kind in (tls.CLIENT_KEY_EXCHANGE, _CERTIFICATE_VERIFY, tls.FINISHED):
            made = self._noise(body)
        elif kind in (tls.HELLO_REQUEST, _SERVER_HELLO_DONE):
            made = bytes(len(body))
        elif kind == tls.CERTIFICATE_REQUEST:
            made = _request(body)
        return made if made is not None and len(made) == len(body) else bytes(len(body))

    def _noise(self, raw: bytes) -> bytes:
        return self._replacements.noise("nonces", raw)

    def _known_hello(self, body: bytes, client: bool) -> bytes | None:
        """A hello, most of which others have been."""
        shapes, counts = self._shapes, self._replacements.counts
        if shapes is None or (not client and body[2:34] == tls.HELLO_RETRY):
            return self._hello(body, client)
        found = shapes.made(_HELLOS[client], body)
        if found is not None:
            return found.payload
        before = dict(counts)
        made = self._hello(body, client)
        if made is not None and len(made) == len(body):
            shapes.learn(_HELLOS[client], body, Redacted(made, 0), tuple(self._random), difference(counts, before))
        return made

    def _hello(self, body: bytes, client: bool) -> bytes | None:
        """Version, random, session id, suites, compression, extensions."""
        if len(body) < 35:
            return None
        retry = not client and body[2:34] == tls.HELLO_RETRY
        out = body[:2] + (body[2:34] if retry else self._noise(body[2:34]))
        at = 34 + 1 + body[34]
        out += body[34:35] + self._noise(body[35:at])
        self._random = [(2, 34, self._noise), (35, min(at, len(body)), self._noise)]
        if client:
            for width in (2, 1):
                stop = at + width + int.from_bytes(body[at : at + width], "big")
                listed = body[at + width : stop]
                # Suites are known or zero; there are few ways to compress.
                out += body[at : at + width]
                out += _known(listed, _SUITES) if width == 2 else bytes(one if one < 2 else 0 for one in listed)
                at = stop
        else:
            out += body[at : at + 3]
            at += 3
        if at >= len(body):
            return out
        out += body[at : at + 2]
        at += 2
        while at + 4 <= len(body):
            kind, size = int.from_bytes(body[at : at + 2], "big"), int.from_bytes(body[at + 2 : at + 4], "big")
            if at + 4 + size > len(body):
                return None
            made = self._extension(kind, body[at + 4 : at + 4 + size], client)
            if kind == tls.EXT_KEY_SHARE and any(made):  # it is understood
                self._random += _keys_in(body, at + 4, at + 4 + size, client, self._noise)
            out += body[at : at + 4] + made
            at += 4 + size
        return out if at == len(body) else None

    def _extension(self, kind: int, data: bytes, client: bool) -> bytes:
        made: bytes | None = None
        if kind in _OPEN and len(data) <= _LONGEST_OPEN:
            made = data
        elif kind in _LISTS and len(data) == 2 and not client:
            made = _known(data, _LISTS[kind][1])
        elif kind in _LISTS:
            width, known = _LISTS[kind]
            made = data[:width] + _known(data[width:], known)
        elif kind == tls.EXT_SERVER_NAME:
            made = self._server_name(data)
        elif kind == tls.EXT_ALPN:
            made = self._protocols(data)
        elif kind == tls.EXT_KEY_SHARE:
            made = self._key_shares(data, client)
        elif kind == tls.EXT_PRE_SHARED_KEY:
            made = self._pre_shared(data) if client else data[:2]
        elif kind == _RENEGOTIATION:
            made = data[:1] + self._noise(data[1:])
        elif kind == _COOKIE:
            made = data[:2] + self._noise(data[2:])
        elif kind == tls.EXT_SESSION_TICKET:
            made = self._noise(data)
        return made if made is not None and len(made) == len(data) else bytes(len(data))

    def _server_name(self, data: bytes) -> bytes:
        """A list of (type, name): RFC 6066 section 3."""
        if len(data) < 5:
            return bytes(len(data))
        return data[:5] + self._name(data[5:])

    def _name(self, raw: bytes) -> bytes:
        return raw if "names" in self._keep.kinds else self._replacements.text("names", raw)

    def _protocols(self, data: bytes) -> bytes | None:
        out, at = data[:2], 2
        while at < len(data):
            name = data[at + 1 : at + 1 + data[at]]
            out += data[at : at + 1] + (name if name in _PROTOCOLS else self._name(name))
            at += 1 + data[at]
        return out

    def _key_shares(self, data: bytes, client: bool) -> bytes | None:
        """Groups stay; the keys are random numbers."""
        if len(data) == 2:
            return data  # of a HelloRetryRequest: the group alone
        out, at = (data[:2], 2) if client else (b"", 0)
        while at + 4 <= len(data):
            size = int.from_bytes(data[at + 2 : at + 4], "big")
            out += data[at : at + 4] + self._noise(data[at + 4 : at + 4 + size])
            at += 4 + size
        return out

    def _pre_shared(self, data: bytes) -> bytes | None:
        """Identities with their ages, then binders: RFC 8446, 4.2.11."""
        if len(data) < 2:
            return None
        end = 2 + int.from_bytes(data[:2], "big")
        out, at = data[:2], 2
        while at + 2 <= min(end, len(data)):
            size = int.from_bytes(data[at : at + 2], "big")
            out += data[at : at + 2] + self._noise(data[at + 2 : at + 2 + size + 4])
            at += 2 + size + 4
        out += data[at : at + 2]
        at += 2
        while at < len(data):
            out += data[at : at + 1] + self._noise(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        return out

    def _certificate(self, body: bytes) -> bytes | None:
        """A list of certificates (RFC 5246, 7.4.2)."""
        if len(body) < 3 or int.from_bytes(body[:3], "big") != len(body) - 3:
            return None
        out, at = body[:3], 3
        while at + 3 <= len(body):
            size = int.from_bytes(body[at : at + 3], "big")
            out += body[at : at + 3] + self._certificates.redact(body[at + 3 : at + 3 + size])
            at += 3 + size
        return out


def _keys_in(body: bytes, start: int, stop: int, client: bool, rule: Callable[[bytes], bytes]) -> Iterator[FreeField]:
    """Where the keys of an extension stand."""
    at = start + 2 if client else start
    while at + 4 <= stop and (client or stop - start > 2):
        size = int.from_bytes(body[at + 2 : at + 4], "big")
        if at + 4 + size <= stop:
            yield at + 4, at + 4 + size, rule
        at += 4 + size


def _known(listed: bytes, known: frozenset[int]) -> bytes:
    """Numbers of 16 bits, those that are not known as zeros."""
    pairs = (listed[at : at + 2] for at in range(0, len(listed), 2))
    return b"".join(
        pair if int.from_bytes(pair, "big") in known and len(pair) == 2 else bytes(len(pair)) for pair in pairs
    )


def _is_hello(body: bytes) -> bool:
    """Whether a record is one hello: in TLS 1.3 they may follow a ChangeCipherSpec, which means nothing there."""
    return body[:1] in (b"\x01", b"\x02") and int.from_bytes(body[1:4], "big") == len(body) - 4


def _request(body: bytes) -> bytes | None:
    """Types and algorithms stay; of the names of authorities only their lengths (RFC 5246, 7.4.4)."""
    if not body:
        return None
    at = 1 + body[0]
    stop = at + 2 + int.from_bytes(body[at : at + 2], "big")
    types = bytes(one if one in _CERTIFICATE_TYPES else 0 for one in body[1:at])
    made = body[:1] + types + body[at : at + 2] + _known(body[at + 2 : stop], _SIGNATURES) + body[stop : stop + 2]
    return made + bytes(max(len(body) - len(made), 0))

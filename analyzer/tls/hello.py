"""ClientHello, ServerHello, EncryptedExtensions and ServerKeyExchange, as far as a bystander needs them.

Sources: RFC 8446 (4.1, 4.2, 4.3.1), RFC 5246 (7.4.1), RFC 6066 (server_name), RFC 7301 (ALPN), RFC 8422 (named curves),
RFC 7366 (encrypt_then_mac), RFC 7627 (extended_master_secret), RFC 5077 (tickets), RFC 8701 (GREASE).
"""

from __future__ import annotations

from typing import Final

import msgspec

HELLO_REQUEST: Final = 0
CLIENT_HELLO: Final = 1
SERVER_HELLO: Final = 2
NEW_SESSION_TICKET: Final = 4
END_OF_EARLY_DATA: Final = 5
ENCRYPTED_EXTENSIONS: Final = 8
CERTIFICATE: Final = 11
SERVER_KEY_EXCHANGE: Final = 12
CERTIFICATE_REQUEST: Final = 13
CERTIFICATE_VERIFY: Final = 15
CLIENT_KEY_EXCHANGE: Final = 16
FINISHED: Final = 20
KEY_UPDATE: Final = 24
COMPRESSED_CERTIFICATE: Final = 25

EXT_SERVER_NAME: Final = 0
EXT_GROUPS: Final = 10
EXT_POINT_FORMATS: Final = 11
EXT_SIGNATURE_ALGORITHMS: Final = 13
EXT_ALPN: Final = 16
EXT_ENCRYPT_THEN_MAC: Final = 22
EXT_EXTENDED_MASTER_SECRET: Final = 23
EXT_SESSION_TICKET: Final = 35
EXT_PRE_SHARED_KEY: Final = 41
EXT_EARLY_DATA: Final = 42
EXT_SUPPORTED_VERSIONS: Final = 43
EXT_KEY_SHARE: Final = 51

TLS12: Final = 0x0303
TLS13: Final = 0x0304

# RFC 8446, 4.1.3: a ServerHello with this random is a HelloRetryRequest.
HELLO_RETRY: Final = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
# RFC 8701: values a client makes up to keep servers tolerant.
GREASE: Final = frozenset(0x0A0A + 0x1010 * i for i in range(16))

_NAMED_CURVE: Final = 3


class ClientHello(msgspec.Struct, frozen=True):
    """RFC 8446, 4.1.2. Lists are in the order sent."""

    legacy_version: int
    random: bytes
    session_id: bytes
    cipher_suites: list[int]
    extensions: list[tuple[int, bytes]]
    versions: list[int]
    server_name: str | None = None
    alpn: list[bytes] = []
    groups: list[int] = []
    point_formats: list[int] = []
    signature_algorithms: list[int] = []
    key_shares: list[int] = []
    ticket: bytes = b""
    early_data: bool = False


class ServerHello(msgspec.Struct, frozen=True):
    """RFC 8446, 4.1.3. `retry`: it is a HelloRetryRequest. `psk`: a pre-shared key was taken up."""

    version: int
    random: bytes
    session_id: bytes
    cipher_suite: int
    retry: bool
    psk: bool = False
    key_share: int | None = None
    alpn: bytes | None = None
    encrypt_then_mac: bool = False
    extended_master_secret: bool = False


class _Bytes:
    """Takes a message apart from its front. Raises ValueError where it ends too early."""

    __slots__ = ("_data", "_pos")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pos = 0

    @property
    def position(self) -> int:
        return self._pos

    @property
    def left(self) -> int:
        return len(self._data) - self._pos

    def take(self, count: int) -> bytes:
        stop = self._pos + count
        if stop > len(self._data):
            raise ValueError(f"cut at byte {len(self._data)}")
        taken = self._data[self._pos : stop]
        self._pos = stop
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def _numbers(data: bytes) -> list[int]:
    """A vector of 16-bit numbers; an odd byte at its end is left out."""
    return [data[i] << 8 | data[i + 1] for i in range(0, len(data) - 1, 2)]


def _extensions(message: _Bytes) -> list[tuple[int, bytes]]:
    """RFC 8446, 4.2. A hello may end before them (RFC 5246, 7.4.1.2)."""
    if not message.left:
        return []
    block = _Bytes(message.vector(2))
    found = []
    while block.left:
        kind = block.number(2)
        found.append((kind, block.vector(2)))
    return found


def parse_client_hello(body: bytes) -> ClientHello:
    """Raises ValueError. An extension with bad contents is as one that is not there."""
    message = _Bytes(body)
    version = message.number(2)
    random = message.take(32)
    session_id = message.vector(1)
    suites = _numbers(message.vector(2))
    message.vector(1)
    extensions = _extensions(message)
    known = dict(extensions)
    versions = [version]
    if EXT_SUPPORTED_VERSIONS in known:
        versions = _numbers(known[EXT_SUPPORTED_VERSIONS][1:])
    return ClientHello(
        version,
        random,
        session_id,
        suites,
        extensions,
        versions,
        _server_name(known.get(EXT_SERVER_NAME, b"")),
        _protocols(known.get(EXT_ALPN, b"")),
        _numbers(known.get(EXT_GROUPS, b"")[2:]),
        list(known.get(EXT_POINT_FORMATS, b"")[1:]),
        _numbers(known.get(EXT_SIGNATURE_ALGORITHMS, b"")[2:]),
        _shares(known.get(EXT_KEY_SHARE, b"")),
        known.get(EXT_SESSION_TICKET, b""),
        EXT_EARLY_DATA in known,
    )


def fresh_of(body: bytes) -> list[slice]:
    """Where a ClientHello has bytes that are made anew for each session: random, session id, keys of its shares.

    Their lengths are not among them, so a hello that differs in nothing else is laid out alike. Raises ValueError.
    """
    message = _Bytes(body)
    message.take(34)
    session = message.number(1)
    at = message.position
    found = [slice(2, 34), slice(at, at + session)]
    message.take(session)
    message.vector(2)
    message.vector(1)
    return found + _fresh_shares(message, body, 2)  # behind the length of their list


def fresh_of_server(body: bytes) -> list[slice]:
    """The same of a ServerHello that is no HelloRetryRequest. Raises ValueError."""
    message = _Bytes(body)
    message.take(34)
    session = message.number(1)
    at = message.position
    found = [slice(2, 34), slice(at, at + session)]
    message.take(session + 3)
    return found + _fresh_shares(message, body, 0)


def _fresh_shares(message: _Bytes, body: bytes, skipped: int) -> list[slice]:
    """The keys in the extensions that `message` has before it; `skipped`: bytes in front of the first share."""
    found: list[slice] = []
    if not message.left:
        return found
    message.number(2)
    while message.left:
        kind, length = message.number(2), message.number(2)
        at = message.position
        if kind == EXT_KEY_SHARE:
            found += _fresh_keys(body, at + skipped, at + length)
        message.take(length)
    return found


def _fresh_keys(body: bytes, at: int, stop: int) -> list[slice]:
    """The public keys of a key_share extension, each behind its group and its length (RFC 8446, 4.2.8)."""
    found = []
    while at + 4 <= stop:
        length = int.from_bytes(body[at + 2 : at + 4], "big")
        found.append(slice(at + 4, min(at + 4 + length, stop)))
        at += 4 + length
    return found


def parse_server_hello(body: bytes) -> ServerHello:
    """Raises ValueError."""
    message = _Bytes(body)
    version = message.number(2)
    random = message.take(32)
    session_id = message.vector(1)
    suite = message.number(2)
    message.take(1)
    known = dict(_extensions(message))
    if len(known.get(EXT_SUPPORTED_VERSIONS, b"")) == 2:
        version = int.from_bytes(known[EXT_SUPPORTED_VERSIONS], "big")
    share = known.get(EXT_KEY_SHARE, b"")
    protocols = _protocols(known.get(EXT_ALPN, b""))
    return ServerHello(
        version,
        random,
        session_id,
        suite,
        random == HELLO_RETRY,
        EXT_PRE_SHARED_KEY in known,
        int.from_bytes(share[:2], "big") if len(share) >= 2 else None,
        protocols[0] if protocols else None,
        EXT_ENCRYPT_THEN_MAC in known,
        EXT_EXTENDED_MASTER_SECRET in known,
    )


def parse_encrypted_extensions(body: bytes) -> bytes | None:
    """The protocol chosen by EncryptedExtensions (RFC 8446, 4.3.1). Raises ValueError."""
    protocols = _protocols(dict(_extensions(_Bytes(body))).get(EXT_ALPN, b""))
    return protocols[0] if protocols else None


def named_curve(body: bytes) -> int | None:
    """The curve of an ECDHE ServerKeyExchange (RFC 8422, 5.4), None where none is named."""
    if len(body) >= 3 and body[0] == _NAMED_CURVE:
        return int.from_bytes(body[1:3], "big")
    return None


def _server_name(body: bytes) -> str | None:
    if len(body) < 5 or body[2] != 0:
        return None
    length = int.from_bytes(body[3:5], "big")
    return body[5 : 5 + length].decode("ascii", "backslashreplace")


def _protocols(body: bytes) -> list[bytes]:
    found = []
    pos = 2
    while pos < len(body):
        found.append(body[pos + 1 : pos + 1 + body[pos]])
        pos += 1 + body[pos]
    return found


def _shares(body: bytes) -> list[int]:
    found = []
    pos = 2
    while pos + 4 <= len(body):
        found.append(int.from_bytes(body[pos : pos + 2], "big"))
        pos += 4 + int.from_bytes(body[pos + 2 : pos + 4], "big")
    return found

"""Certificate messages: what a certificate says of itself, and how they lie in TLS."""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from analyzer.tls.records import LONGEST_MESSAGE

# RFC 8879, 7.3.
COMPRESSIONS: Final[dict[int, str]] = {1: "zlib", 2: "brotli", 3: "zstd"}
ZLIB: Final = 1

# A chain longer than this is no chain.
LONGEST_CHAIN: Final = 10


class CertificateSeen(msgspec.Struct, frozen=True):
    """One certificate of a chain. `self_signed`: its own key verifies its signature.

    `key` is type and size in words; times are ISO 8601, in UTC.
    """

    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    sha256: str
    key_type: str = ""
    key_size: int = 0
    signature_algorithm: str = ""
    self_signed: bool = False


def decompressed(body: bytes) -> bytes:
    """The Certificate message inside a CompressedCertificate (RFC 8879, 4), of which only zlib is known here.

    Raises ValueError.
    """
    if len(body) < 8:
        raise ValueError("cut")
    algorithm, size = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:5], "big")
    packed = body[8:]
    if int.from_bytes(body[5:8], "big") != len(packed) or size > LONGEST_MESSAGE:
        raise ValueError("its lengths can not be")
    if algorithm != ZLIB:
        raise ValueError(f"compressed with {COMPRESSIONS.get(algorithm, algorithm)}, which is not read here")
    try:
        content = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(content) != size:
        raise ValueError(f"{size} bytes were announced")
    return content


def split_chain(message: bytes, tls13: bool) -> list[bytes]:
    """The certificates of a Certificate message (RFC 5246, 7.4.2; RFC 8446, 4.4.2), the first `LONGEST_CHAIN` of them.

    Raises ValueError where a length leads past the end.
    """
    pos = 0
    if tls13:
        if not message:
            raise ValueError("empty")
        pos = 1 + message[0]
    stop = pos + 3 + int.from_bytes(message[pos : pos + 3], "big")
    if stop > len(message):
        raise ValueError("the chain is cut")
    pos += 3
    found: list[bytes] = []
    while pos + 3 <= stop and len(found) < LONGEST_CHAIN:
        end = pos + 3 + int.from_bytes(message[pos : pos + 3], "big")
        if end > stop:
            raise ValueError("a certificate is cut")
        found.append(message[pos + 3 : end])
        pos = end
        if tls13:
            pos += 2 + int.from_bytes(message[pos : pos + 2], "big")
    return found

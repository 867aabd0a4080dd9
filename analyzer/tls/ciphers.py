"""Record protection: what each cipher suite does to a record, undone and verified.

Sources: RFC 8446, 5.2 (TLS 1.3); RFC 5288 (AES-GCM), RFC 6655 (AES-CCM), RFC 7905 (ChaCha20-Poly1305); RFC 5246, 6.2.3
(block and null ciphers), RFC 2246, 6.2.3.2 (chained initialisation vectors), RFC 7366 (encrypt-then-MAC).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from analyzer.tls.suites import BLOCK, CCM, CHACHA, GCM, NULL, Body, Suite

try:
    from cryptography.hazmat.decrepit.ciphers import algorithms as decrepit
except ImportError:  # cryptography 42 has them all in one place
    decrepit = algorithms  # type: ignore[misc]

_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "MD5": hashes.MD5,
    "SHA": hashes.SHA1,
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
}


def hash_of(name: str) -> hashes.HashAlgorithm:
    """The hash function of a name as suites have it: SHA, SHA256 ..."""
    return _HASHES[name]()


class Protection(Protocol):
    """One direction's record protection under one key.

    `open` gives the plain text of a record, with TLS 1.3's inner type and padding still on; None where it does not
    verify.
    """

    def open(self, sequence: int, header: bytes, body: Body) -> bytes | None: ...

    def chain(self, before: bytes) -> None:
        """Says what bytes come before the next record, where some were missed: block ciphers of TLS 1.0 need them."""


class Aead13:
    """RFC 8446, 5.2 and 5.3: the nonce is the IV xor the sequence number, the header is authenticated as it is."""

    __slots__ = ("_decrypt", "_iv", "_nonce")

    def __init__(self, aead: AESGCM | AESCCM | ChaCha20Poly1305, iv: bytes) -> None:
        self._decrypt = aead.decrypt
        self._iv = iv
        self._nonce = bytearray(iv)

    def open(self, sequence: int, header: bytes, body: Body) -> bytes | None:
        iv, nonce = self._iv, self._nonce
        for place in range(11, 3, -1):
            nonce[place] = iv[place] ^ sequence & 0xFF
            sequence >>= 8
        try:
            return self._decrypt(nonce, body, header)
        except (InvalidTag, ValueError):
            return None

    def chain(self, before: bytes) -> None:
        pass


class Aead12:
    """RFC 5288, 3 and RFC 6655, 3: half of the nonce is sent; RFC 7905, 2: none of it is."""

    __slots__ = ("_aead", "_explicit", "_iv", "_salt", "_tag")

    def __init__(self, aead: AESGCM | AESCCM | ChaCha20Poly1305, iv: bytes, tag: int, explicit: bool) -> None:
        self._aead = aead
        self._salt = iv
        self._iv = int.from_bytes(iv, "big")
        self._tag = tag
        self._explicit = explicit

    def open(self, sequence: int, header: bytes, body: Body) -> bytes | None:
        if self._explicit:
            nonce = self._salt + bytes(body[:8])
            body = body[8:]
        else:
            nonce = (self._iv ^ sequence).to_bytes(12, "big")
        length = len(body) - self._tag
        if length < 0:
            return None
        data = sequence.to_bytes(8, "big") + header[:3] + length.to_bytes(2, "big")
        try:
            return self._aead.decrypt(nonce, body, data)
        except (InvalidTag, ValueError):
            return None

    def chain(self, before: bytes) -> None:
        pass


class _Mac:
    """RFC 5246, 6.2.3.1: HMAC over sequence number, header and contents."""

    __slots__ = ("_keyed", "size")

    def __init__(self, key: bytes, name: str) -> None:
        algorithm = hash_of(name)
        self.size = algorithm.digest_size
        self._keyed = hmac.HMAC(key, algorithm)

    def verify(self, sequence: int, header: bytes, contents: Body, mac: Body) -> bool:
        keyed = self._keyed.copy()
        keyed.update(sequence.to_bytes(8, "big") + header[:3] + len(contents).to_bytes(2, "big"))
        keyed.update(contents)
        try:
            keyed.verify(bytes(mac))
        except InvalidSignature:
            return False
        return True


class Null:
    """RFC 5246, 6.2.3.1 with the null cipher: a MAC and nothing hidden."""

    __slots__ = ("_mac",)

    def __init__(self, mac: _Mac) -> None:
        self._mac = mac

    def open(self, sequence: int, header: bytes, body: Body) -> bytes | None:
        split = len(body) - self._mac.size
        if split < 0 or not self._mac.verify(sequence, header, body[:split], body[split:]):
            return None
        return bytes(body[:split])

    def chain(self, before: bytes) -> None:
        pass


class BlockCipher:
    """RFC 5246, 6.2.3.2 (MAC, then pad, then encrypt) and RFC 7366 (pad, encrypt, then MAC).

    `iv` is None where each record brings its own (TLS 1.1 and later).
    """

    __slots__ = ("_algorithm", "_block", "_iv", "_mac", "_mac_last")

    def __init__(self, algorithm: BlockCipherAlgorithm, mac: _Mac, iv: bytes | None, mac_last: bool) -> None:
        self._algorithm = algorithm
        self._block = algorithm.block_size // 8
        self._mac = mac
        self._iv = iv
        self._mac_last = mac_last

    def open(self, sequence: int, header: bytes, body: Body) -> bytes | None:
        block = self._block
        mac: Body = b""
        if self._mac_last:
            split = len(body) - self._mac.size
            if split < 0 or not self._mac.verify(sequence, header, body[:split], body[split:]):
                return None
            body = body[:split]
        if self._iv is None:
            iv = bytes(body[:block])
            body = body[block:]
        else:
            iv = self._iv
        if len(iv) != block or not body or len(body) % block:
            return None
        last = bytes(body[-block:])
        decryptor = Cipher(self._algorithm, modes.CBC(iv)).decryptor()
        plain = decryptor.update(body) + decryptor.finalize()
        padding = plain[-1] + 1
        if padding > len(plain) or plain[-padding:] != plain[-1:] * padding:
            return None
        plain = plain[:-padding]
        if not self._mac_last:
            split = len(plain) - self._mac.size
            if split < 0:
                return None
            plain, mac = plain[:split], plain[split:]
            if not self._mac.verify(sequence, header, plain, mac):
                return None
        if self._iv is not None:
            # Only now: a record that does not verify must leave no trace.
            self._iv = last
        return plain

    def chain(self, before: bytes) -> None:
        if self._iv is not None:
            self._iv = before[-self._block :]


def aead_maker(suite: Suite) -> Callable[[bytes], AESGCM | AESCCM | ChaCha20Poly1305]:
    """What makes the AEAD of a suite from its key."""
    if suite.mode == GCM:
        return AESGCM
    if suite.mode == CCM:
        return partial(AESCCM, tag_length=suite.tag)
    return ChaCha20Poly1305


def aead(suite: Suite, key: bytes) -> AESGCM | AESCCM | ChaCha20Poly1305:
    return aead_maker(suite)(key)


def block_algorithm(suite: Suite, key: bytes) -> BlockCipherAlgorithm | None:
    """The block cipher of a suite; None where this build of `cryptography` does not have it."""
    name = {"CAMELLIA": "Camellia", "3DES": "TripleDES"}.get(suite.bulk.partition("_")[0], suite.bulk.partition("_")[0])
    # Ciphers move from one module to the other as they age.
    module = decrepit if hasattr(decrepit, name) else algorithms
    maker: Callable[[bytes], BlockCipherAlgorithm] | None = getattr(module, name, None)
    if maker is None:
        return None
    try:
        algorithm = maker(key)
        Cipher(algorithm, modes.CBC(bytes(algorithm.block_size // 8))).decryptor()
    except (UnsupportedAlgorithm, ValueError):
        return None
    return algorithm


def protection12(
    suite: Suite, version: int, keys: tuple[bytes, bytes, bytes], encrypt_then_mac: bool
) -> Protection | None:
    """The protection of TLS 1.2 and before under MAC key, key and IV; None where it is not supported."""
    mac_key, key, iv = keys
    if suite.mode in (GCM, CCM, CHACHA):
        return Aead12(aead(suite, key), iv, suite.tag, suite.mode != CHACHA)
    if suite.mode == NULL:
        return Null(_Mac(mac_key, suite.mac))
    algorithm = block_algorithm(suite, key) if suite.mode == BLOCK else None
    if algorithm is None:
        return None
    return BlockCipher(algorithm, _Mac(mac_key, suite.mac), iv if version <= 0x0301 else None, encrypt_then_mac)

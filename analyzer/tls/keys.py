"""Key schedules: from the secrets of a key log, or a server's RSA key, to the keys of one direction.

Sources: RFC 8446, 7.1 to 7.3 (TLS 1.3); RFC 5246, 5, 6.3 and 8.1 (TLS 1.2); RFC 2246, 5 (TLS 1.0 and 1.1); RFC 7627
(extended master secret).
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from analyzer.errors import AnalyzerError
from analyzer.tls.ciphers import Aead13, Protection, aead_maker, hash_of, protection12
from analyzer.tls.hello import TLS12
from analyzer.tls.suites import BLOCK, CCM, CHACHA, DIGEST_SIZES, GCM, Suite

MASTER: Final = 48
_IV: Final = 12
# The pads of HMAC (RFC 2104), and the bytes that they fill.
_INNER: Final = b"\x36"
_OUTER: Final = b"\x5c"
_NEW: Final = {"SHA256": (hashlib.sha256, 64), "SHA384": (hashlib.sha384, 128)}


class KeyFileError(AnalyzerError):
    """A file that should hold a private key holds none that can be used."""


def load_rsa_key(pem: bytes, password: bytes | None = None) -> rsa.RSAPrivateKey:
    """A server's private key for the RSA key exchange. Raises KeyFileError."""
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"not a private key in PEM: {error}") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyFileError(f"not an RSA key: {type(key).__name__.removeprefix('_')}")
    return key


# -- TLS 1.3 ----------------------------------------------------------------------------------------------------------


class Schedule13:
    """What becomes of the traffic secrets of one suite."""

    __slots__ = ("_fits", "_inner", "_iv", "_key", "_key_size", "_make", "_new", "_outer", "_size", "_update")

    def __init__(self, suite: Suite) -> None:
        self._fits = suite.mode in (GCM, CCM, CHACHA) and not suite.exchange
        self._size = DIGEST_SIZES[suite.prf]
        self._new, block = _NEW[suite.prf]
        self._inner, self._outer = _INNER * block, _OUTER * block
        self._make = aead_maker(suite)
        self._key_size = suite.key
        self._key, self._iv = _info(b"key", suite.key), _info(b"iv", _IV)
        self._update = _info(b"traffic upd", self._size)

    def next_secret(self, secret: bytes) -> bytes:
        """The traffic secret after a KeyUpdate (RFC 8446, 7.2)."""
        inner, outer = self._new(_padded(secret, self._inner)), self._new(_padded(secret, self._outer))
        return _expanded(inner, outer, self._update)

    def protection(self, secret: bytes) -> Aead13 | None:
        """The protection under a traffic secret (RFC 8446, 7.3); None where suite and secret do not belong together."""
        if not self._fits or len(secret) != self._size:
            return None
        # What the two pads of the HMAC make of the secret is worked out once for both.
        inner, outer = self._new(_padded(secret, self._inner)), self._new(_padded(secret, self._outer))
        key = _expanded(inner.copy(), outer.copy(), self._key)
        return Aead13(self._make(key[: self._key_size]), _expanded(inner, outer, self._iv)[:_IV])


def _padded(secret: bytes, pad: bytes) -> bytearray:
    """A secret, which is no longer than a block of the hash function, with a pad of HMAC (RFC 2104) of that size."""
    padded = bytearray(pad)
    for place in range(len(secret)):
        padded[place] ^= secret[place]
    return padded


def _expanded(inner: Any, outer: Any, info: bytes) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446, 7.1), of no more bytes than one HMAC has, under the secret
    whose pads were hashed."""
    inner.update(info)
    outer.update(inner.digest())
    found: bytes = outer.digest()
    return found


def _info(label: bytes, length: int) -> bytes:
    """What is hashed for a label, with the number of the only block."""
    name = b"tls13 " + label
    return length.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0\1"


# -- TLS 1.2 and before -----------------------------------------------------------------------------------------------


def _expand(algorithm: hashes.HashAlgorithm, secret: bytes, seed: bytes, length: int) -> bytes:
    """P_hash of RFC 5246, 5."""
    keyed = hmac.HMAC(secret, algorithm)

    def digest(data: bytes) -> bytes:
        mac = keyed.copy()
        mac.update(data)
        return mac.finalize()

    made = b""
    link = seed
    while len(made) < length:
        link = digest(link)
        made += digest(link + seed)
    return made[:length]


def prf(suite: Suite, version: int, secret: bytes, seed: bytes, length: int) -> bytes:
    """The pseudorandom function of RFC 5246, 5 and, before TLS 1.2, of RFC 2246, 5; `seed` begins with the label."""
    if version >= TLS12:
        return _expand(hash_of(suite.prf), secret, seed, length)
    half = (len(secret) + 1) // 2
    md5 = _expand(hashes.MD5(), secret[:half], seed, length)
    sha = _expand(hashes.SHA1(), secret[-half:], seed, length)
    return bytes(a ^ b for a, b in zip(md5, sha, strict=True))


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def master_secret(suite: Suite, version: int, premaster: bytes, randoms: bytes) -> bytes:
    """RFC 5246, 8.1; `randoms` is the client's and the server's."""
    return prf(suite, version, premaster, b"master secret" + randoms, MASTER)


def extended_master_secret(suite: Suite, version: int, premaster: bytes, transcript: bytes) -> bytes:
    """RFC 7627, 4; `transcript` is all handshake messages up to and with the ClientKeyExchange."""
    if version >= TLS12:
        session_hash = _digest(hash_of(suite.prf), transcript)
    else:
        session_hash = _digest(hashes.MD5(), transcript) + _digest(hashes.SHA1(), transcript)
    return prf(suite, version, premaster, b"extended master secret" + session_hash, MASTER)


def rsa_premaster(key: rsa.RSAPrivateKey, body: bytes) -> bytes | None:
    """The premaster secret of a ClientKeyExchange for RSA (RFC 5246, 7.4.7.1); None where the key does not open it."""
    # SSL 3.0 sent it without the length.
    encrypted = body[2:] if int.from_bytes(body[:2], "big") == len(body) - 2 else body
    try:
        secret = key.decrypt(encrypted, padding.PKCS1v15())
    except ValueError:
        return None
    return secret if len(secret) == MASTER else None


def pair12(
    suite: Suite, version: int, master: bytes, randoms: bytes, encrypt_then_mac: bool
) -> tuple[Protection | None, Protection | None]:
    """Both directions' protection, the client's first (RFC 5246, 6.3); `randoms` is the client's and the server's."""
    mac = DIGEST_SIZES[suite.mac] if suite.mac else 0
    if suite.mode == BLOCK:
        # From TLS 1.1 on each record brings its own; to take more of the key block does no harm.
        iv = suite.tag
    elif suite.mode in (GCM, CCM):
        iv = 4
    elif suite.mode == CHACHA:
        iv = 12
    else:
        iv = 0
    seed = b"key expansion" + randoms[32:] + randoms[:32]
    block = prf(suite, version, master, seed, 2 * (mac + suite.key + iv))
    parts = []
    pos = 0
    for size in (mac, mac, suite.key, suite.key, iv, iv):
        parts.append(block[pos : pos + size])
        pos += size
    return (
        protection12(suite, version, (parts[0], parts[2], parts[4]), encrypt_then_mac),
        protection12(suite, version, (parts[1], parts[3], parts[5]), encrypt_then_mac),
    )

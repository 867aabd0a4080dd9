"""The RSA steps that caching_sha2_password and sha256_password share: the server's key, and the password under it.

Source: MySQL source documentation, "Caching_sha2_password information"; MariaDB manual, "Connecting via
sha256_password"; RFC 8017, section 7.1 (RSAES-OAEP with SHA-1 and MGF1). The password and a NUL are XORed with the
nonce, repeated, before they are encrypted.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from analyzer.errors import BadValue
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.wire.reader import Reader, Writer

# What encrypts is loaded where it is done: to read an exchange nothing of it is needed.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import OAEP
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# The smallest RSA key that OpenSSL still makes is 512 bits; a ciphertext is as long as the key.
SMALLEST_CIPHERTEXT = 64
SHA1_BYTES = 20


class RequestPublicKey(AuthRecord, frozen=True):
    """The client asks for the server's RSA public key (allowPublicKeyRetrieval, --get-server-public-key).

    The byte is 2 for caching_sha2_password, 1 for sha256_password.
    """

    request: int

    def summary(self) -> str:
        return "asks for the server's RSA public key"

    @classmethod
    def decode(cls, r: Reader) -> RequestPublicKey:
        request = r.u8("request")
        r.finish()
        return cls(request)

    def encode(self, w: Writer) -> None:
        w.u8(self.request)


class PublicKey(AuthRecord, frozen=True):
    """The server's RSA public key, PEM (SubjectPublicKeyInfo)."""

    pem: bytes

    def summary(self) -> str:
        return "the server's RSA public key"

    @classmethod
    def decode(cls, r: Reader) -> PublicKey:
        at = r.pos
        pem = r.rest("pem")
        if not pem.startswith(b"-----BEGIN "):
            raise BadValue("PublicKey", "pem", at, "a PEM block expected")
        return cls(pem)

    def encode(self, w: Writer) -> None:
        w.raw(self.pem)


class EncryptedPassword(AuthRecord, frozen=True):
    """RSAES-OAEP of (password, NUL) XOR nonce: as many bytes as the key's modulus."""

    ciphertext: bytes

    def summary(self) -> str:
        return f"the password, encrypted with a {len(self.ciphertext) * 8}-bit RSA key"

    @classmethod
    def decode(cls, r: Reader) -> EncryptedPassword:
        return cls(r.rest("ciphertext"))

    def encode(self, w: Writer) -> None:
        w.raw(self.ciphertext)


def looks_encrypted(payload: bytes) -> bool:
    """Whether a payload that is either a clear-text password and its NUL, or a ciphertext nobody asked a key for, is
    the latter: whoever has the key in a file sends it so. Text that ends with its only NUL is a password; that a
    ciphertext is one too has a chance of less than 2 to the -60."""
    if len(payload) < SMALLEST_CIPHERTEXT:
        return False
    if payload.find(0) != len(payload) - 1:
        return True
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError:
        return len(payload) % SMALLEST_CIPHERTEXT == 0
    return False


def _oaep() -> OAEP:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)


def _xor(data: bytes, nonce: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, cycle(nonce), strict=False))


def encrypt_password(password: bytes, nonce: bytes, pem: bytes) -> bytes:
    """What a client sends for `password`. Raises BadValue where `pem` is no RSA public key or too short a one."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadValue("PublicKey", "pem", 0, str(error)) from error
    if not isinstance(key, RSAPublicKey):
        raise BadValue("PublicKey", "pem", 0, "not an RSA key")
    # RFC 8017, section 7.1.1: two hashes and two bytes are OAEP's own.
    room = key.key_size // 8 - 2 * SHA1_BYTES - 2
    if len(password) >= room:
        raise BadValue("PublicKey", "pem", 0, f"a {key.key_size}-bit key holds passwords of up to {room - 1} bytes")
    return key.encrypt(_xor(password + b"\x00", nonce), _oaep())


def decrypt_password(ciphertext: bytes, nonce: bytes, key: RSAPrivateKey) -> bytes:
    """The password in `ciphertext`, without its NUL. Raises ValueError where it is not for this key."""
    return _xor(key.decrypt(ciphertext, _oaep()), nonce).removesuffix(b"\x00")

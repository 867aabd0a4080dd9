"""Mistakes of known drivers in computing a scramble: with the password at hand it can be said which one was made.

Sources: MySQL Source Documentation, "Caching_sha2_password information" and "Native Authentication" (what is right);
the greeting gives the nonce in two parts of 8 and 12 bytes, and a NUL after the second (Protocol::HandshakeV10).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.protocol.auth.base import Plugin

Compute = Callable[[bytes, bytes], bytes]


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def _sha2(password: bytes, nonce: bytes) -> bytes:
    from hashlib import sha256

    first = sha256(password).digest()
    return _xor(first, sha256(sha256(first).digest() + nonce).digest())


def _sha2_other_way(password: bytes, nonce: bytes) -> bytes:
    from hashlib import sha256

    first = sha256(password).digest()
    return _xor(first, sha256(nonce + sha256(first).digest()).digest())


def _native(password: bytes, nonce: bytes) -> bytes:
    from hashlib import sha1

    first = sha1(password).digest()
    return _xor(first, sha1(nonce + sha1(first).digest()).digest())


def _native_other_way(password: bytes, nonce: bytes) -> bytes:
    from hashlib import sha1

    first = sha1(password).digest()
    return _xor(first, sha1(sha1(first).digest() + nonce).digest())


# plugin -> the right way, the two parts of the hash in the other order, and another plugin's way
WAYS: Final[dict[str, tuple[Compute, Compute, Compute]]] = {
    "caching_sha2_password": (_sha2, _sha2_other_way, _native),
    "mysql_native_password": (_native, _native_other_way, _sha2),
}
OTHER_WAY: Final = "it joins nonce and hash in the wrong order"

# what was done -> the nonce that it leaves, of the 20 bytes that are right
NONCES: Final[tuple[tuple[str, Callable[[bytes], bytes]], ...]] = (
    ("it uses the two parts of the nonce the wrong way round", lambda nonce: nonce[8:] + nonce[:8]),
    ("it takes the NUL behind the nonce for a part of it (21 bytes)", lambda nonce: nonce + b"\0"),
    ("it leaves out the last byte of the nonce", lambda nonce: nonce[:-1]),
    ("it cuts the nonce at a zero byte in it", lambda nonce: nonce.split(b"\0")[0]),
    ("it uses the first 8 bytes of the nonce only", lambda nonce: nonce[:8]),
    ("it uses the nonce backwards", lambda nonce: nonce[::-1]),
)
# what was done -> the password that it leaves
PASSWORDS: Final[tuple[tuple[str, Callable[[bytes], bytes]], ...]] = (
    ("its password has a newline at the end", lambda password: password + b"\n"),
    ("its password has a NUL at the end", lambda password: password + b"\0"),
    ("its password has a space at the end", lambda password: password + b" "),
    ("its password lacks the blanks around it", lambda password: password.strip()),
    ("its password stands in quotes", lambda password: b"'" + password + b"'"),
    ("its password stands in double quotes", lambda password: b'"' + password + b'"'),
    ("its password is cut at a '#'", lambda password: password.split(b"#")[0]),
    ("its password is cut at 32 bytes", lambda password: password[:32]),
    ("its password is encoded in Latin-1", lambda password: _recoded(password, "utf-8", "latin-1")),
    ("its password is encoded in UTF-8 twice", lambda password: _recoded(password, "latin-1", "utf-8")),
)


def _recoded(text: bytes, was: str, becomes: str) -> bytes:
    try:
        return text.decode(was).encode(becomes)
    except UnicodeError:
        return text


def known_mistake(plugin: Plugin, password: bytes, nonce: bytes, response: bytes) -> str | None:
    """Which known mistake makes `response` of a password that does not; None where none does."""
    ways = WAYS.get(plugin.name)
    if ways is None or not password or not response:
        return None
    right, other, foreign = ways
    attempts: list[tuple[str, Compute, bytes, bytes]] = [(OTHER_WAY, other, password, nonce)]
    attempts += [(what, right, password, change(nonce)) for what, change in NONCES]
    attempts += [(what, right, change(password), nonce) for what, change in PASSWORDS]
    attempts.append((f"it computes another plugin's scramble for {plugin.name}", foreign, password, nonce))
    for what, way, secret, number in attempts:
        if (secret, number) == (password, nonce) and way is right:
            continue  # the change changes nothing here
        if secret and way(secret, number) == response:
            return what
    return None

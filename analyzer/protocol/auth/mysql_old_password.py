"""mysql_old_password: servers before 4.1, and accounts that kept their 16-digit hash (MariaDB until today).

Source: MySQL source documentation, "Old Password Authentication"; the hash is OLD_PASSWORD() of the MySQL 5.6 manual.
A 62-bit hash of the password and one of the nonce seed a linear generator, whose output is the scramble.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.protocol.auth.base import AuthRecord, ClientOptions, ClientSide, Exchange, Plugin, Proof, ProofExchange
from analyzer.protocol.wire.reader import Reader, Writer

SCRAMBLE_LENGTH = 8
_MODULUS = 0x3FFFFFFF
_MASK32 = 0xFFFFFFFF
_MASK31 = 0x7FFFFFFF


class OldScramble(AuthRecord, frozen=True):
    """8 characters, and the NUL that most clients send after them."""

    scramble: bytes
    nul: bytes

    def summary(self) -> str:
        return "pre-4.1 scramble of the password and the server's nonce"

    @classmethod
    def decode(cls, r: Reader) -> OldScramble:
        scramble = r.take("scramble", SCRAMBLE_LENGTH)
        nul = r.take("nul", 1) if r.peek() == 0 else b""
        r.finish()
        return cls(scramble, nul)

    def encode(self, w: Writer) -> None:
        w.raw(self.scramble)
        w.raw(self.nul)


def hash_password(password: bytes) -> tuple[int, int]:
    """OLD_PASSWORD(password) as its two halves of 31 bits. Blanks and tabs do not count."""
    first, second, add = 0x50305735, 0x12345671, 7
    for byte in password:
        if byte in b" \t":
            continue
        first ^= ((first & 63) + add) * byte + (first << 8)
        first &= _MASK32
        second = (second + ((second << 8) ^ first)) & _MASK32
        add += byte
    return first & _MASK31, second & _MASK31


def _random(seed1: int, seed2: int) -> Iterator[int]:
    """Numbers from 0 to 30."""
    seed1 %= _MODULUS
    seed2 %= _MODULUS
    while True:
        seed1 = (seed1 * 3 + seed2) % _MODULUS
        seed2 = (seed1 + seed2 + 33) % _MODULUS
        yield seed1 * 31 // _MODULUS


class MysqlOldPassword(Plugin):
    name = "mysql_old_password"
    short_name = "old"
    broken = True
    open_fields = frozenset({"nul"})
    proof = Proof(
        computed="The client computes 8 bytes from a 62-bit hash of the password and 8 bytes of nonce.",
        proves="Little: the hash of before MySQL 4.1 is broken, and the stored hash alone is enough to log in.",
    )
    nonce_length = 8

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        return ProofExchange(self.cut(nonce), secure, OldScramble.decode)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        return ClientSide(self, password, self.cut(nonce), secure, options)

    def scramble(self, password: bytes, nonce: bytes) -> bytes:
        if not password:
            return b""
        of_password = hash_password(password)
        of_nonce = hash_password(self.cut(nonce))
        numbers = _random(of_password[0] ^ of_nonce[0], of_password[1] ^ of_nonce[1])
        characters = [next(numbers) + 64 for _ in range(SCRAMBLE_LENGTH)]
        mask = next(numbers)
        return bytes(character ^ mask for character in characters) + b"\x00"

    def verify(self, password: bytes, nonce: bytes, response: bytes) -> bool | None:
        return self.scramble(password, nonce).rstrip(b"\x00") == response.rstrip(b"\x00")

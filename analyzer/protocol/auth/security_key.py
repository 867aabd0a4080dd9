"""What the two plugins for security keys share: an assertion, and the exchange that it ends.

Source: W3C Web Authentication, section 6.3.3 (authenticator data and signature).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from analyzer.protocol.auth.base import EMPTY, OTHER, AuthRecord, Empty, Exchange
from analyzer.protocol.wire.reader import Reader, Writer


class Assertion(msgspec.Struct, frozen=True):
    """The key's authenticator data (CBOR), and its signature."""

    authenticator_data: bytes
    signature: bytes

    @classmethod
    def decode(cls, r: Reader) -> Assertion:
        return cls(r.lenenc_bytes("authenticator_data"), r.lenenc_bytes("signature"))

    def encode(self, w: Writer) -> None:
        w.lenenc_bytes(self.authenticator_data)
        w.lenenc_bytes(self.signature)


class SecurityKeyExchange(Exchange):
    """One step: what the key signed, which `decode` reads."""

    __slots__ = ("_decode",)

    def __init__(self, nonce: bytes, secure: bool, decode: Callable[[Reader], AuthRecord]) -> None:
        super().__init__(nonce, secure)
        self._decode = decode

    def client(self, r: Reader) -> AuthRecord:
        if r.left == 0:
            if self.protection is None:
                self.protection = EMPTY
            return Empty.decode(r)
        record = self._decode(r)
        self.protection = OTHER
        return record

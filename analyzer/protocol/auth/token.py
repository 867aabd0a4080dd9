"""What the plugins share whose two sides pass tokens to and fro: GSSAPI (RFC 2743, section 1.2) and SASL (RFC 4422)."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.protocol.auth.base import EMPTY, OTHER, AuthRecord, Empty, Exchange
from analyzer.protocol.wire.reader import Reader, Writer


class GssapiToken(AuthRecord, frozen=True):
    """A token of the mechanism."""

    token: bytes

    def summary(self) -> str:
        return f"GSSAPI token of {len(self.token)} bytes"

    @classmethod
    def decode(cls, r: Reader) -> GssapiToken:
        return cls(r.rest("token"))

    def encode(self, w: Writer) -> None:
        w.raw(self.token)


class TokenExchange(Exchange):
    """Tokens in turn, which `decode` reads; an empty packet of the client acknowledges the last."""

    __slots__ = ("_decode",)

    def __init__(self, nonce: bytes, secure: bool, decode: Callable[[Reader], AuthRecord]) -> None:
        super().__init__(nonce, secure)
        self._decode = decode

    def client(self, r: Reader) -> AuthRecord:
        if r.left == 0:
            if self.protection is None:
                self.protection = EMPTY
            return Empty.decode(r)
        self.protection = OTHER
        return self._decode(r)

    def server(self, r: Reader) -> AuthRecord:
        return self._decode(r)

"""What every auth plugin file offers: its records, its exchange, its computations, its client side.

A plugin is one file with one `Plugin` subclass and one line in `PLUGINS` of the package. An `Exchange` follows one run
of the plugin and turns each payload into a typed record: only (sender, what came before) decides what a payload is,
never its length alone. The payloads it is given have lost the 0x01 of AuthMoreData where the server put one.

A `ClientSide` runs a plugin as the client does: what it sends is what an `Exchange` decodes.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from analyzer.errors import ProtocolError
from analyzer.protocol.wire.reader import Reader, Writer

# `password_protection` of the contract: what protected the password on this connection.
EMPTY = "empty"
SCRAMBLE = "scramble"
RSA = "rsa"
TLS = "tls"
CLEARTEXT = "cleartext"
OTHER = "other"


class AuthRecord(msgspec.Struct, frozen=True):
    """One payload of an auth exchange, decoded. Subclasses add fields, `decode` and `encode`."""

    def summary(self) -> str:
        """One line in plain words. Never holds a password: that is in a field named `password`."""
        raise NotImplementedError

    def encode(self, w: Writer) -> None:
        raise NotImplementedError


class Opaque(AuthRecord, frozen=True):
    """A payload whose meaning only the two ends of an unknown plugin know."""

    data: bytes

    def summary(self) -> str:
        return f"{len(self.data)} bytes of the plugin's own"

    @classmethod
    def decode(cls, r: Reader) -> Opaque:
        return cls(r.rest("data"))

    def encode(self, w: Writer) -> None:
        w.raw(self.data)


class Empty(AuthRecord, frozen=True):
    """A payload of no bytes: no password, or (in a login) wait for the auth switch."""

    def summary(self) -> str:
        return "empty response (no password, or it waits to be asked)"

    @classmethod
    def decode(cls, r: Reader) -> Empty:
        r.finish()
        return cls()

    def encode(self, w: Writer) -> None:
        return None


class NoPassword(AuthRecord, frozen=True):
    """A single NUL (or nothing): the account has no password."""

    nul: bytes

    def summary(self) -> str:
        return "no password"

    @classmethod
    def decode(cls, r: Reader) -> NoPassword:
        return cls(r.rest("nul"))

    def encode(self, w: Writer) -> None:
        w.raw(self.nul)


class CleartextPassword(AuthRecord, frozen=True):
    """The password as it is, with a NUL after it."""

    password: bytes

    def summary(self) -> str:
        return "the password in clear text"

    @classmethod
    def decode(cls, r: Reader) -> CleartextPassword:
        password = r.nul("password")
        r.finish()
        return cls(password)

    def encode(self, w: Writer) -> None:
        w.nul(self.password)


class PluginData(AuthRecord, frozen=True):
    """auth-plugin-data of the greeting or of a switch request: for most plugins a nonce, and often a NUL after it."""

    nonce: bytes
    rest: bytes

    def summary(self) -> str:
        return f"{len(self.nonce)} bytes of nonce" if self.nonce else "no data"

    def encode(self, w: Writer) -> None:
        w.raw(self.nonce)
        w.raw(self.rest)


class Exchange:
    """One run of a plugin over one connection.

    `nonce` is what the server gave the plugin to work on, cut to what the plugin uses (for parsec, the extended salt is
    added when it comes); `secure` says whether the transport is TLS, which decides what the client may send. `path` is
    direct, fast or full (contract), `protection` one of this module's constants, or None before anything was seen.
    `opaque` says of the client's last payload that any bytes, as many, would have been taken in the same way.
    """

    __slots__ = ("nonce", "opaque", "path", "protection", "response", "secure")

    def __init__(self, nonce: bytes, secure: bool) -> None:
        self.nonce = nonce
        self.secure = secure
        self.path: str | None = "direct"
        self.protection: str | None = None
        self.opaque = False
        # The client's first proof, for Plugin.verify; None where the plugin has none.
        self.response: bytes | None = None

    def client(self, r: Reader) -> AuthRecord:
        """Decodes the client's next payload. Raises DecodeError."""
        if r.left == 0:
            if self.protection is None:
                self.protection = EMPTY
            return Empty.decode(r)
        if self.protection in (None, EMPTY):
            self.protection = OTHER
        return Opaque.decode(r)

    def server(self, r: Reader) -> AuthRecord:
        """Decodes the server's next payload (no OK, ERR or switch: those are not the plugin's). Raises DecodeError."""
        return Opaque.decode(r)

    def cleartext_protection(self) -> str:
        """The protection of a password sent as it is."""
        return TLS if self.secure else CLEARTEXT


class ProofExchange(Exchange):
    """A plugin of one step: the client answers the nonce with a proof, which `decode` reads, or with nothing.

    `any_bytes`: a proof is known by its length alone.
    """

    __slots__ = ("_any_bytes", "_decode")

    def __init__(
        self, nonce: bytes, secure: bool, decode: Callable[[Reader], AuthRecord], *, any_bytes: bool = False
    ) -> None:
        super().__init__(nonce, secure)
        self._decode = decode
        self._any_bytes = any_bytes

    def client(self, r: Reader) -> AuthRecord:
        self.response = r.data[r.pos : r.end]
        if not self.response:
            self.protection = EMPTY
            return Empty.decode(r)
        record = self._decode(r)
        self.protection = SCRAMBLE
        self.opaque = self._any_bytes
        return record


class ClientOptions(msgspec.Struct, frozen=True):
    """What a client's user allows and brings along.

    allow_cleartext: the password may be sent as it is, by plugins that do nothing else, and without TLS.
    verified: the other end is known to be the server: its certificate was verified, or nobody can be in between.
    server_public_key: PEM of the server's RSA key (--server-public-key-path); used before any that the server sends.
    get_server_public_key: the server may be asked for its RSA key, unverified (--get-server-public-key).
    client_nonce: what parsec signs beside the server's nonce; random where None. Fixed for repeatable recordings.
    prompt: answers a server's question (its text, and whether the answer is to be hidden).
    """

    allow_cleartext: bool = False
    verified: bool = False
    server_public_key: bytes | None = None
    get_server_public_key: bool = False
    client_nonce: bytes | None = None
    prompt: Callable[[str, bool], bytes] | None = None


class ClientSide:
    """A plugin as the client runs it, sans-IO.

    `respond(None)` gives the first payload, the answer to the nonce; `respond(data)` the answer to each further payload
    of the server, with the 0x01 of AuthMoreData taken off; None means that there is nothing to send and the server
    speaks next. Raises ProtocolError where the server asks for what the options forbid, or breaks the protocol.
    """

    __slots__ = ("nonce", "options", "password", "plugin", "secure")

    def __init__(self, plugin: Plugin, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> None:
        self.plugin = plugin
        self.password = password
        self.nonce = nonce
        self.secure = secure
        self.options = options

    def respond(self, server_data: bytes | None) -> bytes | None:
        """A plugin of one step: the scramble, and then nothing that a server could still ask for."""
        if server_data is not None:
            raise self.unexpected(server_data)
        return self.plugin.scramble(self.password, self.nonce)

    def unexpected(self, server_data: bytes) -> ProtocolError:
        return ProtocolError(
            f"{self.plugin.name}: the server sent {len(server_data)} bytes where the plugin expects its verdict"
        )

    def asked_cleartext(self) -> bytes:
        """The same for a plugin that asks everybody for the password itself: TLS alone does not say who gets it."""
        if self.secure and not self.options.verified and not self.options.allow_cleartext:
            raise ProtocolError(
                f"{self.plugin.name} asks for the password itself, and the server's certificate was not verified: "
                "refused. Verify it (--ssl-mode verify-identity), or allow clear text (--enable-cleartext-plugin)"
            )
        return self.cleartext()

    def cleartext(self) -> bytes:
        """The password and a NUL, where they may be sent. Raises ProtocolError where they may not."""
        if not self.secure and not self.options.allow_cleartext:
            raise ProtocolError(
                f"{self.plugin.name} asks for the password in clear text on a connection without TLS: refused. "
                "Use TLS, or allow clear text passwords"
            )
        if b"\x00" in self.password:
            raise ProtocolError(f"{self.plugin.name} can not send a password that holds a NUL byte")
        return encoded(CleartextPassword(self.password))


def encoded(record: AuthRecord) -> bytes:
    """The bytes of a record."""
    w = Writer()
    record.encode(w)
    return w.getvalue()


class Proof(msgspec.Struct, frozen=True):
    """What a plugin does, in plain words for whoever reads a report: whole sentences.

    `computed`: what the client computes or sends. `proves`: what that tells a server that accepts it.
    """

    computed: str
    proves: str


class Plugin:
    """An auth plugin: its wire name, what follows its exchange, and what checks a password against a response.

    `short_name` is for tables and columns. `open_fields` names the fields of the client's records that may be shown to
    anyone: all that is not named proves a password, or lets one be guessed, and is masked.
    """

    name: str = ""
    short_name: str = ""
    open_fields: frozenset[str] = frozenset()
    # Whoever listens can undo it: a client does it only where its user asks for it by name.
    broken: bool = False
    proof: Proof = Proof(
        computed="The client answers in the plugin's own way.", proves="Only the plugin's two ends know."
    )
    # What the server gives it are bytes without a meaning of their own: no question, no name.
    random_data: bool = False
    # Bytes of the nonce the plugin uses; longer server data is cut (a trailing NUL, usually). None: all of it.
    nonce_length: int | None = 20

    def data(self, r: Reader) -> AuthRecord:
        """Decodes the data that comes with the greeting or a switch request to this plugin. Raises DecodeError."""
        length = r.left if self.nonce_length is None else min(r.left, self.nonce_length)
        return PluginData(r.take("nonce", length), r.rest("rest"))

    def exchange(self, nonce: bytes, secure: bool) -> Exchange:
        """`nonce` is the server's data as it came: a nonce may end with a NUL of its own, so the plugin cuts."""
        return Exchange(self.cut(nonce), secure)

    def client(self, password: bytes, nonce: bytes, secure: bool, options: ClientOptions) -> ClientSide:
        """The client's side. Raises ProtocolError where a client of this project can not do the plugin."""
        raise ProtocolError(f"the server asks for the auth plugin {self.name!r}, which this client can not do")

    def cut(self, nonce: bytes) -> bytes:
        """The part of the server's data that is the nonce."""
        return nonce[: self.nonce_length]

    def scramble(self, password: bytes, nonce: bytes) -> bytes | None:
        """What a client with this password answers first to this nonce; None where that is no function of the two."""
        return None

    def verify(self, password: bytes, nonce: bytes, response: bytes) -> bool | None:
        """Whether `response` is right for `password`; None where this can not be known from the wire."""
        expected = self.scramble(password, nonce)
        return None if expected is None else expected == response

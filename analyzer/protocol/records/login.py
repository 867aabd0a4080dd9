"""The client's login: SSLRequest, HandshakeResponse41, HandshakeResponse320.

Sources: MySQL source documentation, "Protocol::SSLRequest", "Protocol::HandshakeResponse41",
"Protocol::HandshakeResponse320"; MariaDB Server documentation, "Connecting" (extended capabilities in the filler).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import NOTHING, Record
from analyzer.protocol.tables.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_CONNECT_WITH_DB,
    CLIENT_LONG_PASSWORD,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA,
    CLIENT_PROTOCOL_41,
    CLIENT_SECURE_CONNECTION,
    CLIENT_SSL,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
)
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Writer

Attributes = tuple[tuple[str, str], ...]
# Connection attributes that name the client's process: another one is the same client all the same.
FREE_ATTRIBUTES: Final = frozenset({"_pid", "_thread"})
FREE: Final = MappingProxyType({"auth_response": 0})


def extended(client_flag: int, filler: bytes) -> int:
    """client_flag with MariaDB's extended capabilities from the last four filler bytes, if they are that."""
    if client_flag & CLIENT_LONG_PASSWORD:
        return client_flag
    return client_flag | int.from_bytes(filler[19:23], "little") << 32


class SSLRequest(Record, frozen=True):
    """The first 32 bytes of a HandshakeResponse41, sent before TLS begins (short form: the first 4, or 4 + 3)."""

    client_flag: int
    max_packet_size: int
    character_set: int
    filler: bytes

    @property
    def capability_flags(self) -> int:
        return extended(self.client_flag, self.filler)

    @property
    def collation_id(self) -> int:
        """Two bytes where a client writes its collation over the first filler byte; servers read the first only."""
        return self.character_set | (self.filler[0] << 8 if self.filler else 0)

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "SSLRequest"
        flag = r.uint("client_flag", 4)
        if not flag & CLIENT_SSL:
            raise BadValue("SSLRequest", "client_flag", 0, "CLIENT_SSL is not set")
        return cls(flag, r.uint("max_packet_size", 4), r.u8("character_set"), r.take("filler", 23))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.uint(self.client_flag, 4)
        w.uint(self.max_packet_size, 4)
        w.u8(self.character_set)
        w.raw(self.filler)

    def summary(self) -> str:
        return "asks to go on in TLS"


class SSLRequest320(Record, frozen=True):
    """The same before protocol 4.1: flags of two bytes and a maximum packet size of three."""

    client_flag: int
    max_packet_size: int

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "SSLRequest320"
        flag = r.uint("client_flag", 2)
        if not flag & CLIENT_SSL:
            raise BadValue("SSLRequest320", "client_flag", 0, "CLIENT_SSL is not set")
        return cls(flag, r.uint("max_packet_size", 3))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.uint(self.client_flag, 2)
        w.uint(self.max_packet_size, 3)

    def summary(self) -> str:
        return "asks to go on in TLS (before protocol 4.1)"


class HandshakeResponse41(Record, frozen=True):
    """The login. `layout` is the set of flags that decided which fields are there.

    That is the client's own flags or what both sides set: clients that set a flag their server never offered differ in
    whether they send its field. `decode` takes the one under which the packet has neither too few nor too many bytes.
    """

    client_flag: int
    max_packet_size: int
    character_set: int
    filler: bytes
    username: str
    auth_response: bytes
    database: str | None
    client_plugin_name: str | None
    attributes: Attributes | None
    zstd_compression_level: int | None
    layout: int
    trailing: bytes = b""
    # Some clients leave out the NUL of the last string, and some servers take it (see `decode`).
    last_has_nul: bool = True

    @property
    def capability_flags(self) -> int:
        return extended(self.client_flag, self.filler)

    @property
    def collation_id(self) -> int:
        """Two bytes where a client writes its collation over the first filler byte; servers read the first only."""
        return self.character_set | self.filler[0] << 8

    @classmethod
    def decode(cls, r: Reader, ctx: Context, open_end: bool = False) -> Self:
        """`open_end` lets the database or the plugin name end with the packet. A login of which only the beginning was
        captured looks the same, so the caller has to know that the packet is whole."""
        r.record = "HandshakeResponse41"
        start = r.pos
        flag = r.uint("client_flag", 4)
        if not flag & CLIENT_PROTOCOL_41:
            raise BadValue("HandshakeResponse41", "client_flag", start, "CLIENT_PROTOCOL_41 is not set")
        head = (flag, r.uint("max_packet_size", 4), r.u8("character_set"), r.take("filler", 23))
        after = r.pos
        layout = flag if ctx.server is None else flag & ctx.server
        if layout == flag or open_end:
            return cls._tail(r, head, layout, open_end)
        try:
            record = cls._tail(r, head, layout)
            if not record.trailing:
                return record
        except DecodeError:
            record = None
        rewind(r, after)
        try:
            by_own = cls._tail(r, head, flag)
        except DecodeError:
            if record is None:
                raise
            rewind(r, after)
            return cls._tail(r, head, layout)
        return by_own

    @classmethod
    def _tail(cls, r: Reader, head: tuple[int, int, int, bytes], layout: int, open_end: bool = False) -> Self:
        username = r.nul_text("username")
        if layout & CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA:
            auth_response = r.lenenc_bytes("auth_response")
        elif layout & CLIENT_SECURE_CONNECTION:
            auth_response = r.take("auth_response", r.u8("auth_response_length"))
        else:
            auth_response = r.nul("auth_response")
        has_nul = True
        database: str | None = None
        if layout & CLIENT_CONNECT_WITH_DB and r.pos < r.end:
            has_nul = not open_end or r.data.find(0, r.pos, r.end) >= 0
            database = r.nul_text("database") if has_nul else r.rest_text("database")
        plugin: str | None = None
        if layout & CLIENT_PLUGIN_AUTH and r.pos < r.end:
            has_nul = not open_end or r.data.find(0, r.pos, r.end) >= 0
            plugin = r.nul_text("client_plugin_name") if has_nul else r.rest_text("client_plugin_name")
        attributes: Attributes | None = None
        if layout & CLIENT_CONNECT_ATTRS and r.pos < r.end:
            attributes = decode_attributes(r)
        level: int | None = None
        if layout & CLIENT_ZSTD_COMPRESSION_ALGORITHM and r.pos < r.end:
            level = r.u8("zstd_compression_level")
        trailing = r.rest("trailing") if r.pos < r.end else b""
        return cls(
            *head,
            username,
            auth_response,
            database,
            plugin,
            attributes,
            level,
            layout,
            trailing,
            has_nul,
        )

    def free(self, ctx: Context) -> Mapping[str, int]:
        """The response, where its plugin takes any bytes (`Exchange.opaque`)."""
        tried = self.client_flag if ctx.server is None else self.client_flag & ctx.server
        # Its length stands in front of it, in every layout that `decode` tries.
        counted = self.layout & (CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA | CLIENT_SECURE_CONNECTION)
        alike = not (self.client_flag ^ tried) & (CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA | CLIENT_SECURE_CONNECTION)
        return FREE if counted and alike else NOTHING

    def encode(self, w: Writer, ctx: Context) -> None:
        layout = self.layout
        w.uint(self.client_flag, 4)
        w.uint(self.max_packet_size, 4)
        w.u8(self.character_set)
        w.raw(self.filler)
        w.nul(self.username)
        if layout & CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA:
            w.lenenc_bytes(self.auth_response)
        elif layout & CLIENT_SECURE_CONNECTION:
            if len(self.auth_response) > 0xFF:
                raise BadValue("HandshakeResponse41", "auth_response", 0, "over 255 bytes without the lenenc flag")
            w.u8(len(self.auth_response))
            w.raw(self.auth_response)
        else:
            w.nul(self.auth_response)
        strings = [text for text in (self.database, self.client_plugin_name) if text is not None]
        if strings and not self.last_has_nul:
            w.raw("\0".join(strings))
            return
        for text in strings:
            w.nul(text)
        if self.attributes is not None:
            encode_attributes(w, self.attributes)
        if self.zstd_compression_level is not None:
            w.u8(self.zstd_compression_level)
        w.raw(self.trailing)

    def summary(self) -> str:
        parts = [f"user {self.username!r}"]
        if self.database:
            parts.append(f"database {self.database!r}")
        if self.client_plugin_name:
            parts.append(f"plugin {self.client_plugin_name}")
        return ", ".join(parts)


class HandshakeResponse320(Record, frozen=True):
    """The login before protocol 4.1: flags of two bytes, an old-password scramble."""

    client_flag: int
    max_packet_size: int
    username: str
    auth_response: bytes
    database: str | None
    # Whether the last field ends with a NUL: clients before 4.1 left it out.
    has_nul: bool = True

    @property
    def capability_flags(self) -> int:
        return self.client_flag

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "HandshakeResponse320"
        flag = r.uint("client_flag", 2)
        if flag & CLIENT_PROTOCOL_41:
            raise BadValue("HandshakeResponse320", "client_flag", 0, "CLIENT_PROTOCOL_41 is set")
        size = r.uint("max_packet_size", 3)
        user = r.nul_text("username")
        has_nul = r.data.find(0, r.pos, r.end) >= 0
        auth = r.nul("auth_response") if has_nul else r.rest("auth_response")
        database: str | None = None
        if flag & CLIENT_CONNECT_WITH_DB and r.pos < r.end:
            has_nul = r.data.find(0, r.pos, r.end) >= 0
            database = r.nul_text("database") if has_nul else r.rest_text("database")
        return cls(flag, size, user, auth, database, has_nul)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.uint(self.client_flag, 2)
        w.uint(self.max_packet_size, 3)
        w.nul(self.username)
        w.raw(self.auth_response)
        if self.database is not None:
            w.u8(0)
            w.raw(self.database)
        if self.has_nul:
            w.u8(0)

    def summary(self) -> str:
        return f"user {self.username!r}, protocol before 4.1"


def rewind(r: Reader, pos: int) -> None:
    """Goes back to `pos`; a tracing reader forgets the fields read since."""
    r.pos = pos
    spans = getattr(r, "spans", None)
    if spans is not None:
        spans[:] = [span for span in spans if span.end <= pos]


def decode_attributes(r: Reader) -> Attributes:
    """Connection attributes: int<lenenc> bytes in all, then pairs of string<lenenc>. Raises DecodeError."""
    at = r.pos
    size = r.lenenc("attributes_length")
    stop = r.pos + size
    if stop > r.end:
        raise Truncated(r.record, "attributes", at, f"{size} bytes announced, {r.end - r.pos} left")
    pairs = []
    outer = r.end
    r.end = stop
    try:
        while r.pos < stop:
            name = r.lenenc_bytes("attribute_name").decode("utf-8", ENCODING_ERRORS)
            # A name without a value at the end is what a cut attribute block looks like.
            pairs.append((name, r.lenenc_bytes("attribute_value").decode("utf-8", ENCODING_ERRORS)))
    finally:
        r.end = outer
    return tuple(pairs)


def encode_attributes(w: Writer, attributes: Attributes) -> None:
    block = Writer()
    for name, value in attributes:
        block.lenenc_bytes(name)
        block.lenenc_bytes(value)
    w.lenenc_bytes(block.getvalue())

"""Commands, as far as the state machine needs them to stay in step; the rest are `ComOther`.

Source: MySQL source documentation, "Command Phase" (COM_QUERY, COM_CHANGE_USER, COM_STMT_PREPARE ...).
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from analyzer.errors import BadValue
from analyzer.protocol.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
)
from analyzer.protocol.commands import COM_CHANGE_USER, COM_INIT_DB, COM_QUERY, COM_STMT_PREPARE, COMMANDS
from analyzer.protocol.context import Context
from analyzer.protocol.reader import Reader, Writer
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.login import Attributes, decode_attributes, encode_attributes

# Column types whose binary values have one size; all others are counted (string<lenenc>, or a length byte for times).
FIXED_SIZES: Final[dict[int, int]] = {
    0x01: 1,  # MYSQL_TYPE_TINY
    0x02: 2,  # MYSQL_TYPE_SHORT
    0x03: 4,  # MYSQL_TYPE_LONG
    0x04: 4,  # MYSQL_TYPE_FLOAT
    0x05: 8,  # MYSQL_TYPE_DOUBLE
    0x06: 0,  # MYSQL_TYPE_NULL
    0x08: 8,  # MYSQL_TYPE_LONGLONG
    0x09: 4,  # MYSQL_TYPE_INT24
    0x0D: 2,  # MYSQL_TYPE_YEAR
}


def _expect(r: Reader, record: str, command: int) -> None:
    r.record = record
    found = r.u8("command")
    if found != command:
        raise BadValue(record, "command", 0, f"0x{command:02x} expected, 0x{found:02x} found")


class QueryAttribute(msgspec.Struct, frozen=True):
    """A query attribute: column type (with the unsigned flag in its high byte), name, and the bytes of its value."""

    type: int
    name: str
    value: bytes | None  # None is NULL


class ComQuery(Record, frozen=True):
    """COM_QUERY. With CLIENT_QUERY_ATTRIBUTES the statement comes after the attributes, mostly none."""

    query: str
    parameter_count: int | None = None
    parameter_set_count: int | None = None
    attributes: tuple[QueryAttribute, ...] = ()

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        _expect(r, "ComQuery", COM_QUERY)
        if not ctx.in_force & CLIENT_QUERY_ATTRIBUTES:
            return cls(r.rest_text("query"))
        count = r.lenenc("parameter_count")
        sets = r.lenenc("parameter_set_count")
        attributes = _attributes(r, count) if count else ()
        return cls(r.rest_text("query"), count, sets, attributes)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(COM_QUERY)
        if self.parameter_count is not None:
            w.lenenc(self.parameter_count)
            w.lenenc(self.parameter_set_count or 0)
            if self.parameter_count:
                _write_attributes(w, self.attributes)
        w.raw(self.query)

    def summary(self) -> str:
        return self.query


def _attributes(r: Reader, count: int) -> tuple[QueryAttribute, ...]:
    """NULL bitmap, "new types" flag, types and names, then the values that are not NULL."""
    at = r.pos
    if count > r.left:
        raise BadValue("ComQuery", "parameter_count", at, f"{count} attributes in {r.left} bytes")
    nulls = r.take("null_bitmap", (count + 7) // 8)
    if r.u8("new_params_bind_flag") != 1:
        raise BadValue("ComQuery", "new_params_bind_flag", r.pos - 1, "1 expected: attributes have no earlier types")
    heads = [(r.uint("param_type", 2), r.lenenc_text("param_name")) for _ in range(count)]
    values = []
    for index, (kind, name) in enumerate(heads):
        null = nulls[index // 8] >> index % 8 & 1
        values.append(QueryAttribute(kind, name, None if null else binary_value(r, kind & 0xFF)))
    return tuple(values)


def _write_attributes(w: Writer, attributes: tuple[QueryAttribute, ...]) -> None:
    nulls = bytearray((len(attributes) + 7) // 8)
    for index, attribute in enumerate(attributes):
        if attribute.value is None:
            nulls[index // 8] |= 1 << index % 8
    w.raw(bytes(nulls))
    w.u8(1)
    for attribute in attributes:
        w.uint(attribute.type, 2)
        w.lenenc_bytes(attribute.name)
    for attribute in attributes:
        if attribute.value is None:
            continue
        if attribute.type & 0xFF in FIXED_SIZES:
            w.raw(attribute.value)
        else:
            w.lenenc_bytes(attribute.value)


def binary_value(r: Reader, kind: int) -> bytes:
    """The bytes of a value in the binary protocol: of the type's size, or counted ("Binary Protocol Value")."""
    size = FIXED_SIZES.get(kind)
    return r.lenenc_bytes("parameter_value") if size is None else r.take("parameter_value", size)


class ComInitDb(Record, frozen=True):
    """COM_INIT_DB: the default schema from here on."""

    schema_name: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        _expect(r, "ComInitDb", COM_INIT_DB)
        return cls(r.rest_text("schema_name"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(COM_INIT_DB)
        w.raw(self.schema_name)

    def summary(self) -> str:
        return self.schema_name


class ComStmtPrepare(Record, frozen=True):
    """COM_STMT_PREPARE."""

    query: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        _expect(r, "ComStmtPrepare", COM_STMT_PREPARE)
        return cls(r.rest_text("query"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(COM_STMT_PREPARE)
        w.raw(self.query)

    def summary(self) -> str:
        return self.query


class ComChangeUser(Record, frozen=True):
    """COM_CHANGE_USER: a login in the middle of a connection. Fields past the database are optional, in this order."""

    user: str
    auth_response: bytes
    # The response is counted with CLIENT_SECURE_CONNECTION, else it ends with a NUL.
    counted: bool
    database: str
    character_set: int | None = None
    auth_plugin_name: str | None = None
    attributes: Attributes | None = None
    trailing: bytes = b""
    # Old clients end the packet with the database and without its NUL.
    database_has_nul: bool = True

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        _expect(r, "ComChangeUser", COM_CHANGE_USER)
        user = r.nul_text("user")
        counted = bool(ctx.in_force & CLIENT_SECURE_CONNECTION)
        response = r.take("auth_response", r.u8("auth_response_len")) if counted else r.nul("auth_response")
        has_nul = r.data.find(0, r.pos, r.end) >= 0
        database = r.nul_text("database") if has_nul else r.rest_text("database")
        charset: int | None = None
        plugin: str | None = None
        attributes: Attributes | None = None
        if r.left >= 2:
            charset = r.uint("character_set", 2)
        if ctx.in_force & CLIENT_PLUGIN_AUTH and r.left:
            plugin = r.nul_text("auth_plugin_name")
        if ctx.in_force & CLIENT_CONNECT_ATTRS and r.left:
            attributes = decode_attributes(r)
        return cls(user, response, counted, database, charset, plugin, attributes, r.rest("trailing"), has_nul)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(COM_CHANGE_USER)
        w.nul(self.user)
        if self.counted:
            w.u8(len(self.auth_response))
            w.raw(self.auth_response)
        else:
            w.nul(self.auth_response)
        w.raw(self.database)
        if not self.database_has_nul:
            return
        w.u8(0)
        if self.character_set is not None:
            w.uint(self.character_set, 2)
        if self.auth_plugin_name is not None:
            w.nul(self.auth_plugin_name)
        if self.attributes is not None:
            encode_attributes(w, self.attributes)
        w.raw(self.trailing)

    def summary(self) -> str:
        return f"user {self.user!r}"


class ComOther(Record, frozen=True):
    """Any other command: its byte and its arguments, undecoded."""

    command: int
    arguments: bytes

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ComOther"
        return cls(r.u8("command"), r.rest("arguments"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.command)
        w.raw(self.arguments)

    def summary(self) -> str:
        return f"COM_{COMMANDS.get(self.command, hex(self.command)).upper()}"

"""COM_QUERY, COM_INIT_DB, COM_STMT_PREPARE, COM_CHANGE_USER; `requests` has the table of all commands.

Source: MySQL source documentation, "COM_QUERY", "COM_INIT_DB", "COM_STMT_PREPARE", "COM_CHANGE_USER".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from analyzer.errors import BadValue
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record, expect
from analyzer.protocol.records.commands.parameters import (
    MOST_PARAMETERS,
    Parameter,
    decode_block,
    encode_block,
    null_bitmap,
)
from analyzer.protocol.records.login import Attributes, decode_attributes, encode_attributes
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
)
from analyzer.protocol.wire.reader import Reader, Writer


class ComQuery(Record, frozen=True):
    """COM_QUERY. With CLIENT_QUERY_ATTRIBUTES the statement comes after the attributes, mostly none.

    `cut` bytes of the statement were not kept.
    """

    query: str
    parameter_count: int | None = None
    parameter_set_count: int | None = None
    attributes: tuple[Parameter, ...] = ()
    null_bitmap: bytes | None = None
    new_params_bind_flag: int | None = None
    cut: int = 0

    @classmethod
    def of(cls, query: str, ctx: Context, attributes: Sequence[Parameter] = ()) -> Self:
        """A statement as it is sent under `ctx`; attributes are left out where they can not be sent."""
        if not ctx.in_force & CLIENT_QUERY_ATTRIBUTES:
            return cls(query)
        if not attributes:
            return cls(query, 0, 1)
        return cls(query, len(attributes), 1, tuple(attributes), null_bitmap(attributes), 1)

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComQuery", com.COM_QUERY)
        if not ctx.in_force & CLIENT_QUERY_ATTRIBUTES:
            return cls(r.rest_text("query"))
        at = r.pos
        count = r.lenenc("parameter_count")
        sets = r.lenenc("parameter_set_count")
        if not count:
            return cls(r.rest_text("query"), count, sets)
        if count > MOST_PARAMETERS:
            raise BadValue("ComQuery", "parameter_count", at, f"{count}, at most {MOST_PARAMETERS}")
        block = decode_block(r, count, named=True, types=())
        if not block.new_params_bind_flag:
            raise BadValue("ComQuery", "new_params_bind_flag", at, "1 expected: attributes have no earlier types")
        return cls(r.rest_text("query"), count, sets, block.parameters, block.null_bitmap, block.new_params_bind_flag)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_QUERY)
        if self.parameter_count is not None:
            w.lenenc(self.parameter_count)
            w.lenenc(self.parameter_set_count or 0)
            if self.null_bitmap is not None:
                encode_block(w, self.null_bitmap, self.new_params_bind_flag or 0, self.attributes, named=True)
        w.raw(self.query)

    def summary(self) -> str:
        return self.query


class ComInitDb(Record, frozen=True):
    """COM_INIT_DB: the default schema from here on."""

    schema_name: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComInitDb", com.COM_INIT_DB)
        return cls(r.rest_text("schema_name"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_INIT_DB)
        w.raw(self.schema_name)

    def summary(self) -> str:
        return self.schema_name


class ComStmtPrepare(Record, frozen=True):
    """COM_STMT_PREPARE. `cut` bytes of the statement were not kept."""

    query: str
    cut: int = 0

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        expect(r, "ComStmtPrepare", com.COM_STMT_PREPARE)
        return cls(r.rest_text("query"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(com.COM_STMT_PREPARE)
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
        expect(r, "ComChangeUser", com.COM_CHANGE_USER)
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
        w.u8(com.COM_CHANGE_USER)
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
    """A byte that is no command, or a command that is not decoded: the byte and all behind it."""

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
        return f"COM_{com.COMMANDS.get(self.command, hex(self.command)).upper()}"

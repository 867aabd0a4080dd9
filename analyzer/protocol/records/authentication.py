"""Packets of the authentication exchange that belong to no plugin.

Sources: MySQL source documentation, "Protocol::AuthSwitchRequest", "Protocol::OldAuthSwitchRequest",
"Protocol::AuthMoreData", "Protocol::AuthNextFactor"; MariaDB Server documentation, "Connecting".
"""

from __future__ import annotations

from typing import Self

from analyzer.errors import BadValue
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.wire.reader import Reader, Writer


class AuthSwitchRequest(Record, frozen=True):
    """0xFE, plugin name, data for it (mostly a nonce and a NUL)."""

    plugin_name: str
    plugin_provided_data: bytes
    # Without data some servers leave the name's NUL out.
    name_has_nul: bool = True

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "AuthSwitchRequest"
        header = r.u8("header")
        if header != 0xFE:
            raise BadValue("AuthSwitchRequest", "header", 0, f"0xfe expected, 0x{header:02x} found")
        if r.data.find(0, r.pos) < 0:
            return cls(r.rest_text("plugin_name"), b"", False)
        return cls(r.nul_text("plugin_name"), r.rest("plugin_provided_data"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0xFE)
        if not self.name_has_nul:
            w.raw(self.plugin_name)
            return
        w.nul(self.plugin_name)
        w.raw(self.plugin_provided_data)

    @property
    def nonce(self) -> bytes:
        """The data without the NUL that ends it."""
        data = self.plugin_provided_data
        return data[:-1] if data[-1:] == b"\x00" else data

    def summary(self) -> str:
        return f"switch to {self.plugin_name}"


class OldAuthSwitchRequest(Record, frozen=True):
    """A single 0xFE: go on with mysql_old_password and the greeting's nonce."""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "OldAuthSwitchRequest"
        header = r.u8("header")
        if header != 0xFE:
            raise BadValue("OldAuthSwitchRequest", "header", 0, f"0xfe expected, 0x{header:02x} found")
        r.finish()
        return cls()

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0xFE)

    def summary(self) -> str:
        return "switch to mysql_old_password"


class AuthMoreData(Record, frozen=True):
    """0x01 and data of the plugin in force. MariaDB leaves the 0x01 out where the data can not be mistaken."""

    authentication_method_data: bytes
    has_mark: bool = True

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "AuthMoreData"
        has_mark = r.peek() == 0x01
        if has_mark:
            r.take("header", 1)
        return cls(r.rest("authentication_method_data"), has_mark)

    def encode(self, w: Writer, ctx: Context) -> None:
        if self.has_mark:
            w.u8(0x01)
        w.raw(self.authentication_method_data)

    def summary(self) -> str:
        return f"{len(self.authentication_method_data)} bytes for the plugin"


class AuthNextFactor(Record, frozen=True):
    """0x02, plugin name, data: the next factor of a multi-factor login."""

    plugin_name: str
    plugin_provided_data: bytes

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "AuthNextFactor"
        header = r.u8("header")
        if header != 0x02:
            raise BadValue("AuthNextFactor", "header", 0, f"0x02 expected, 0x{header:02x} found")
        return cls(r.nul_text("plugin_name"), r.rest("plugin_provided_data"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(0x02)
        w.nul(self.plugin_name)
        w.raw(self.plugin_provided_data)

    @property
    def nonce(self) -> bytes:
        """The data without the NUL that ends it."""
        data = self.plugin_provided_data
        return data[:-1] if data[-1:] == b"\x00" else data

    def summary(self) -> str:
        return f"next factor: {self.plugin_name}"


class AuthResponse(Record, frozen=True):
    """The client's packet of an auth exchange: all of it is the plugin's."""

    data: bytes

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "AuthResponse"
        return cls(r.rest("data"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.raw(self.data)

    def summary(self) -> str:
        return f"{len(self.data)} bytes of the plugin"

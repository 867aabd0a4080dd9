"""The server's first packet: HandshakeV10, HandshakeV9.

Sources: MySQL source documentation, "Protocol::HandshakeV10" and "Protocol::HandshakeV9"; MariaDB Server documentation,
"Connecting", Initial Handshake Packet (extended capabilities in the last four filler bytes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from analyzer.errors import BadValue
from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.tables.capabilities import (
    CLIENT_LONG_PASSWORD,
    CLIENT_PLUGIN_AUTH,
    CLIENT_SECURE_CONNECTION,
)
from analyzer.protocol.wire.reader import Reader, Writer

STATUS_SIZE: Final = 2
NONCE_PART: Final = 12  # bytes of the nonce's second part, without the NUL behind it
# Longer versions are none.
LONGEST_VERSION: Final = 255
# The last byte of the nonce's second part says whether it ends with a NUL.
FREE: Final = MappingProxyType({"thread_id": 0, "auth_plugin_data_part_1": 0, "auth_plugin_data_part_2": 1})


class HandshakeV10(Record, frozen=True):
    """Protocol version 10. `reserved` is 10 bytes of which MariaDB uses the last four (see `capabilities`).

    Greetings of servers before 4.1 end earlier: the fields that are not there are None.
    """

    server_version: str
    thread_id: int
    auth_plugin_data_part_1: bytes
    filler: int
    capability_flags_1: int
    character_set: int | None = None
    status_flags: int | None = None
    capability_flags_2: int | None = None
    auth_plugin_data_len: int = 0
    reserved: bytes = bytes(10)
    auth_plugin_data_part_2: bytes | None = None
    auth_plugin_name: str | None = None
    # Some 5.5 and 5.6 servers send the plugin name without its NUL (bug 59453).
    name_has_nul: bool = True
    # What stands behind: MariaDB 10.0 sends a second NUL, other servers what their authors thought of.
    trailing: bytes = b""

    @property
    def capability_flags(self) -> int:
        """Both halves, and MariaDB's extended capabilities from bit 32 up."""
        flags = self.capability_flags_1 | (self.capability_flags_2 or 0) << 16
        if not flags & CLIENT_LONG_PASSWORD:
            flags |= int.from_bytes(self.reserved[6:10], "little") << 32
        return flags

    @property
    def auth_plugin_data(self) -> bytes:
        """The nonce: both parts, without the NUL that ends the second."""
        second = self.auth_plugin_data_part_2 or b""
        ends = len(second) > NONCE_PART and second[-1:] == b"\x00"
        return self.auth_plugin_data_part_1 + (second[:-1] if ends else second)

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "HandshakeV10"
        version = r.u8("protocol_version")
        if version != 10:
            raise BadValue("HandshakeV10", "protocol_version", 0, f"10 expected, {version} found")
        server_version = r.nul_text("server_version")
        thread_id = r.uint("thread_id", 4)
        part_1 = r.take("auth_plugin_data_part_1", 8)
        filler = r.u8("filler")
        flags_1 = r.uint("capability_flags_1", 2)
        if r.pos == r.end:
            return cls(server_version, thread_id, part_1, filler, flags_1)
        character_set = r.u8("character_set")
        if r.left < STATUS_SIZE:
            return cls(server_version, thread_id, part_1, filler, flags_1, character_set, trailing=r.rest("trailing"))
        status = r.uint("status_flags", 2)
        if r.left < STATUS_SIZE:
            return cls(
                server_version, thread_id, part_1, filler, flags_1, character_set, status, trailing=r.rest("trailing")
            )
        flags_2 = r.uint("capability_flags_2", 2)
        flags = flags_1 | flags_2 << 16
        data_len = r.u8("auth_plugin_data_len")
        reserved = r.take("reserved", 10)
        part_2: bytes | None = None
        if flags & CLIENT_SECURE_CONNECTION or data_len:
            part_2 = r.take("auth_plugin_data_part_2", _second_part(r, data_len))
        name: str | None = None
        has_nul = True
        if flags & CLIENT_PLUGIN_AUTH and r.pos < r.end:
            has_nul = r.data.find(0, r.pos, r.end) >= 0
            name = r.nul_text("auth_plugin_name") if has_nul else r.rest_text("auth_plugin_name")
        return cls(
            server_version,
            thread_id,
            part_1,
            filler,
            flags_1,
            character_set,
            status,
            flags_2,
            data_len,
            reserved,
            part_2,
            name,
            has_nul,
            r.rest("trailing") if r.pos < r.end else b"",
        )

    def free(self, ctx: Context) -> Mapping[str, int]:
        return FREE

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(10)
        w.nul(self.server_version)
        w.uint(self.thread_id, 4)
        w.raw(self.auth_plugin_data_part_1)
        w.u8(self.filler)
        w.uint(self.capability_flags_1, 2)
        if self.character_set is None:
            return
        w.u8(self.character_set)
        if self.status_flags is not None:
            w.uint(self.status_flags, 2)
        if self.capability_flags_2 is None:
            w.raw(self.trailing)
            return
        w.uint(self.capability_flags_2, 2)
        w.u8(self.auth_plugin_data_len)
        w.raw(self.reserved)
        if self.auth_plugin_data_part_2 is not None:
            w.raw(self.auth_plugin_data_part_2)
        if self.auth_plugin_name is not None:
            w.raw(self.auth_plugin_name)
            if self.name_has_nul:
                w.u8(0)
        w.raw(self.trailing)

    def summary(self) -> str:
        return f"server {self.server_version}, connection id {self.thread_id}, plugin {self.auth_plugin_name or '-'}"


def _second_part(r: Reader, data_len: int) -> int:
    """Bytes of the nonce's second part, of those that are left.

    MySQL 5.1 leaves the length 0 and sends 13 bytes all the same; the manual's rule is max(13, length - 8), the last a
    NUL. Servers that others have written send 12 and none.
    """
    behind = r.pos + NONCE_PART
    if r.left == NONCE_PART or (data_len == 8 + NONCE_PART and r.data[behind : behind + 1] > b"\x00"):
        return NONCE_PART
    return max(NONCE_PART + 1, data_len - 8)


class HandshakeV9(Record, frozen=True):
    """Protocol version 9, of MySQL 3.20 and 3.21: version, thread id, scramble."""

    server_version: str
    thread_id: int
    scramble: bytes

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "HandshakeV9"
        version = r.u8("protocol_version")
        if version != 9:
            raise BadValue("HandshakeV9", "protocol_version", 0, f"9 expected, {version} found")
        return cls(r.nul_text("server_version"), r.uint("thread_id", 4), r.nul("scramble"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(9)
        w.nul(self.server_version)
        w.uint(self.thread_id, 4)
        w.nul(self.scramble)

    def summary(self) -> str:
        return f"server {self.server_version} (protocol 9), connection id {self.thread_id}"


def begins_greeting(payload: bytes) -> bool:
    """Whether a payload has the fixed part of a greeting: a version, and the nonce's NUL in its place."""
    end = payload.find(0, 1)
    if not 2 <= end <= LONGEST_VERSION or any(byte < 0x20 for byte in payload[1:end]):
        return False
    if payload[0] == 9:
        return payload[-1] == 0 and len(payload) > end + 5
    return payload[0] == 10 and len(payload) - end - 1 >= 15 and payload[end + 13] == 0


# Servers known by a word in their version, most specific first; all else is MySQL.
FLAVORS: tuple[tuple[str, str], ...] = (
    ("tidb", "tidb"),
    ("vitess", "vitess"),
    ("doris", "doris"),
    ("starrocks", "starrocks"),
    ("oceanbase", "oceanbase"),
    ("proxysql", "proxysql"),
    ("maxscale", "maxscale"),
    ("clickhouse", "clickhouse"),
    ("dolt", "dolt"),
    ("manticore", "manticore"),
    ("sphinx", "sphinx"),
    ("aurora", "aurora"),
    ("mimic", "mysql-mimic"),
    ("node.js", "mysql2"),
    ("singlestore", "singlestore"),
    ("mariadb", "mariadb"),
    ("percona", "percona"),
)
REPLICATION_PREFIX = "5.5.5-"
# Manticore: its version, a commit and the day of it ("6.2.12 dc5144d35@230822"). Sphinx: its release and a commit.
MANTICORE = re.compile(r"\d+\.\d+\.\d+ [0-9a-f]{6,40}@\d{6,8}\b")
SPHINX = re.compile(r"[23]\.\d+\.\d+(-id64)?(-release|-beta|-dev)? \((commit )?[0-9a-f]{6,40}\)")


def flavor_of(greeting: HandshakeV10 | HandshakeV9) -> str:
    """The server's family, from its version; a MariaDB without the word is known by its clear CLIENT_LONG_PASSWORD."""
    version = greeting.server_version.lower()
    for word, flavor in FLAVORS:
        if word in version:
            return flavor
    if MANTICORE.match(version):
        return "manticore"
    if SPHINX.match(version):
        return "sphinx"
    if isinstance(greeting, HandshakeV10):
        flags = greeting.capability_flags
        if version in ("5.1.0", "5.7.99") and flags & CLIENT_PLUGIN_AUTH:
            # Versions that MySQL never had with auth plugins: the defaults of StarRocks and of Doris.
            return "starrocks" if version == "5.1.0" else "doris"
        if flags >> 32 and not flags & CLIENT_LONG_PASSWORD:
            return "mariadb"
    return "mysql"


def plain_version(version: str) -> str:
    """The version without the 5.5.5- that MariaDB 10 puts in front for old replication clients."""
    if version.startswith(REPLICATION_PREFIX) and len(version) > len(REPLICATION_PREFIX):
        return version[len(REPLICATION_PREFIX) :]
    return version

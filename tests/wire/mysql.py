"""MySQL packets. What is not said is what a client and a server of today would say."""

from __future__ import annotations

import struct
import zlib

import zstandard

# What a server offers that has everything but MariaDB's own and compression by zstd.
SERVER_FLAGS = 0xDFFF_FFFF
# LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH, ..._LENENC_CLIENT_DATA,
# DEPRECATE_EOF
CLIENT_FLAGS = 0x0128_A209
CONNECT_WITH_DB, COMPRESS, SSL, PLUGIN_AUTH = 0x8, 0x20, 0x800, 0x8_0000
CONNECT_ATTRS, DEPRECATE_EOF, ZSTD = 0x10_0000, 0x100_0000, 0x400_0000

NONCE = bytes(range(0x21, 0x35))
NATIVE = "mysql_native_password"
CACHING = "caching_sha2_password"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def packet(sequence: int, payload: bytes) -> bytes:
    """A payload with its header; several packets where it is 16 MiB or longer."""
    out = bytearray()
    while True:
        part, payload = payload[: (1 << 24) - 1], payload[(1 << 24) - 1 :]
        out += len(part).to_bytes(3, "little") + bytes([sequence & 0xFF]) + part
        if len(part) < (1 << 24) - 1:
            return bytes(out)
        sequence += 1


def greeting(
    version: str | bytes = "9.1.0",
    thread: int = 7,
    plugin: str | bytes | None = CACHING,
    flags: int = SERVER_FLAGS,
    *,
    nonce: bytes = NONCE,
    collation: int = 255,
    sequence: int = 0,
) -> bytes:
    """HandshakeV10."""
    payload = b"\x0a" + _bytes(version) + b"\0" + struct.pack("<I", thread) + nonce[:8] + b"\0"
    payload += struct.pack("<HBHHB", flags & 0xFFFF, collation, 2, flags >> 16 & 0xFFFF, 21) + bytes(10)
    payload += nonce[8:] + b"\0"
    return packet(sequence, payload if plugin is None else payload + _bytes(plugin) + b"\0")


def login(
    user: str | bytes = "app",
    database: str = "shop",
    response: bytes = b"\x55" * 32,
    plugin: str = CACHING,
    *,
    flags: int = CLIENT_FLAGS,
    tail: bytes | None = None,
    sequence: int = 1,
    attributes: dict[str, str] | None = None,
) -> bytes:
    """HandshakeResponse41. `tail` is all that stands behind the auth response, whatever the other arguments say."""
    flags |= CONNECT_ATTRS if attributes is not None else 0
    payload = struct.pack("<IIB", flags, 1 << 24, 255) + bytes(23) + _bytes(user) + b"\0"
    payload += bytes([len(response)]) + response
    if tail is not None:
        return packet(sequence, payload + tail)
    payload += database.encode() + b"\0" + plugin.encode() + b"\0"
    if attributes is not None:
        pairs = b"".join(bytes([len(part)]) + part.encode() for pair in attributes.items() for part in pair)
        payload += bytes([len(pairs)]) + pairs
    return packet(sequence, payload)


def ssl_request(sequence: int = 1, flags: int = CLIENT_FLAGS) -> bytes:
    return packet(sequence, struct.pack("<IIB", flags | SSL, 1 << 24, 255) + bytes(23))


def ok(sequence: int = 2, *, header: int = 0, status: int = 2) -> bytes:
    """OK; with header 0xFE the one that ends rows where DEPRECATE_EOF is in force."""
    return packet(sequence, bytes([header]) + b"\0\0" + struct.pack("<HH", status, 0))


def eof(sequence: int, status: int = 2) -> bytes:
    return packet(sequence, b"\xfe" + struct.pack("<HH", 0, status))


def err(sequence: int, code: int = 1045, message: str | bytes = "Access denied", state: str | None = "HY000") -> bytes:
    mark = b"#" + state.encode() if state else b""
    return packet(sequence, b"\xff" + struct.pack("<H", code) + mark + _bytes(message))


def switch(sequence: int, plugin: str, data: bytes = NONCE + b"\0") -> bytes:
    """AuthSwitchRequest."""
    return packet(sequence, b"\xfe" + plugin.encode() + b"\0" + data)


def more(sequence: int, data: bytes) -> bytes:
    """AuthMoreData."""
    return packet(sequence, b"\x01" + data)


def query(sql: str | bytes = "select 1") -> bytes:
    return packet(0, b"\x03" + _bytes(sql))


PING = packet(0, b"\x0e")
QUIT = packet(0, b"\x01")
FAST = more(2, b"\x03")
CLIENT_HELLO = bytes.fromhex("160301002d010000290303") + bytes(32) + bytes.fromhex("00000213010100")


def compressed(payload: bytes, announced: int, sequence: int = 0) -> bytes:
    """A frame of the compressed protocol that announces `announced` bytes, whatever is in it."""
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + announced.to_bytes(3, "little") + payload


def bomb(content: bytes, algorithm: int) -> bytes:
    """`content` in as few bytes as can be, as one compressed frame."""
    if algorithm == ZSTD:
        return compressed(zstandard.ZstdCompressor(level=19).compress(content), len(content))
    return compressed(zlib.compress(content, 9), len(content))

"""Traffic for findings: logins with chosen fields, refusals, several connections of one capture."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from analyzer.analysis import AnalysisOptions, Connection
from tests.analysis.traffic import analyse, results_of
from tests.wire.frames import FIN
from tests.wire.mysql import (
    CLIENT_FLAGS,
    FAST,
    NATIVE,
    NONCE,
    SERVER_FLAGS,
    eof,
    err,
    greeting,
    login,
    more,
    ok,
    packet,
    ssl_request,
    switch,
)
from tests.wire.script import GOODBYE, MS, SECOND, START, Say, Script, Step, conversation, in_time_order

CLOSE: tuple[Step, ...] = (Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))
SERVER_CLOSES: tuple[Step, ...] = (Say("s", flags=FIN), Say("c", flags=FIN), Say("s"))
SHA2 = "caching_sha2_password"
MARIADB = "11.8.6-MariaDB"
HALF_A_LOGIN = packet(1, login()[4:60])
BAD_HANDSHAKE = err(2, 1043, "Bad handshake", "08S01")
# TLS alerts in the clear: level and description (RFC 8446, 6).
PROTOCOL_VERSION = bytes.fromhex("15030100020246")
UNKNOWN_CA = bytes.fromhex("15030300020230")
HANDSHAKE_FAILURE = bytes.fromhex("15030300020228")


def lenenc(data: bytes) -> bytes:
    if len(data) < 251:
        return bytes([len(data)]) + data
    return b"\xfc" + struct.pack("<H", len(data)) + data


def any_login(
    flags: int = CLIENT_FLAGS,
    collation: int = 45,
    high: int = 0,
    user: str = "app",
    response: bytes = b"\x55" * 32,
    plugin: str = SHA2,
    attributes: dict[str, str] | None = None,
) -> bytes:
    """A login with any flags; `high` goes into the byte behind the collation."""
    if attributes is not None:
        flags |= 0x0010_0000
    payload = struct.pack("<IIBB", flags, 1 << 24, collation, high) + bytes(22) + user.encode() + b"\0"
    payload += bytes([len(response)]) + response + b"shop\0" + plugin.encode() + b"\0"
    if attributes is not None:
        payload += lenenc(b"".join(lenenc(part.encode()) for pair in attributes.items() for part in pair))
    return packet(1, payload)


def scramble(password: bytes, nonce: bytes = NONCE) -> bytes:
    """caching_sha2_password's, written once more for the tests."""
    first = sha256(password).digest()
    mask = sha256(sha256(first).digest() + nonce).digest()
    return bytes(a ^ b for a, b in zip(first, mask, strict=True))


def full(user: str = "app", response: bytes = b"\x55" * 32) -> list[Step]:
    """An accepted login on the full path, under RSA."""
    return [
        ("s", greeting()),
        ("c", login(user=user, response=response)),
        ("s", more(2, b"\x04")),
        ("c", packet(3, b"\x02")),
        ("s", more(4, b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n")),
        ("c", packet(5, b"\x99" * 256)),
        ("s", ok(6)),
        *GOODBYE,
    ]


def fast(user: str = "app") -> list[Step]:
    return [("s", greeting()), ("c", login(user=user)), ("s", FAST + ok(3)), *GOODBYE]


PROBE: tuple[Step, ...] = (("s", greeting()), *CLOSE)


# So many connections are fed frame by frame too, to see that it makes no difference.
FEW: Final = 20


def several(
    scripts: Sequence[Script], gap_ns: int = 100 * MS, options: AnalysisOptions | None = None, client: str = "10.0.0.1"
) -> list[Connection]:
    """The connections of one client to one server, each begun `gap_ns` after the one before."""
    frames = in_time_order(
        *(
            conversation(script, client=(client, 40_000 + number), start_ns=START + number * gap_ns)
            for number, script in enumerate(scripts)
        )
    )
    if len(scripts) <= FEW:
        return analyse(frames, options)
    return [connection for connection, _ in results_of(frames, options)[0]]


def last(scripts: Sequence[Script], gap_ns: int = 100 * MS, options: AnalysisOptions | None = None) -> Connection:
    return several(scripts, gap_ns, options)[-1]


# A login that agrees on CLIENT_DEPRECATE_EOF, and a result set of one row with the EOF packets of before.
DEPRECATE_EOF = 1 << 24
BEGUN_OLD: list[Step] = [
    ("s", greeting(flags=SERVER_FLAGS & ~DEPRECATE_EOF)),
    ("c", login(flags=CLIENT_FLAGS & ~DEPRECATE_EOF)),
    ("s", FAST + ok(3)),
]
BEGUN_NEW: list[Step] = [
    ("s", greeting(flags=SERVER_FLAGS | DEPRECATE_EOF)),
    ("c", login(flags=CLIENT_FLAGS | DEPRECATE_EOF)),
    ("s", FAST + ok(3)),
]
COLUMN = bytes.fromhex("03 64 65 66 00 00 00 01 31 00 0c 3f 00 01 00 00 00 08 81 00 00 00 00")
CACHED_ROWS = packet(1, b"\x01") + packet(2, COLUMN) + eof(3) + packet(4, b"\x011") + eof(5)
ASKS_FOR_FILE = packet(1, b"\xfb/etc/passwd")
SERVER_HELLO = bytes.fromhex("160303002a020000260303") + bytes(32) + bytes.fromhex("00c02f00")
# A record of application data.
SEALED = bytes.fromhex("1703030020") + bytes(32)


def tls(*after: Step) -> list[Step]:
    """TLS begun: the greeting, an SSLRequest, a ClientHello, and what comes after."""
    from tests.wire.mysql import CLIENT_HELLO

    return [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO), *after]


def switched(plugin: str = NATIVE, version: str = "9.1.0") -> list[Step]:
    return [
        ("s", greeting(version=version)),
        ("c", login()),
        ("s", switch(2, plugin)),
        ("c", packet(3, b"\x77" * 20)),
        ("s", ok(4)),
        *GOODBYE,
    ]


def idle(seconds: float, *end: Step, version: str = MARIADB) -> list[Step]:
    """An accepted login, silence, and the end."""
    first, *others = end
    said = first if isinstance(first, Say) else Say(*first)
    late = said._replace(wait_ns=int(seconds * SECOND))
    return [("s", greeting(version=version)), ("c", login()), ("s", FAST + ok(3)), late, *others]


Made = Callable[[], Connection]

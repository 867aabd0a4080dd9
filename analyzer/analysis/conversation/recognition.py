"""Whether a TCP connection is MySQL, and which side is the server.

A server is known on any port by its greeting or the error in its place; a client by its SSLRequest or login, both
distinctive. What merely looks alike is not MySQL: every test checks the whole layout of the packet's fixed part.
"""

from __future__ import annotations

import re
from typing import Final

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.tables.capabilities import CLIENT_LONG_PASSWORD, CLIENT_PROTOCOL_41, CLIENT_SSL

YES: Final = 1
NO: Final = 0
MORE: Final = -1  # too few bytes to say

LONGEST_GREETING: Final = 1024
LONGEST_ERROR: Final = 1024
LONGEST_LOGIN: Final = 1 << 18
# Error codes: of servers (from 1000 on), of clients that proxies pass on (2000), of proxies of their own (9000).
# Source: MySQL "Error Message Reference".
ERROR_CODES: Final = range(1000, 20000)
_SQL_STATE: Final = re.compile(r"[0-9A-Z]{5}")
# Errors that no server sends in an established session: too many connections, a host that is blocked or not allowed.
BEFORE_LOGIN: Final = frozenset({1040, 1129, 1130})
# X Protocol: the server's first message is the notice "hello" (type 11), the client's CapabilitiesGet or ...Set.
# Source: MySQL source documentation, "X Protocol", Mysqlx.ClientMessages and Mysqlx.ServerMessages.
X_NOTICE: Final = 11
X_CAPABILITIES_GET: Final = 1
X_CAPABILITIES_SET: Final = 2
X_ANSWERS: Final = frozenset({0, 1, 2, X_NOTICE})


_CUT_VERSION: Final = re.compile(rb"\d{1,2}\.\d{1,2}\.\d{1,3}(?:[-.+~:][\x20-\x7e]*)?\Z")
_CONTROL: Final = re.compile(rb"[\x00-\x1f]")


def _packet(data: bytes, longest: int, minimum: int) -> tuple[int, bytes]:
    """(YES, payload) where `data` begins with one whole packet of a length in bounds; else (MORE or NO, b"")."""
    if len(data) < 4:
        # The length's high byte and the sequence id are late: what is there must fit all the same.
        return (MORE if len(data) < 3 or data[2] < 4 else NO), b""
    length = int.from_bytes(data[:3], "little")
    if not minimum <= length <= longest:
        return NO, b""
    if len(data) < 4 + length:
        return MORE, data[4:]
    return YES, data[4 : 4 + length]


def is_greeting(data: bytes) -> int:
    """Whether a direction begins with HandshakeV10 or V9."""
    verdict, payload = _packet(data, LONGEST_GREETING, 12)
    if verdict == NO:
        return NO
    if len(data) >= 4 and data[3] != 0:
        return NO
    if payload and payload[0] not in (9, 10):
        return NO
    end = payload.find(0, 1)
    version = payload[1:end] if end > 0 else payload[1:]
    if len(version) > 255 or _CONTROL.search(version, 0, 64):
        return NO
    if verdict == MORE:
        return MORE
    if end < 2:
        return NO
    # After the version: thread id, 8 bytes of nonce and a zero byte, flags; version 9 ends with its scramble's NUL.
    if payload[0] == 9:
        return YES if payload[-1] == 0 and len(payload) > end + 5 else NO
    rest = len(payload) - end - 1
    if rest < 15 or payload[end + 13] != 0:
        return NO
    # A greeting without the upper flags ends after the lower ones; else the fixed part is 31 bytes, of which servers
    # that others have written leave the end out: they are known by a version that begins with a number.
    return YES if rest == 15 or rest >= 31 or version[:1].isdigit() else NO


def is_cut_greeting(data: bytes) -> bool:
    """Whether a direction begins with a greeting that is cut off: after its version, or in it, behind its numbers."""
    if len(data) < 5 or is_greeting(data) != MORE or data[4] not in (9, 10):
        return False
    end = data.find(0, 5)
    return _CUT_VERSION.match(data, 5) is not None if end < 0 else end > 6 and data[5:6].isdigit()


def is_cut_login(data: bytes) -> bool:
    """Whether a direction begins with a login that is cut off: after its fixed part."""
    return len(data) >= 36 and is_login(data) != NO


def begins_connection(data: bytes) -> bool:
    """Whether bytes are a greeting, or a login, and nothing that a session holds later."""
    return is_greeting(data) == YES or is_cut_greeting(data) or is_login(data) == YES


def is_early_error(data: bytes, opened: bool = True) -> int:
    """Whether a direction begins with the error packet that stands in for a greeting.

    `opened`: the beginning of the connection is in the capture; if not, most errors end an established session.
    """
    verdict, payload = _packet(data, LONGEST_ERROR, 4)
    if verdict == NO or (len(data) >= 4 and data[3] != 0) or (payload and payload[0] != 0xFF):
        return NO
    if verdict == MORE:
        return MORE
    try:
        error = ErrPacket.from_bytes(payload, Context())
    except DecodeError:
        return NO
    if any(byte < 0x20 for byte in payload[3:] if byte not in (0x09, 0x0A, 0x0D)):
        return NO
    state = error.sql_state
    if state is not None and not _SQL_STATE.fullmatch(state):
        return NO
    # A sentence, in whatever language.
    words = error.error_message.strip()
    known = error.error_code in (ERROR_CODES if opened else BEFORE_LOGIN)
    return YES if known and len(words) > 3 and words.isprintable() else NO


def is_login(data: bytes) -> int:
    """Whether a direction begins with an SSLRequest or a HandshakeResponse41."""
    verdict, payload = _packet(data, LONGEST_LOGIN, 32)
    if verdict == NO:
        return NO
    # 1 after a greeting; 2 where a proxy or TLS terminator sits between.
    if len(data) >= 4 and data[3] not in (1, 2):
        return NO
    if len(payload) < 32:
        return MORE
    flags = int.from_bytes(payload[:4], "little")
    if not flags & CLIENT_PROTOCOL_41:
        return NO
    # 23 filler bytes: the first may hold a collation's high byte, MariaDB's clients put flags into the last four.
    if any(payload[10:28]) or (any(payload[28:32]) and flags & CLIENT_LONG_PASSWORD):
        return NO
    if verdict == YES and len(payload) == 32:
        return YES if flags & CLIENT_SSL else NO
    end = payload.find(0, 32)
    if end < 0:
        return MORE if verdict == MORE else NO
    return NO if any(byte < 0x20 for byte in payload[32:end]) else YES


def is_x_protocol(client: bytes, server: bytes, port: int) -> bool:
    """Whether the two directions begin with messages of the X Protocol."""
    if len(server) >= 5 and server[3] == 0 and server[4] == X_NOTICE:
        length = int.from_bytes(server[:4], "little")
        # A frame whose first field is its type (tag 0x08): a greeting has its sequence id and version here.
        if 3 <= length < 256 and server[5:6] == b"\x08":
            return True
    if len(client) >= 5 and client[4] in (X_CAPABILITIES_GET, X_CAPABILITIES_SET):
        length = int.from_bytes(client[:4], "little")
        answered = len(server) < 5 or server[4] in X_ANSWERS
        plain = client[4] == X_CAPABILITIES_GET and length == 1
        setting = client[4] == X_CAPABILITIES_SET and client[5:6] == b"\x0a" and 3 < length < 4096
        return answered and (plain or setting) and (port == 33060 or len(server) >= 5)
    return False

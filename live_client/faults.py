"""Deliberate faults, by name: each makes a connection that goes wrong in one way, for tests, samples and training.

One row each: at which point of the login it strikes, and what it does there. A point is reached in the course of every
login, or only in some (a fault at SWITCH needs a server that switches).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import (
    CLIENT_CONNECT_ATTRS,
    CLIENT_FOUND_ROWS,
    CLIENT_PROTOCOL_41,
    CLIENT_SSL,
)
from analyzer.protocol.wire.framing import HEADER
from live_client.truth import OF_LOGIN

# Points, in the order in which a login comes to them.
CONNECTED: Final = "as soon as the connection is made"
GREETED: Final = "after the greeting"
SSL_REQUEST: Final = "when TLS is asked for"
TLS: Final = "in place of the TLS handshake"
NONCE: Final = "when the password is scrambled"
LOGIN: Final = "in the login"
LOGIN_SENT: Final = "after the login was sent"
SWITCH: Final = "when the server asks for another plugin"
FULL_AUTH: Final = "when the server asks for the password itself"
ACCEPTED: Final = "after the server accepted the login"
COMMAND: Final = "in the first command"
COMMAND_SENT: Final = "after the first command was sent"

# How a fault leaves.
CLOSE: Final = "closes the connection"
RESET: Final = "resets the connection"
SILENCE: Final = "says nothing more"

# The hello of a program that took the port for a web server's.
HTTP_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: handshark-client\r\n\r\n"
OVER_64K: Final = 70_000
NO_TLS: Final = b"this is no TLS record, but sixty-four bytes of plain text instead"


@dataclass(frozen=True)
class Fault:
    """`send`: bytes in place of what is due. `leave`: how it ends. `login`, `wire`, `nonce`: changes to what is sent.

    `ssl_request`: an SSLRequest is sent though no TLS follows. `with_tls` and `without_tls` say what it needs.
    """

    what: str
    point: str
    send: bytes | None = None
    leave: str | None = None
    login: Callable[[HandshakeResponse41], HandshakeResponse41] | None = None
    wire: Callable[[bytes], bytes] | None = None
    nonce: Callable[[bytes], bytes] | None = None
    unsaid: frozenset[str] = frozenset()  # keys of the truth that can not be told any more
    plain_login_first: bool = False
    with_tls: bool = False
    without_tls: bool = False


def _set(flag: int) -> Callable[[HandshakeResponse41], HandshakeResponse41]:
    return lambda login: msgspec.structs.replace(login, client_flag=login.client_flag | flag)


def _no_protocol_41(login: HandshakeResponse41) -> HandshakeResponse41:
    return msgspec.structs.replace(login, client_flag=login.client_flag & ~CLIENT_PROTOCOL_41)


def _other_collation(login: HandshakeResponse41) -> HandshakeResponse41:
    # latin1_swedish_ci, or utf8mb4_general_ci where that is what was asked for.
    return msgspec.structs.replace(login, character_set=8 if login.character_set != 8 else 45)


def _other_capabilities(login: HandshakeResponse41) -> HandshakeResponse41:
    return msgspec.structs.replace(login, client_flag=login.client_flag ^ CLIENT_FOUND_ROWS)


def _many_attributes(login: HandshakeResponse41) -> HandshakeResponse41:
    filling = ("filling", "x" * OVER_64K)
    attributes = (*(login.attributes or ()), filling)
    flags = login.client_flag | CLIENT_CONNECT_ATTRS
    return msgspec.structs.replace(
        login, attributes=attributes, client_flag=flags, layout=login.layout | CLIENT_CONNECT_ATTRS
    )


def _unknown_plugin(login: HandshakeResponse41) -> HandshakeResponse41:
    return msgspec.structs.replace(login, client_plugin_name="no_such_plugin")


def _short_response(login: HandshakeResponse41) -> HandshakeResponse41:
    return msgspec.structs.replace(login, auth_response=login.auth_response[:-1])


def _sequence(number: int) -> Callable[[bytes], bytes]:
    """The packet with `number` added to its sequence id."""
    return lambda wire: wire[:3] + bytes([(wire[3] + number) & 0xFF]) + wire[4:]


def _half(wire: bytes) -> bytes:
    """Half of the payload, under a header that says so: whole as a packet, cut as a record."""
    payload = wire[HEADER : HEADER + (len(wire) - HEADER) // 2]
    return len(payload).to_bytes(3, "little") + wire[3:4] + payload


def _cut(wire: bytes) -> bytes:
    """The header of the whole packet, and half of its bytes."""
    return wire[: HEADER + (len(wire) - HEADER) // 2]


def _empty(wire: bytes) -> bytes:
    return bytes(3) + wire[3:4]


def _swapped(nonce: bytes) -> bytes:
    """The greeting gives the nonce in two parts: here the second comes first."""
    return nonce[8:20] + nonce[:8] + nonce[20:]


FAULTS: Final[dict[str, Fault]] = {
    "speaks-first": Fault("an HTTP request before the greeting has come", CONNECTED, send=HTTP_REQUEST),
    "close-before-greeting": Fault("closes at once, as a port check does", CONNECTED, leave=CLOSE),
    "close-after-greeting": Fault("closes without a word, as a health check does", GREETED, leave=CLOSE),
    "reset-after-greeting": Fault("resets the connection without a word", GREETED, leave=RESET),
    "silence-after-greeting": Fault("says nothing until the server gives up", GREETED, leave=SILENCE),
    "http-request": Fault("an HTTP request in place of the login", GREETED, send=HTTP_REQUEST),
    "query-without-login": Fault("a statement in place of the login", GREETED, send=b"\x09\x00\x00\x00\x03SELECT 1"),
    "login-before-tls": Fault(
        "the whole login in plain text, then TLS", SSL_REQUEST, plain_login_first=True, with_tls=True
    ),
    "plain-text-in-tls": Fault("plain text in place of the TLS handshake", TLS, send=NO_TLS, with_tls=True),
    "close-in-tls": Fault("closes where the TLS handshake is due", TLS, leave=CLOSE, with_tls=True),
    "collation-differs-in-tls": Fault(
        "one collation before TLS, another inside", LOGIN, login=_other_collation, with_tls=True
    ),
    "capabilities-differ-in-tls": Fault(
        "other capabilities inside TLS than before it", LOGIN, login=_other_capabilities, with_tls=True
    ),
    "ssl-flag-without-tls": Fault(
        "the login sets CLIENT_SSL, and no TLS follows", LOGIN, login=_set(CLIENT_SSL), without_tls=True
    ),
    "no-protocol-41": Fault(
        "the login clears CLIENT_PROTOCOL_41 and keeps its layout", LOGIN, login=_no_protocol_41, unsaid=OF_LOGIN
    ),
    "attributes-over-64k": Fault("more than 64 KiB of connection attributes", LOGIN, login=_many_attributes),
    "unknown-plugin": Fault("the login names an auth plugin that does not exist", LOGIN, login=_unknown_plugin),
    "short-auth-response": Fault(
        "the scramble lacks its last byte", LOGIN, login=_short_response, unsaid=frozenset({"authentication"})
    ),
    "wrong-scramble-order": Fault("the two parts of the nonce the wrong way round", NONCE, nonce=_swapped),
    "wrong-sequence-id": Fault("the login has a sequence id two too high", LOGIN, wire=_sequence(2)),
    "truncated-response": Fault("the login ends in the middle, its length says so too", LOGIN, wire=_half),
    "cut-packet": Fault("half of the login's bytes, then nothing", LOGIN, wire=_cut, leave=CLOSE),
    "empty-login": Fault("a login of no bytes", LOGIN, wire=_empty),
    "drop-after-login": Fault("closes before the server's verdict", LOGIN_SENT, leave=CLOSE),
    "drop-after-switch": Fault("closes when asked for another plugin", SWITCH, leave=CLOSE),
    "drop-after-full-auth-request": Fault("closes when asked for the password itself", FULL_AUTH, leave=CLOSE),
    "reset-after-login": Fault("resets the connection once the login is accepted", ACCEPTED, leave=RESET),
    "close-after-login": Fault("closes without COM_QUIT once the login is accepted", ACCEPTED, leave=CLOSE),
    "command-sequence-id": Fault("the first command has sequence id 3", COMMAND, wire=_sequence(3)),
    "empty-command": Fault("a command of no bytes", COMMAND, wire=_empty),
    "drop-after-command": Fault("closes before the response", COMMAND_SENT, leave=CLOSE),
}


def fault_list() -> str:
    """All faults, a line each, for `--fault list`."""
    width = max(map(len, FAULTS))
    return "".join(f"{name:<{width}}  {fault.what}\n" for name, fault in FAULTS.items())

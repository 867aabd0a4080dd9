"""Traffic that makes findings: the cases that a table can hold."""

from __future__ import annotations

from hashlib import sha1

from analyzer.analysis.findings.catalog import TABLE
from tests.wire.frames import FIN, RST
from tests.wire.mysql import (
    CLIENT_HELLO,
    FAST,
    NATIVE,
    NONCE,
    QUIT,
    err,
    greeting,
    login,
    more,
    ok,
    packet,
    query,
    ssl_request,
    switch,
)
from tests.wire.script import ACCEPTED, GOODBYE, Say, Step, wait

CLOSE: tuple[Step, ...] = (Say("c", flags=FIN), Say("s", flags=FIN), Say("c"))


BEGUN: tuple[Step, ...] = (("s", greeting()), ("c", login()))


def scramble(password: bytes) -> bytes:
    """mysql_native_password's response to NONCE."""
    first = sha1(password).digest()
    mask = sha1(NONCE + sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, mask, strict=True))


def native(password: bytes = b"secret", verdict: bytes | None = None) -> list[Step]:
    response = scramble(password)
    return [
        ("s", greeting(plugin=NATIVE)),
        ("c", login(response=response, plugin=NATIVE)),
        ("s", verdict or ok(2)),
        *GOODBYE,
    ]


class Near:
    """A script that makes a finding, and one that nearly does."""

    def __init__(self, yes: list[Step], no: list[Step], **how: object) -> None:
        self.yes = yes
        self.no = no
        self.how = how


# Findings of the command phase too.
OF_COMMANDS = ("password-expired",)
MORE_THAN_ERRORS = ("tls-required", "protocol-41-missing")


# Findings that one error of the server is enough for: error code -> finding.
ERRORS = [
    *sorted((code, rule.code) for rule in TABLE for code in rule.errors if rule.code not in MORE_THAN_ERRORS),
    # Those two look at 1043 and 1045 too, which need more than the error.
    (3159, "tls-required"),
    (1251, "plugin-unsupported"),
    (1524, "plugin-unsupported"),
]


CASES: dict[str, Near] = {
    "cleartext-password": Near(
        [*BEGUN, ("s", switch(2, "mysql_clear_password", b"")), ("c", packet(3, b"secret\0")), ("s", ok(4))],
        [*BEGUN, ("s", switch(2, NATIVE)), ("c", packet(3, b"\x77" * 20)), ("s", ok(4))],
    ),
    "full-auth-refused": Near(
        [*BEGUN, ("s", more(2, b"\x04")), *CLOSE],
        [*BEGUN, ("s", more(2, b"\x04")), ("c", packet(3, b"\x02")), *CLOSE],
    ),
    "plugin-unsupported": Near(
        [*BEGUN, ("s", switch(2, "client_ed25519")), *CLOSE],
        [*BEGUN, ("s", switch(2, "client_ed25519")), ("c", packet(3, b"\x77" * 64)), ("s", ok(4))],
    ),
    "probe-connection": Near([("s", greeting()), *CLOSE], [*BEGUN, *CLOSE]),
    "no-greeting": Near([Say("c"), Say("c", flags=FIN, wait_ns=3 * 10**9), *CLOSE[1:]], [("s", greeting()), *CLOSE]),
    "foreign-server": Near(
        [("s", b"220 mail.example ESMTP\r\n"), *CLOSE], [("s", err(0, 1040, "Too many connections"))]
    ),
    "foreign-client": Near(
        [("s", greeting()), ("c", b"GET / HTTP/1.1\r\n\r\n"), *CLOSE],
        [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)],
    ),
    "login-timeout": Near(
        [("s", greeting()), Say("s", flags=FIN, wait_ns=10 * 10**9)],
        [("s", greeting()), Say("c", flags=FIN, wait_ns=10 * 10**9)],
    ),
    "server-stalled": Near(
        [*BEGUN, Say("c", flags=FIN, wait_ns=5 * 10**9), Say("s", flags=FIN)],
        [*BEGUN, wait("s", FAST + ok(3), 5), *GOODBYE],
    ),
    "sequence-error": Near(
        [*BEGUN, ("s", more(2, b"\x03") + ok(5)), *GOODBYE],
        [*BEGUN, ("s", more(2, b"\x03") + ok(3)), *GOODBYE],
    ),
    "malformed-packet": Near(
        [*ACCEPTED, ("c", packet(0, b"")), *CLOSE],
        [*BEGUN, ("s", err(2, 1045, "Access denied")), *CLOSE],
    ),
    "server-ended-session": Near(
        [*ACCEPTED, wait("s", err(0, 4031, "inactivity"), 2), Say("s", flags=FIN)],
        # The client had gone already: the server only notes it.
        [*ACCEPTED, Say("c", flags=FIN), ("s", err(2, 1158, "Got an error reading")), Say("c", flags=RST)],
    ),
    "connection-reset": Near([*ACCEPTED, Say("s", flags=RST)], [*ACCEPTED, ("c", QUIT), Say("s", flags=RST)]),
    "keys-missing": Near(
        [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)],
        [("s", greeting()), ("c", ssl_request()), *CLOSE],
    ),
    "deprecated-plugin": Near(native(), native(verdict=err(2, 1045, "Access denied", "28000"))),
    "capture-gap": Near(
        [*ACCEPTED, Say("c", query("SELECT 1"), lost=True), ("s", ok(1)), *GOODBYE],
        [*ACCEPTED, ("c", query("SELECT 1")), ("s", ok(1)), *GOODBYE],
    ),
    "capture-truncated": Near(
        [Say("s", greeting(), cut=50), *ACCEPTED[1:], *GOODBYE],
        [Say("s", greeting(), cut=len(greeting())), *ACCEPTED[1:], *GOODBYE],
    ),
    "retransmissions": Near([*ACCEPTED, *GOODBYE], [*ACCEPTED, *GOODBYE]),
    "unencrypted-login": Near([*ACCEPTED], [("s", greeting()), ("c", ssl_request()), ("c", CLIENT_HELLO)]),
    "capture-one-sided": Near([*ACCEPTED], [*ACCEPTED]),
    "capture-mid-stream": Near([("c", query("SELECT 1")), ("s", ok(1)), ("c", QUIT)], [*ACCEPTED]),
    "wrong-password": Near(native(b"other"), native(b"secret")),
    "right-password": Near(native(b"secret"), native(b"other")),
}

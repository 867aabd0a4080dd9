"""Every fault, by name: it strikes, and what the client sends is wrong in the way it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41, CLIENT_SSL
from live_client import ConnectionFailed, LeftOnPurpose, Options, Session, Transcript
from live_client.faults import FAULTS, HTTP_REQUEST, fault_list
from tests.live_client.scripted import NONCE, ScriptedTransport, context, greeting, switch
from tests.live_client.tls_server import TlsServer
from tests.wire.mysql import err, more, ok

PASSWORD: Final = b"secret"
GREETED: Final = (greeting(),)
LOGGED_IN: Final = (greeting(), ok(2))

Check = Callable[[ScriptedTransport, Session], bool]


def sent_login(transport: ScriptedTransport) -> HandshakeResponse41:
    return HandshakeResponse41.from_bytes(transport.packets()[0][1], context())


def packets(transport: ScriptedTransport) -> int:
    return len(transport.packets())


# fault -> (what the server says, what has to be true then). The server's part ends by closing.
EXPECTED: Final[dict[str, tuple[tuple[bytes, ...], Check]]] = {
    "speaks-first": (GREETED, lambda t, s: t.sent == HTTP_REQUEST),
    "close-before-greeting": (GREETED, lambda t, s: t.sent == b"" and t.state == "closed"),
    "close-after-greeting": (GREETED, lambda t, s: t.sent == b"" and t.state == "closed"),
    "reset-after-greeting": (GREETED, lambda t, s: t.sent == b"" and t.state == "aborted"),
    "silence-after-greeting": ((*GREETED, err(1, 1159, state="08S01")), lambda t, s: t.sent == b"" and t.timeout <= 60),
    "http-request": ((*GREETED, err(1, 1156)), lambda t, s: t.sent == HTTP_REQUEST and s.known.outcome == "rejected"),
    "query-without-login": (GREETED, lambda t, s: t.packets() == [(0, b"\x03SELECT 1")]),
    "ssl-flag-without-tls": (LOGGED_IN, lambda t, s: bool(sent_login(t).client_flag & CLIENT_SSL)),
    "no-protocol-41": (
        (*GREETED, err(2, 1043, state=None)),
        lambda t, s: not int.from_bytes(t.packets()[0][1][:4], "little") & CLIENT_PROTOCOL_41,
    ),
    "attributes-over-64k": (LOGGED_IN, lambda t, s: len(t.packets()[0][1]) > 65536),
    "unknown-plugin": (LOGGED_IN, lambda t, s: sent_login(t).client_plugin_name == "no_such_plugin"),
    "short-auth-response": (LOGGED_IN, lambda t, s: len(sent_login(t).auth_response) == 19),
    "wrong-scramble-order": (
        LOGGED_IN,
        lambda t, s: (
            sent_login(t).auth_response == PLUGINS["mysql_native_password"].scramble(PASSWORD, NONCE[8:] + NONCE[:8])
        ),
    ),
    "wrong-sequence-id": (GREETED, lambda t, s: t.packets()[0][0] == 3),
    "truncated-response": (GREETED, lambda t, s: packets(t) == 1 and len(t.sent) < 120),
    "cut-packet": (GREETED, lambda t, s: int.from_bytes(t.sent[:3], "little") > len(t.sent)),
    "empty-login": (GREETED, lambda t, s: t.sent == b"\x00\x00\x00\x01"),
    "drop-after-login": (LOGGED_IN, lambda t, s: packets(t) == 1 and t.state == "closed"),
    "drop-after-switch": ((*GREETED, switch(2, "client_ed25519")), lambda t, s: packets(t) == 1),
    "drop-after-full-auth-request": (
        (greeting("caching_sha2_password"), more(2, b"\x04")),
        lambda t, s: packets(t) == 1 and s.known.path == "full",
    ),
    "reset-after-login": (LOGGED_IN, lambda t, s: t.state == "aborted" and s.known.outcome == "accepted"),
    "close-after-login": (LOGGED_IN, lambda t, s: packets(t) == 1 and s.known.outcome == "accepted"),
    "command-sequence-id": ((*LOGGED_IN, ok(4)), lambda t, s: t.packets()[1] == (3, b"\x0e")),
    "empty-command": (LOGGED_IN, lambda t, s: t.sent.endswith(b"\x00\x00\x00\x00")),
    "drop-after-command": (LOGGED_IN, lambda t, s: t.packets()[-1] == (0, b"\x0e")),
}
# Those that need TLS, checked against a server that speaks it.
WITH_TLS: Final = frozenset(name for name, fault in FAULTS.items() if fault.with_tls)


def run(name: str, transport: Any, **choices: Any) -> tuple[Session, Transcript]:
    """A session with a fault, and a ping after the login where it gets so far."""
    heard = Transcript()
    options = Options(user="app", passwords=(PASSWORD,), fault=name, cleartext=True, **choices)
    session = Session(options, transport=transport, listener=heard)
    try:
        session.open()
        session.ping()
        session.quit()
    except Exception as error:  # noqa: BLE001 - how it ends is not what this is about
        heard.step(f"end: {error}")
        session.close()
    return session, heard


def test_every_fault_is_tested() -> None:
    assert set(EXPECTED) | WITH_TLS == set(FAULTS)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_fault(name: str) -> None:
    script, check = EXPECTED[name]
    transport = ScriptedTransport(*script)
    session, heard = run(name, transport)
    assert session.fault_struck, heard.steps
    assert check(transport, session), (transport.sent, heard.steps)
    assert any(step.startswith(f"fault {name}: {FAULTS[name].what}") for step in heard.steps)
    assert session.truth()["fault"] == name


@pytest.mark.parametrize("name", sorted(WITH_TLS))
def test_fault_with_tls(name: str) -> None:
    server = TlsServer(
        [greeting(offered=context().in_force | CLIENT_SSL)], [ok(4 if name == "login-before-tls" else 3)]
    )
    session, heard = run(name, server)
    assert session.fault_struck, heard.steps
    inside = server.packets_inside()
    if name in ("plain-text-in-tls", "close-in-tls"):
        assert not server.secure
        return
    outer, inner = server.packets_before()[0][1], inside[0][1]
    if name == "login-before-tls":
        assert len(outer) > 32
        assert b"app\x00" in outer
    elif name == "collation-differs-in-tls":
        assert outer[:8] == inner[:8]
        assert outer[8] != inner[8]
    else:
        assert outer[:4] != inner[:4]
        assert outer[4:9] == inner[4:9]


def test_fault_that_never_comes_to_its_turn() -> None:
    session, _ = run("drop-after-switch", ScriptedTransport(*LOGGED_IN, ok(1)))
    assert not session.fault_struck


def test_leaving_is_an_error_of_its_own() -> None:
    session = Session(Options(fault="close-after-greeting"), transport=ScriptedTransport(*GREETED))
    with pytest.raises(LeftOnPurpose, match="close-after-greeting"):
        session.open()
    assert session.truth()["outcome"] == "aborted"


def test_a_verdict_after_leaving_is_a_verdict() -> None:
    session, _ = run("drop-after-login", ScriptedTransport(*LOGGED_IN))
    assert session.truth()["outcome"] == "accepted"


def test_unknown_fault() -> None:
    with pytest.raises(ConnectionFailed, match="no fault named"):
        Session(Options(fault="nonsense"))


def test_list_names_all() -> None:
    assert [line.split()[0] for line in fault_list().splitlines()] == list(FAULTS)

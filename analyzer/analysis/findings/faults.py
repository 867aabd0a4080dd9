"""Findings about logins that a client built wrongly, and about TLS that did not come to be.

Sources: MySQL 9.7 "Connection Phase"; RFC 8446, section 6.2 (alerts).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.findings.base import CERTAIN, INFO, LIKELY, Case, Said
from analyzer.protocol.capabilities import (
    CAPABILITIES,
    CLIENT_CONNECT_ATTRS,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_SSL,
    flag_names,
)
from analyzer.protocol.machine import CLIENT
from analyzer.protocol.records.login import HandshakeResponse41, SSLRequest

BAD_HANDSHAKE: Final = 1043
LONGEST_ATTRIBUTES: Final = 65_535
VERSION_ALERTS: Final = frozenset({"protocol_version", "inappropriate_fallback"})
CERTIFICATE_ALERTS: Final = frozenset(
    {
        "bad_certificate",
        "unsupported_certificate",
        "certificate_revoked",
        "certificate_expired",
        "certificate_unknown",
        "unknown_ca",
        "certificate_required",
    }
)


def _refused(case: Case) -> bool:
    return case.connection.error is not None and case.connection.error.code == BAD_HANDSHAKE


def tls_handshake_failed(case: Case) -> Iterator[Said]:
    """TLS was asked for and never came to be: by an alert, or because a side left or said something else."""
    c = case.connection
    tls = case.talk.tls
    begun = c.tls is not None
    if not begun or (tls is not None and (tls.handshake_done_frame is not None or tls.decrypted)):
        return
    if case.talk.facts.gaps or case.talk.facts.end is None or not c.tcp.syn:
        return
    frames = [c.tls.requested_frame] if c.tls is not None and c.tls.requested_frame else []
    alert = next((a for a in (c.tls.alerts if c.tls else []) if a.description not in (None, "close_notify")), None)
    if alert is None:
        what = "before any TLS was seen" if tls is None else "in the middle of the TLS handshake"
        yield Said(
            f"The client asked for TLS, and the connection ended {what}.",
            "Look at the client's own error message: it gave up, or sent something that is no TLS.",
            frames,
            LIKELY,
        )
        return
    frames.append(alert.frame)
    if alert.description in VERSION_ALERTS:
        advice = "The two sides have no TLS version in common: compare tls_version of the server with the client's."
    elif alert.description in CERTIFICATE_ALERTS:
        advice = "Give the client the CA that signed the server's certificate, and check its validity and host name."
    else:
        advice = "Compare TLS versions, cipher suites and certificates of the two sides."
    yield Said(
        f"The {alert.sender} ended the TLS handshake with the alert {alert.description}.",
        advice,
        frames,
        CERTAIN,
    )


def tls_login_mismatch(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    request, login = facts.ssl_request, facts.login
    if not isinstance(request, SSLRequest) or not isinstance(login, HandshakeResponse41):
        return
    different = []
    if request.collation_id != login.collation_id:
        different.append(f"collation {request.collation_id} before and {login.collation_id} inside TLS")
    changed = request.capability_flags ^ login.capability_flags
    if changed:
        different.append(f"capabilities {', '.join(flag_names(changed, CAPABILITIES))}")
    if not different:
        return
    yield Said(
        f"The login inside TLS differs from the SSLRequest before it: {'; '.join(different)}.",
        "A fault of the client: both have to say the same. MySQL refuses another collation with error 1043.",
        [frame for frame in (facts.ssl_request_frame, facts.login_frame) if frame],
        CERTAIN,
        None if _refused(case) else INFO,
    )


def tls_flag_without_tls(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    login = facts.login
    if login is None or case.connection.tls is not None or not login.capability_flags & CLIENT_SSL:
        return
    if case.connection.outcome in ("accepted", "unknown"):
        return
    yield Said(
        "The login sets CLIENT_SSL, and no TLS follows: MySQL waits for it in silence, MariaDB refuses (1043).",
        "A fault of the client: CLIENT_SSL belongs into an SSLRequest, after which TLS has to begin.",
        [facts.login_frame],
    )


def login_before_tls(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    tls = case.connection.tls
    login = facts.plain_login
    if login is None or tls is None:
        return
    yield Said(
        f"The client sent its login (user {login[0]!r}) in plain text, and TLS only after it.",
        "A fault of the client: an SSLRequest has to come first, so that the login is inside TLS.",
        [login[1]],
    )


def protocol_41_missing(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    error = case.connection.error
    if error is None or error.code not in (BAD_HANDSHAKE, 1251):
        return
    # Without the flag the packet is read as one of before 4.1, which it mostly is not.
    old = [m for m in facts.malformed if m[1] == "HandshakeResponse320"]
    frame = facts.login_frame or (old[0][5] if old else 0)
    if not old and (facts.login is None or facts.login.capability_flags & CLIENT_PROTOCOL_41):
        return
    yield Said(
        "The login does not set CLIENT_PROTOCOL_41: the server takes it for one of MySQL 4.0, and refuses.",
        "Set CLIENT_PROTOCOL_41 (0x0200) in the client's capabilities.",
        [frame, error.frame],
    )


def attributes_too_large(case: Case) -> Iterator[Said]:
    login = case.talk.facts.login
    if not isinstance(login, HandshakeResponse41) or login.attributes is None or not _refused(case):
        return
    size = sum(len(name) + len(value) for name, value in login.attributes)
    if size > LONGEST_ATTRIBUTES - 1024:
        yield Said(
            f"The login carries {size} bytes of connection attributes: servers refuse more than 64 KiB.",
            "Send fewer or shorter attributes.",
            [case.talk.facts.login_frame],
        )


def truncated_login(case: Case) -> Iterator[Said]:
    """A login that is no whole packet, or whose last fields are missing."""
    facts = case.talk.facts
    if facts.gaps or not case.connection.tcp.syn or facts.greeting is None:
        return
    broken = [m for m in facts.malformed if m[0] == CLIENT and m[1].startswith("Handshake")]
    if facts.login is None and broken and _refused(case):
        yield Said(
            f"The login ends too early: field {broken[0][2]} at byte {broken[0][3]}, {broken[0][4]}.",
            "A fault of the client (or of a proxy): it leaves out fields that its capabilities announce.",
            [broken[0][5]],
        )
    elif facts.login is None and CLIENT in facts.cut_packets and case.connection.outcome == "aborted":
        yield Said(
            "The client began a login and left before its packet was whole.",
            "Look at the client: it ended, or waited for something else, in the middle of its login.",
            [case.connection.last_frame],
            LIKELY,
        )
    elif isinstance(facts.login, HandshakeResponse41) and _refused(case) and case.connection.tls is None:
        login = facts.login
        announced = (
            ("client_plugin_name", login.client_plugin_name, CLIENT_PLUGIN_AUTH),
            ("attributes", login.attributes, CLIENT_CONNECT_ATTRS),
        )
        missing = [name for name, value, flag in announced if value is None and login.layout & flag]
        if missing and not login.capability_flags & CLIENT_SSL:
            yield Said(
                f"The login ends before its last fields: {', '.join(missing)}.",
                "A fault of the client (or of a proxy): it leaves out fields that its capabilities announce.",
                [facts.login_frame],
                LIKELY,
            )


def plugin_switch(case: Case) -> Iterator[Said]:
    switches = case.connection.authentication.switches if case.connection.authentication else []
    if not switches or case.connection.outcome != "accepted":
        return
    first = switches[0]
    yield Said(
        f"The client began with {first.from_ or 'no plugin'} and was switched to {switches[-1].to}: "
        "an extra round trip on every login.",
        "Let the client begin with the account's plugin: --default-auth, defaultAuthenticationPlugin or its driver's "
        "option.",
        [switch.frame for switch in switches],
    )


def left_without_quit(case: Case) -> Iterator[Said]:
    c = case.connection
    end = case.talk.facts.end
    if c.outcome != "accepted" or end is None or "quit" in c.commands or end[0] != case.talk.client:
        return
    if case.talk.facts.gaps or case.talk.machine.one_sided:
        return
    yield Said(
        "The client closed the connection without COM_QUIT: the server counts it as aborted (Aborted_clients).",
        "Let the program close its connections; one that ends without it looks the same.",
        [end[2]],
    )

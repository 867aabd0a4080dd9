"""How a TLS handshake came to nothing. Source: RFC 8446, section 6.2 (alerts)."""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.analysis.findings.helpers import by_client, has_begun
from analyzer.analysis.findings.rule import Case
from analyzer.analysis.model.connection import Alert
from analyzer.protocol.machine.machine import CLIENT
from analyzer.protocol.tables.commands import COMMANDS
from analyzer.protocol.wire.framing import HEADER

VERSION: Final = "version"
CERTIFICATE: Final = "certificate"
OTHER: Final = "other"

VERSION_ALERTS: Final = frozenset({"protocol_version", "inappropriate_fallback"})
CERTIFICATE_ALERTS: Final = frozenset(
    {"bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired"}
    | {"certificate_unknown", "unknown_ca", "certificate_required", "no_certificate"}
)
MEANINGS: Final = {
    "handshake_failure": "no cipher suite, group or signature suits both sides, or a certificate is missing",
    "insufficient_security": "it wants stronger cipher suites than the other side has",
    "unexpected_message": "the other side sent something that is not due, perhaps no TLS at all",
    "bad_record_mac": "a record was damaged on the way, or the keys differ",
    "decrypt_error": "a signature or a Finished message does not verify",
    "decode_error": "a message of the other side can not be decoded",
    "illegal_parameter": "a value of the other side may not be",
    "access_denied": "the other side's certificate is valid, and it may not come in",
    "internal_error": "something in its own program failed",
    "unrecognized_name": "it has no certificate for the name in the client's hello",
    "missing_extension": "the other side left out an extension",
    "unsupported_extension": "the other side sent an extension that is not due",
    "no_application_protocol": "no application protocol (ALPN) suits both sides",
    "user_canceled": "it was stopped by its user",
    "no_renegotiation": "it does not renegotiate",
    "record_overflow": "a record of the other side is too long, perhaps no TLS at all",
}


class Failure(msgspec.Struct, frozen=True):
    """`alert` says why, `sealed` is one that can not be read; both None: a side left without any.

    `unused`: TLS came about, and the client left before it had said anything inside.
    """

    kind: str
    alert: Alert | None
    sealed: Alert | None
    frames: list[int]
    unused: bool = False


def failure(case: Case) -> Failure | None:
    """What ended a TLS handshake; None where it came to its use, or where the capture does not tell."""
    c = case.connection
    facts = case.facts
    tls = case.tls
    unused = tls is not None and tls.handshake_done_frame is not None and c.outcome == "aborted" and by_client(case)
    if c.tls is None or (tls is not None and (tls.handshake_done_frame is not None or tls.decrypted) and not unused):
        return None
    if facts.faults.gaps or not has_begun(case):
        return None
    if facts.login.ssl_request is None and facts.login.before_tls is None:
        return None  # no MySQL client: foreign-client
    frames = [c.tls.requested_frame] if c.tls.requested_frame else []
    # What a side says to one that has left already is the answer to that, and not why.
    end = facts.closing.end
    alerts = [a for a in c.tls.alerts if end is None or a.frame <= end[2] or (a.sender == "client") == by_client(case)]
    alert = next((a for a in alerts if a.description not in (None, "close_notify")), None)
    if alert is None and end is None:
        return None
    if alert is None:
        sealed = next((a for a in alerts if a.description is None), None)
        return Failure(OTHER, None, sealed, frames, unused)
    kind = VERSION if alert.description in VERSION_ALERTS else OTHER
    if alert.description in CERTIFICATE_ALERTS:
        kind = CERTIFICATE
    return Failure(kind, alert, None, frames)


def error_after(case: Case) -> list[str]:
    """The server's error in plain text after TLS that failed, as evidence."""
    error = case.connection.error
    return [f"frame {error.frame}: ERR {error.code} in plain text after it"] if error is not None else []


def outside_tls(case: Case) -> tuple[str, int, int] | None:
    """A whole command that the client sent past TLS: its name, frame and bytes; None where there is none.

    Bytes that a capture has damaged hardly have a packet's length, the sequence id 0 and a command at their place.
    """
    outside = case.tls.outside if case.tls is not None else None
    if outside is None or case.facts.faults.gaps:
        return None
    sender, frame, data = outside
    whole = len(data) > HEADER and int.from_bytes(data[:3], "little") == len(data) - HEADER and not data[3]
    if sender != CLIENT or not whole or data[HEADER] not in COMMANDS:
        return None
    return f"COM_{COMMANDS[data[HEADER]].upper()}", frame, len(data)

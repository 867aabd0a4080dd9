"""What is said of a connection's TLS in the contract's words, with the certificates held against the capture's time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from analyzer.analysis.connection.tls_inference import Around, Seen, infer
from analyzer.analysis.model import connection as model
from analyzer.protocol.machine.machine import CLIENT, SERVER
from analyzer.protocol.records.greeting import HandshakeV10, flavor_of, plain_version
from analyzer.protocol.records.login import SSLRequest
from analyzer.protocol.tables.capabilities import CLIENT_COMPRESS, CLIENT_ZSTD_COMPRESSION_ALGORITHM
from analyzer.tls.certificates import CertificateSeen

if TYPE_CHECKING:
    from analyzer.analysis.conversation.conversation import Conversation
    from analyzer.tls.session import TlsSession

ENCRYPTED: Final = "encrypted"

# Alerts of TLS 1.3 without keys are records of this size inside.
ALERT_SIZE: Final = 2


def certificate_of(seen: CertificateSeen, time_ns: int) -> model.Certificate:
    """A certificate as it was at a time of the capture."""
    # Days are what matters, and all that a clock which may be wrong allows.
    now = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time_ns // 1000)
    begin, end = datetime.fromisoformat(seen.not_before), datetime.fromisoformat(seen.not_after)
    return model.Certificate(
        seen.subject,
        seen.issuer,
        seen.not_before,
        seen.not_after,
        seen.key,
        seen.sha256,
        seen.self_signed,
        seen.signature_algorithm,
        seen.key_type,
        seen.key_size,
        now > end,
        now < begin,
        (end - now).days,
    )


def tls_of(conversation: Conversation, outcome: str) -> model.Tls | None:
    """The `tls` of a connection; None where neither side began TLS."""
    facts = conversation.facts
    tls = conversation.tls
    if tls is None:
        if facts.login.ssl_request is None:
            return None
        return model.Tls(facts.login.ssl_request_frame, None, None, None, None, False, [], [])
    time_ns = facts.login.tls_ns or 0
    return model.Tls(
        facts.login.ssl_request_frame,
        tls.handshake.version,
        tls.handshake.cipher_suite,
        tls.handshake.server_name,
        tls.handshake.resumed,
        tls.decrypted,
        [
            model.Alert(
                model.CLIENT if alert.sender == CLIENT else model.SERVER,
                alert.level,
                alert.description,
                alert.encrypted,
                alert.frame,
            )
            for alert in tls.handshake.alerts
        ],
        [certificate_of(seen, time_ns) for seen in tls.handshake.certificates],
        tls.handshake.alpn,
        tls.handshake.key_share_group,
        tls.handshake.ja3,
        tls.handshake.ja4,
        list(tls.handshake.offered_versions),
        list(tls.handshake.alpn_offered),
        [certificate_of(seen, time_ns) for seen in tls.handshake.client_certificates],
        inferred_of(conversation, tls) if outcome == ENCRYPTED else None,
    )


def no_login_inside(conversation: Conversation) -> bool:
    """Whether no login can have been sent inside TLS: it never came to be, holds nothing, or was opened and holds
    something else.

    Captures with gaps, and those of one direction, do not tell.
    """
    tls, facts = conversation.tls, conversation.facts
    if tls is None or tls.handshake.keys.client_hello is None or facts.faults.gaps or conversation.machine.one_sided:
        return False
    if tls.decrypted:
        return facts.login.tls_first and facts.greeting.record is None
    return facts.closing.end is not None and (tls.handshake.done_frame is None or says_nothing(tls))


def says_nothing(tls: TlsSession) -> bool:
    """Whether the client sent no more than an alert after a TLS handshake."""
    sizes = [tls.contents(CLIENT, record.size) for record in tls.encrypted_records[CLIENT]]
    most = ALERT_SIZE if tls.handshake.keys.tls13 else 0
    return all(size is not None and size[1] <= most for size in sizes)


def inferred_of(conversation: Conversation, tls: TlsSession) -> model.Inferred | None:
    """What the encrypted records of a connection tell of its login."""
    client, server = tls.encrypted_records
    if not client or tls.handshake.keys.client_hello is None or conversation.facts.login.tls_first:
        # Seen from the middle on, or begun in place of MySQL's greeting: nothing says that it is a login.
        return None
    alerts = {(alert.sender, alert.frame) for alert in tls.handshake.alerts}
    seen: list[Seen] = []
    for sender, records in ((CLIENT, client), (SERVER, server)):
        for record in records:
            bounds = tls.contents(sender, record.size)
            if bounds is None:
                return None
            if tls.handshake.keys.tls13 and bounds[1] <= ALERT_SIZE and (sender, record.frame) in alerts:
                continue
            seen.append(Seen(sender, *bounds, record.frame, record.time_ns))
    # Records of one direction are in order already; of one frame, all are of one direction.
    seen.sort(key=lambda record: record.frame)
    return infer(seen, _around(conversation, tls))


def _around(conversation: Conversation, tls: TlsSession) -> Around:
    facts = conversation.facts
    request, greeting = facts.login.ssl_request, facts.greeting.record
    capabilities = request.capability_flags if isinstance(request, SSLRequest) else None
    version: tuple[int, ...] = ()
    mariadb = False
    caching = True
    if isinstance(greeting, HandshakeV10):
        if capabilities is not None:
            capabilities &= greeting.capability_flags
        mariadb = flavor_of(greeting) == "mariadb"
        caching = greeting.auth_plugin_name == "caching_sha2_password"
        version = _numbers(plain_version(greeting.server_version))
    ended: tuple[int, int] | None = None
    if facts.closing.end is not None:
        endpoint, _, frame, time_ns = facts.closing.end
        ended = (CLIENT if endpoint == conversation.client else SERVER, time_ns)
        sealed = (alert for alert in tls.handshake.alerts if alert.encrypted)
        first = min(sealed, key=lambda alert: alert.frame, default=None)
        if first is not None and first.frame < frame:
            # A side says in TLS that it is done before it closes.
            ended = (first.sender, time_ns)
    packed = CLIENT_COMPRESS | CLIENT_ZSTD_COMPRESSION_ALGORITHM
    return Around(
        tls.handshake.keys.tls13,
        tls.overhead is not None,
        capabilities,
        bool(capabilities and capabilities & packed),
        mariadb,
        version,
        caching,
        ended,
        min((gap[3] for gap in facts.faults.gaps if gap[3] > (facts.login.tls_frame or 0)), default=None),
    )


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version."""
    found: list[int] = []
    for part in version.partition("-")[0].split(".")[:3]:
        if not part.isdecimal():
            break
        found.append(int(part))
    return tuple(found)

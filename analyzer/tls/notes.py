"""What a session's records are, in words: for whoever shows it message by message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.tls import hello
from analyzer.tls.handshake import Handshake
from analyzer.tls.records import CLIENT

# Handshake messages by number. Source: IANA, "TLS HandshakeType" (RFC 8446, 4; RFC 5246, 7.4).
MESSAGES: Final[dict[int, str]] = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
    25: "CompressedCertificate",
}


def message_text(shake: Handshake, sender: int, kind: int) -> tuple[str, str]:
    """Name of a handshake message, and what it says, from what is known after it."""
    name = MESSAGES.get(kind, f"handshake message {kind}")
    if kind == hello.SERVER_HELLO and shake.keys.server_hello is None and shake.keys.retried:
        return "HelloRetryRequest", f"asks for {shake.key_share_group or 'another hello'}"
    teller = _TELLERS.get(kind)
    return name, "" if teller is None else teller(shake, sender)


def _client_hello(shake: Handshake, sender: int) -> str:
    parts = [f"offers {', '.join(shake.offered_versions)}"]
    if shake.server_name is not None:
        parts.append(f"server name {shake.server_name}")
    if shake.alpn_offered:
        parts.append(f"ALPN {', '.join(shake.alpn_offered)}")
    return "; ".join(parts)


def _server_hello(shake: Handshake, sender: int) -> str:
    parts = [part for part in (shake.version, shake.cipher_suite, shake.key_share_group) if part]
    if shake.resumed:
        parts.append("resumes a session")
    return ", ".join(parts)


def _certificate(shake: Handshake, sender: int) -> str:
    chain = shake.client_certificates if sender == CLIENT else shake.certificates
    if not chain:
        return "none"
    first = chain[0]
    more = f", and {len(chain) - 1} more" if len(chain) > 1 else ""
    own = ", self-signed" if first.self_signed else ""
    return f"{first.subject}, {first.key}, valid until {first.not_after[:10]}{own}{more}"


_TELLERS: Final[dict[int, Callable[[Handshake, int], str]]] = {
    hello.CLIENT_HELLO: _client_hello,
    hello.SERVER_HELLO: _server_hello,
    hello.CERTIFICATE: _certificate,
    hello.COMPRESSED_CERTIFICATE: _certificate,
    hello.CERTIFICATE_REQUEST: lambda shake, sender: "asks for a client certificate",
    hello.SERVER_KEY_EXCHANGE: lambda shake, sender: shake.key_share_group or "",
    hello.ENCRYPTED_EXTENSIONS: lambda shake, sender: f"ALPN {shake.alpn}" if shake.alpn else "",
}

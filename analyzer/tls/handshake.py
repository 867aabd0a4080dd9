"""What a handshake says, from messages in the clear or decrypted: everything about a session that is no secret.

Sources: RFC 8446, 4 and D (TLS 1.3), RFC 5246, 7 (TLS 1.2), RFC 5077 (tickets).
"""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.tls import hello
from analyzer.tls.certificates import (
    LONGEST_CHAIN,
    CertificateSeen,
    decompressed,
    split_chain,
)
from analyzer.tls.events import Note
from analyzer.tls.hello import GREASE, TLS13, ClientHello, ServerHello
from analyzer.tls.memo import TlsMemo
from analyzer.tls.records import CLIENT, SERVER
from analyzer.tls.suites import Suite
from analyzer.tls.tables import ALERTS, GROUPS, VERSIONS

MOST_ALERTS: Final = 64
# Messages up to the ClientKeyExchange, for the extended master secret; longer ones end that.
LONGEST_TRANSCRIPT: Final = 1 << 18
LONGEST_TICKET: Final = 1 << 14


class AlertSeen(msgspec.Struct, frozen=True):
    """An alert. `level` and `description` are None where it could not be decrypted; `encrypted`: how it was sent."""

    sender: int
    level: str | None
    description: str | None
    encrypted: bool
    frame: int


class KeyExchange:
    """What the keys of a session are made from, as far as it is seen.

    key_exchange      body of the ClientKeyExchange
    ticket            of a NewSessionTicket before TLS 1.3
    transcript        for the extended master secret, up to the ClientKeyExchange
    memo              what is known of other sessions
    """

    def __init__(self, keep_transcript: bool, memo: TlsMemo) -> None:
        self.keep_transcript = keep_transcript
        self.memo = memo
        self.client_hello: ClientHello | None = None
        self.server_hello: ServerHello | None = None
        self.suite: Suite | None = None
        self.tls13 = False
        self.early_data = False
        self.retried = False
        self.key_exchange = b""
        self.ticket = b""
        self.transcript = bytearray()


class HandshakeEnd(msgspec.Struct, frozen=True):
    """The record that ends the handshake. `exactly`: it was read, or can be nothing else by its size."""

    frame: int
    sender: int
    exactly: bool


class NoteList:
    """Messages in order, for who shows them; `listed` is None where nobody does. `now`: time of the present record."""

    __slots__ = ("listed", "now")

    def __init__(self) -> None:
        self.listed: list[Note] | None = None
        self.now = 0

    def add(self, sender: int, what: str, text: str, length: int, frame: int) -> None:
        if self.listed is not None:
            self.listed.append(Note(sender, what, text, length, frame, self.now))


class Handshake:
    """What is known of a session; None is not known.

    version, cipher_suite    chosen by the server, names as IANA has them
    offered_versions         by the client, in its order
    server_name, alpn_offered, alpn   what the client asked for, and what was chosen
    key_share_group          group of the key exchange
    resumed                  by session id, ticket or pre-shared key
    certificates, client_certificates   chains, the sender's own certificate first
    certificate_requested    the server asked for a client certificate
    alerts                   of both sides
    end                      of the last Finished; in TLS 1.3 without keys inferred from sizes
    wanted_random            client random in hexadecimal: what a key log line for this session has to begin with
    ja3, ja4                 of the first ClientHello
    error                    what could not be read
    keys                     what its keys are made from
    notes                    its messages, for who shows them
    """

    def __init__(self, keep_transcript: bool, memo: TlsMemo | None = None) -> None:
        self.started = False
        self.version: str | None = None
        self.cipher_suite: str | None = None
        self.offered_versions: list[str] = []
        self.server_name: str | None = None
        self.alpn_offered: list[str] = []
        self.alpn: str | None = None
        self.key_share_group: str | None = None
        self.resumed: bool | None = None
        self.certificates: list[CertificateSeen] = []
        self.client_certificates: list[CertificateSeen] = []
        self.certificate_requested = False
        self.alerts: list[AlertSeen] = []
        self.end: HandshakeEnd | None = None
        self.wanted_random: str | None = None
        self.ja3: str | None = None
        self.ja4: str | None = None
        self.error: str | None = None
        self.keys = KeyExchange(keep_transcript, memo or TlsMemo())
        self.notes = NoteList()

    @property
    def done_frame(self) -> int | None:
        """The frame of the record that ends the handshake."""
        return None if self.end is None else self.end.frame

    @property
    def done_sender(self) -> int | None:
        """Who sent the record that ends the handshake."""
        return None if self.end is None else self.end.sender

    # -- messages -----------------------------------------------------------------------------------------------------

    def message(self, sender: int, kind: int, raw: bytes) -> None:
        """Takes a whole message, with its header of 4 bytes. Raises ValueError."""
        body = raw[4:]
        if kind == hello.CLIENT_HELLO and sender == CLIENT:
            self._client_hello(body)
        elif kind == hello.SERVER_HELLO and sender == SERVER:
            self._server_hello(body)
        wanted = (
            self.keys.keep_transcript
            and not self.keys.tls13
            and not self.keys.key_exchange
            and kind != hello.HELLO_REQUEST
        )
        if wanted and len(self.keys.transcript) <= LONGEST_TRANSCRIPT:
            self.keys.transcript += raw
        if kind == hello.CERTIFICATE:
            self._certificates(self.certificates if sender == SERVER else self.client_certificates, body)
        elif kind == hello.COMPRESSED_CERTIFICATE and self.keys.tls13:
            chain = self.certificates if sender == SERVER else self.client_certificates
            self._certificates(chain, decompressed(body))
        elif kind == hello.CLIENT_KEY_EXCHANGE and sender == CLIENT and not self.keys.tls13:
            self.keys.key_exchange = body
        elif sender != SERVER:
            return
        elif kind == hello.ENCRYPTED_EXTENSIONS:
            chosen = hello.parse_encrypted_extensions(body)
            self.alpn = None if chosen is None else _text(chosen)
        elif (
            kind == hello.SERVER_KEY_EXCHANGE
            and self.keys.suite is not None
            and self.keys.suite.exchange.startswith("ECDHE")
        ):
            self._group(hello.named_curve(body))
        elif kind == hello.CERTIFICATE_REQUEST:
            self.certificate_requested = True
        elif kind == hello.NEW_SESSION_TICKET and not self.keys.tls13 and len(body) >= 6:
            self.keys.ticket = body[6 : 6 + LONGEST_TICKET]

    def _client_hello(self, body: bytes) -> None:
        self.started = True
        self.keys.transcript.clear()
        self.keys.key_exchange = self.keys.ticket = b""
        known = self.keys.memo.client_hello(body)
        seen = known.hello
        first = self.keys.client_hello is None
        if self.keys.retried:
            # RFC 8446, 4.1.2: the second hello must not offer early data; what the first announced is refused.
            first = False
        self.keys.client_hello = seen
        self.keys.early_data = seen.early_data or (self.keys.retried and self.keys.early_data)
        self.wanted_random = seen.random.hex()
        self.offered_versions = [_version(number) for number in seen.versions if number not in GREASE]
        self.server_name = seen.server_name
        self.alpn_offered = [_text(name) for name in seen.alpn]
        if first:
            self.ja3 = known.ja3
            self.ja4 = known.ja4

    def _server_hello(self, body: bytes) -> None:
        self.started = True
        seen = self.keys.memo.server_hello(body)
        self.version = _version(seen.version)
        self.keys.tls13 = seen.version >= TLS13
        self.keys.suite = self.keys.memo.suite(seen.cipher_suite)
        self.cipher_suite = self.keys.suite.name
        self._group(seen.key_share)
        if seen.retry:
            self.keys.retried = True
            return
        self.keys.server_hello = seen
        if seen.alpn is not None:
            self.alpn = _text(seen.alpn)
        if self.keys.tls13:
            self.resumed = seen.psk
        elif self.keys.client_hello is not None:
            self.resumed = bool(seen.session_id) and seen.session_id == self.keys.client_hello.session_id

    def _group(self, number: int | None) -> None:
        if number is not None:
            self.key_share_group = GROUPS.get(number, f"0x{number:04x}")

    def _certificates(self, found: list[CertificateSeen], body: bytes) -> None:
        found.clear()
        for der in split_chain(body, self.keys.tls13)[:LONGEST_CHAIN]:
            found.append(self.keys.memo.certificate(der))

    # -- alerts, end of the handshake ---------------------------------------------------------------------------------

    def alert(self, sender: int, body: bytes | None, frame: int, encrypted: bool) -> None:
        """Notes an alert; `body` is None where it stays encrypted."""
        level = description = None
        if body is not None:
            level = {1: "warning", 2: "fatal"}.get(body[0], str(body[0]))
            description = ALERTS.get(body[1], str(body[1]))
            self.notes.add(sender, "Alert", f"{level} {description}{', encrypted' if encrypted else ''}", 2, frame)
            for index, alert in enumerate(self.alerts):
                if (alert.sender, alert.frame, alert.level) == (sender, frame, None):
                    self.alerts[index] = AlertSeen(sender, level, description, encrypted, frame)
                    return
        if len(self.alerts) < MOST_ALERTS:
            self.alerts.append(AlertSeen(sender, level, description, encrypted, frame))

    def no_alert(self, sender: int, frame: int) -> None:
        """A record whose size looked like an alert's was none."""
        self.alerts = [seen for seen in self.alerts if (seen.sender, seen.frame, seen.level) != (sender, frame, None)]

    def done(self, sender: int, frame: int, exactly: bool) -> bool:
        """The handshake is over with this record. Sizes may say so first; a Finished that was read outweighs that."""
        if self.end is not None and (self.end.exactly or not exactly):
            return False
        self.end = HandshakeEnd(frame, sender, exactly)
        return True


def _version(number: int) -> str:
    return VERSIONS.get(number, f"0x{number:04x}")


def _text(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace")

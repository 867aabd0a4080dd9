"""What analysis hands to the reports: one `Connection` for each MySQL connection, in the words of the contract.

Every struct is a JSON object of `analyze --format jsonl`, with the same keys in the same order; a key that is not known
is None, never missing. Times are integer nanoseconds, lengths bytes, frames numbered from 1 as Wireshark shows them.
"""

from __future__ import annotations

from typing import Final

import msgspec

# Senders, everywhere a record or an event names one.
CLIENT = "client"
SERVER = "server"
# Outcomes of a login that did not work.
FAILED = frozenset({"rejected", "aborted"})
# Findings that a notebook shows of one connection.
SHOWN_FINDINGS = 20


class Endpoint(msgspec.Struct, frozen=True):
    """One end of a TCP connection: IP address as text, port. Of the IP and TCP headers of the first frame."""

    address: str
    port: int


class Tcp(msgspec.Struct):
    """What the TCP headers of a connection tell.

    syn                whether the opening is in the capture
    fin_from           client | server: who closed first; None where nobody did
    rst_from           client | server: who reset it first; None where nobody did
    retransmissions    segments that brought bytes again
    out_of_order       segments that came after later ones
    gaps               places where bytes are missing in the capture
    bytes_from_client  payload bytes in order, each counted once; likewise from the server
    """

    syn: bool
    fin_from: str | None
    rst_from: str | None
    retransmissions: int
    out_of_order: int
    gaps: int
    bytes_from_client: int
    bytes_from_server: int


class ErrorReport(msgspec.Struct):
    """The error that ended the connection phase, or one that the server sent unasked. Of its error packet.

    code, sqlstate, message  as on the wire; sqlstate is None where the packet has none (before the login)
    frame                    of the packet's last byte
    phase                    what had been reached: as `Connection.phase_reached`
    """

    code: int
    sqlstate: str | None
    message: str
    frame: int
    phase: str


class Greeting(msgspec.Struct):
    """The server's first packet (HandshakeV10, HandshakeV9), in the words of the manual.

    flavor         mysql | mariadb | another name known from the version; the version without the prefix 5.5.5-
    connection_id  the server's number of the connection
    frame          of the packet's last byte
    """

    protocol_version: int
    server_version: str
    flavor: str
    connection_id: int
    auth_plugin: str | None
    capabilities: list[str]
    collation_id: int | None
    collation: str | None
    status_flags: list[str]
    frame: int


class Login(msgspec.Struct):
    """The client's login (HandshakeResponse41, HandshakeResponse320); of TLS only where it could be opened.

    auth_plugin      the plugin that the client names, None where it names none
    max_packet_size  bytes, as the client says
    attributes       connection attributes; None where the client sends none
    zstd_level       compression level, None where zstd is not asked for
    frame            of the packet's last byte
    """

    user: str
    database: str | None
    auth_plugin: str | None
    capabilities: list[str]
    max_packet_size: int
    collation_id: int | None
    collation: str | None
    attributes: dict[str, str] | None
    zstd_level: int | None
    frame: int


class Alert(msgspec.Struct):
    """A TLS alert; level and description are None where it is encrypted and was not opened."""

    sender: str
    level: str | None
    description: str | None
    encrypted: bool
    frame: int


class Certificate(msgspec.Struct):
    """`expired`, `not_yet_valid` and `days_left` (whole days until `not_after`, negative after it) are those of the
    time of the capture. `key_size` is in bits, 0 where it is not known.
    """

    subject: str
    issuer: str
    not_before: str
    not_after: str
    key: str
    sha256: str
    self_signed: bool = False
    signature_algorithm: str = ""
    key_type: str = ""
    key_size: int = 0
    expired: bool = False
    not_yet_valid: bool = False
    days_left: int | None = None


class Inferred(msgspec.Struct):
    """What sizes and times of encrypted records tell. Never a fact: `confidence` is likely or possible.

    login           sent | accepted | rejected
    authentication  fast | full, of caching_sha2_password; None where nothing tells
    commands        how often the client spoke after an accepted login (64 records are looked at)
    frame           of the record that tells
    """

    login: str
    confidence: str
    authentication: str | None
    commands: int | None
    why: str
    frame: int


class Tls(msgspec.Struct):
    """The TLS session of a connection. Of SSLRequest, the hello messages and, up to TLS 1.2, the certificates.

    requested_frame  of the SSLRequest; None where TLS began without one
    version          TLSv1.2 ...; None where the server's hello is not in the capture
    server_name      of the client's SNI extension
    resumed          whether an earlier session went on; None where that is not known
    decrypted        whether records of it were opened with a key, and their tags verified
    ja3, ja4         fingerprints of the client's hello
    inferred         what sizes and times of records tell, where no key is there
    """

    requested_frame: int | None
    version: str | None
    cipher_suite: str | None
    server_name: str | None
    resumed: bool | None
    decrypted: bool
    alerts: list[Alert]
    certificates: list[Certificate]
    alpn: str | None = None
    key_share_group: str | None = None
    ja3: str | None = None
    ja4: str | None = None
    offered_versions: list[str] = []
    alpn_offered: list[str] = []
    client_certificates: list[Certificate] = []
    inferred: Inferred | None = None


class Switch(msgspec.Struct, rename={"from_": "from"}):
    """The server asked for another plugin than the one in use (AuthSwitchRequest)."""

    from_: str | None
    to: str
    frame: int


class Step(msgspec.Struct):
    """One packet of the authentication exchange: who sent it, name of its record, a line of plain words, its frame."""

    sender: str
    record: str
    summary: str
    frame: int


class Authentication(msgspec.Struct):
    """The authentication exchange.

    plugin               the last one used
    path                 direct | fast | full; None where the capture does not show it
    password_protection  empty | scramble | rsa | tls | cleartext | other; None where no password was sent
    """

    plugin: str | None
    switches: list[Switch]
    path: str | None
    password_protection: str | None
    steps: list[Step]


class Timing(msgspec.Struct):
    """Nanoseconds that each part of the connection phase took, by the time stamps of its frames; None: not known.

    tcp_connect_ns     first SYN to the ACK that completes the opening
    greeting_ns        from there to the greeting
    tls_ns             SSLRequest (or the client's hello) to the end of the TLS handshake
    login_ns           greeting to the login, TLS included
    authentication_ns  login to the server's verdict
    total_ns           first frame to the server's verdict, where the opening is in the capture
    """

    tcp_connect_ns: int | None
    greeting_ns: int | None
    tls_ns: int | None
    login_ns: int | None
    authentication_ns: int | None
    total_ns: int | None


class Driver(msgspec.Struct):
    """The client's library: by its connection attributes, or by what it offers (fingerprint), with how sure that is.

    evidence    attributes | fingerprint
    confidence  certain | likely | possible
    """

    name: str | None
    version: str | None
    evidence: str
    confidence: str


class Finding(msgspec.Struct):
    """Something that a rule found in one connection; `handshark explain CODE` has the long text.

    code          as `handshark findings` lists them
    severity      info | warning | error
    confidence    certain | likely | possible
    message       what happened, in one or two sentences, with text of the wire in it
    advice        what to do
    frames        that prove it
    evidence      what was seen, in short phrases: frames, bytes, times
    doubt         why it is not surer; None where it is certain
    alternatives  what else leads to the same on the wire
    """

    code: str
    severity: str
    confidence: str
    message: str
    advice: str
    frames: list[int]
    evidence: list[str] = []
    doubt: str | None = None
    alternatives: list[str] = []


class Proxy(msgspec.Struct):
    """A PROXY protocol header in front of the connection: the addresses it names."""

    version: int
    client: Endpoint | None
    server: Endpoint | None
    frame: int


# How the evidence begins of a finding that a connection is a copy of another.
COPY_OF: Final = "a copy of stream "


def elapsed(start_ns: int, stop_ns: int) -> int | None:
    """The time between two frames; None where the clock went back in between, or the frames are out of order."""
    return stop_ns - start_ns if stop_ns >= start_ns else None


class Connection(msgspec.Struct):
    """One MySQL connection.

    capture        name of the capture as given
    stream         number of the TCP connection within its capture, from 0
    first_frame    number of its first frame, last_frame of its last
    start_time_ns  nanoseconds since 1970 (UTC) of the first frame, end_time_ns of the last
    phase_reached  tcp | greeting | tls | login | authentication | command
    outcome        accepted | rejected | aborted | encrypted | unknown: the server's verdict on the login
    error          that ended the connection phase, or came unasked later; None where there was none
    greeting, login, tls, authentication  None where the capture does not have them, or they are encrypted
    compression    none | zlib | zstd: of the packets, once the login was accepted
    commands       how often each was sent, by its name in lower case without COM_
    fingerprint    short stable hash of what the client offered; None without a login
    findings       the gravest first
    proxy          of the PROXY protocol header in front, where there is one
    """

    capture: str
    stream: int
    client: Endpoint
    server: Endpoint
    first_frame: int
    last_frame: int
    start_time_ns: int
    end_time_ns: int
    tcp: Tcp
    phase_reached: str
    outcome: str
    error: ErrorReport | None
    greeting: Greeting | None
    login: Login | None
    tls: Tls | None
    authentication: Authentication | None
    compression: str
    commands: dict[str, int]
    timing: Timing
    driver: Driver | None
    fingerprint: str | None
    findings: list[Finding]
    proxy: Proxy | None = None

    @property
    def lasted_ns(self) -> int:
        """From the first frame to the last; 0 where the clock went back in between."""
        return max(self.end_time_ns - self.start_time_ns, 0)

    @property
    def is_copy(self) -> bool:
        """Whether the capture holds the connection a second time, with other addresses: summaries count it once."""
        return any(
            one.code == "seen-twice" and one.evidence[:1] and one.evidence[0].startswith(COPY_OF)
            for one in self.findings
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: who, how it ended, and what was found. All text of the wire is escaped."""
        from analyzer.analysis.model.notebook import table_html

        login, greeting, error = self.login, self.greeting, self.error
        rows = [
            ("client", f"{self.client.address}:{self.client.port}"),
            ("server", f"{self.server.address}:{self.server.port}"),
            ("version", None if greeting is None else greeting.server_version),
            ("user", None if login is None else login.user),
            ("database", None if login is None else login.database),
            ("TLS", None if self.tls is None else self.tls.version or "yes"),
            ("outcome", f"{self.outcome} (phase: {self.phase_reached})"),
            ("error", None if error is None else f"{error.code} ({error.sqlstate or '-----'}): {error.message}"),
            ("frames", f"{self.first_frame} to {self.last_frame}"),
        ]
        found = [(one.severity, f"{one.code}: {one.message}") for one in self.findings[:SHOWN_FINDINGS]]
        return table_html(f"Connection {self.stream} of {self.capture}", [*rows, *found])


class Source(msgspec.Struct):
    """One capture as a whole.

    name             as given
    format           pcap, pcapng ..., with its compression
    frames           of the capture, and how many TCP and MySQL connections they hold
    first_time_ns    nanoseconds since 1970 (UTC) of the earliest frame, None where there is none; likewise the latest
    warnings         what was wrong with the file
    notes            what was recognised and left alone (X Protocol ...), and what could not be read
    encrypted_connections  MySQL connections that went into TLS, and that no key opened
    """

    name: str
    format: str
    frames: int
    tcp_connections: int
    mysql_connections: int
    first_time_ns: int | None
    last_time_ns: int | None
    warnings: list[str]
    notes: list[str]
    encrypted_connections: int = 0

"""What analysis hands to the reports: one `Connection` for each MySQL connection, in the words of the contract.

Every struct is a JSON object of `analyze --format jsonl`, with the same keys in the same order; a key that is not known
is None, never missing. Times are integer nanoseconds, lengths bytes, frames numbered from 1 as Wireshark shows them.
"""

from __future__ import annotations

import msgspec

# Senders, everywhere a record or an event names one.
CLIENT = "client"
SERVER = "server"


class Endpoint(msgspec.Struct, frozen=True):
    address: str
    port: int


class Tcp(msgspec.Struct):
    syn: bool
    fin_from: str | None
    rst_from: str | None
    retransmissions: int
    out_of_order: int
    gaps: int
    bytes_from_client: int
    bytes_from_server: int


class ErrorReport(msgspec.Struct):
    code: int
    sqlstate: str | None
    message: str
    frame: int
    phase: str


class Greeting(msgspec.Struct):
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
    from_: str | None
    to: str
    frame: int


class Step(msgspec.Struct):
    sender: str
    record: str
    summary: str
    frame: int


class Authentication(msgspec.Struct):
    plugin: str | None
    switches: list[Switch]
    path: str | None
    password_protection: str | None
    steps: list[Step]


class Timing(msgspec.Struct):
    tcp_connect_ns: int | None
    greeting_ns: int | None
    tls_ns: int | None
    login_ns: int | None
    authentication_ns: int | None
    total_ns: int | None


class Driver(msgspec.Struct):
    name: str | None
    version: str | None
    evidence: str
    confidence: str


class Finding(msgspec.Struct):
    code: str
    severity: str  # info | warning | error
    confidence: str  # certain | likely | possible
    message: str
    advice: str
    frames: list[int]
    evidence: list[str] = []  # what was seen, in short phrases: frames, bytes, times
    doubt: str | None = None  # why it is not surer
    alternatives: list[str] = []  # what else leads to the same on the wire


class Proxy(msgspec.Struct):
    """A PROXY protocol header in front of the connection: the addresses it names."""

    version: int
    client: Endpoint | None
    server: Endpoint | None
    frame: int


class Connection(msgspec.Struct):
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


class Source(msgspec.Struct):
    """One capture, as the reports name it."""

    name: str
    format: str
    frames: int
    tcp_connections: int
    mysql_connections: int
    first_time_ns: int | None
    last_time_ns: int | None
    warnings: list[str]
    notes: list[str]  # what was recognised and left alone (X Protocol ...)

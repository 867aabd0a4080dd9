"""Made-up connections for the tests of the reports: plausible ones, and hostile ones. No capture is behind them."""

from __future__ import annotations

from typing import Any

from analyzer.analysis.model.command import Command, CommandError
from analyzer.analysis.model.connection import (
    Alert,
    Authentication,
    Certificate,
    Connection,
    Driver,
    Endpoint,
    ErrorReport,
    Finding,
    Greeting,
    Login,
    Proxy,
    Source,
    Step,
    Switch,
    Tcp,
    Timing,
    Tls,
)
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.analysis.model.packet import Field, PacketExcerpt

START_NS = 1_714_557_296_789_012_345  # 2024-05-01 09:54:56 UTC
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`\x1b[31m\u202egnp\u2066\u200b\n\udc80"
OFFERED = [
    *("CLIENT_LONG_PASSWORD", "CLIENT_FOUND_ROWS", "CLIENT_CONNECT_WITH_DB", "CLIENT_PROTOCOL_41", "CLIENT_SSL"),
    *("CLIENT_TRANSACTIONS", "CLIENT_MULTI_STATEMENTS", "CLIENT_PLUGIN_AUTH", "CLIENT_CONNECT_ATTRS"),
    *("CLIENT_DEPRECATE_EOF", "CLIENT_QUERY_ATTRIBUTES"),
]
ASKED = [
    *("CLIENT_LONG_PASSWORD", "CLIENT_CONNECT_WITH_DB", "CLIENT_PROTOCOL_41", "CLIENT_PLUGIN_AUTH"),
    *("CLIENT_CONNECT_ATTRS", "CLIENT_DEPRECATE_EOF", "CLIENT_LOCAL_FILES"),
]
DENIED = "Access denied for user 'report'@'192.168.56.1' (using password: YES)"


def greeting(version: str = "8.4.3", flavor: str = "mysql", plugin: str = "caching_sha2_password") -> Greeting:
    return Greeting(
        10, version, flavor, 127, plugin, OFFERED, 255, "utf8mb4_0900_ai_ci", ["SERVER_STATUS_AUTOCOMMIT"], 4
    )


def login(user: str = "root", database: str | None = "shop", plugin: str = "caching_sha2_password") -> Login:
    attributes = {"_client_name": "libmysql", "_client_version": "8.4.3", "_os": "Linux", "program_name": "mysql"}
    return Login(user, database, plugin, ASKED, 16777216, 255, "utf8mb4_0900_ai_ci", attributes, None, 6)


def authentication(plugin: str = "caching_sha2_password", path: str | None = "fast") -> Authentication:
    steps = [
        Step("client", "HandshakeResponse41", "scramble, 32 bytes", 6),
        Step("server", "AuthMoreData", "fast authentication succeeded", 8),
        Step("server", "OKPacket", "", 8),
    ]
    return Authentication(plugin, [], path, "scramble", steps)


def tls(decrypted: bool = False) -> Tls:
    alert = Alert("server", "warning", "close_notify", True, 22)
    certificate = Certificate("CN=db1", "CN=Corp CA", "2024-01-01", "2025-01-01", "RSA 2048", "ab" * 32)
    return Tls(6, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "db1.example", False, decrypted, [alert], [certificate])


def finding(
    code: str = "access-denied",
    severity: str = "error",
    message: str = DENIED,
    advice: str = "Check the password, and that the account exists for this host.",
    frames: list[int] | None = None,
) -> Finding:
    return Finding(code, severity, "certain", message, advice, [8] if frames is None else frames)


def connection(
    stream: int = 0,
    *,
    capture: str = "office.pcapng",
    client: str = "192.168.56.1",
    outcome: str = "accepted",
    duration_ns: int = 12_345_678,
    error: ErrorReport | None = None,
    greeting: Greeting | None = None,
    login: Login | None = None,
    tls: Tls | None = None,
    authentication: Authentication | None = None,
    findings: list[Finding] | None = None,
    proxy: Proxy | None = None,
) -> Connection:
    start = START_NS + stream * 1_250_000_000
    return Connection(
        capture=capture,
        stream=stream,
        client=Endpoint(client, 50_000 + stream % 10_000),
        server=Endpoint("10.0.0.5", 3306),
        first_frame=1 + 20 * stream,
        last_frame=19 + 20 * stream,
        start_time_ns=start,
        end_time_ns=start + duration_ns,
        tcp=Tcp(True, "client", None, 0, 0, 0, 412, 1337),
        phase_reached="command" if outcome == "accepted" else "authentication",
        outcome=outcome,
        error=error,
        greeting=greeting,
        login=login,
        tls=tls,
        authentication=authentication,
        compression="none",
        commands={"query": 3, "quit": 1} if outcome == "accepted" else {},
        timing=Timing(210_000, 830_000, None, 400_000, 1_900_000, 3_340_000),
        driver=Driver("libmysqlclient", "8.4.3", "attributes", "certain"),
        fingerprint="b5a1c0ffee12",
        findings=findings or [],
        proxy=proxy,
    )


def accepted(stream: int = 0) -> Connection:
    return connection(stream, greeting=greeting(), login=login(), authentication=authentication())


def rejected(stream: int = 1) -> Connection:
    return connection(
        stream,
        outcome="rejected",
        duration_ns=4_200_000,
        error=ErrorReport(1045, "28000", DENIED, 8, "authentication"),
        greeting=greeting("10.11.6-MariaDB-1:10.11.6+maria~ubu2204", "mariadb", "mysql_native_password"),
        login=login("report", None, "mysql_native_password"),
        authentication=Authentication(
            "mysql_native_password",
            [Switch("caching_sha2_password", "mysql_native_password", 7)],
            "direct",
            "scramble",
            [
                Step("client", "HandshakeResponse41", "user 'report': SHA-256 scramble of the password", 6),
                Step("server", "AuthSwitchRequest", "switch to mysql_native_password", 7),
                Step("client", "AuthResponse", "SHA-1 scramble of the password", 8),
                Step("server", "ErrPacket", "error 1045", 8),
            ],
        ),
        findings=[
            finding(),
            finding(
                "old-plugin", "warning", "mysql_native_password was removed in MySQL 9.0.", "Move the account.", [7]
            ),
        ],
    )


def aborted(stream: int = 2) -> Connection:
    message = "The client closed the connection 10.0 s after the greeting without a login; server's side is healthy."
    return connection(
        stream,
        outcome="aborted",
        duration_ns=10_002_000_000,
        greeting=greeting(),
        findings=[finding("closed-before-login", "warning", message, "A health check? Let it log in.", [4, 9])],
    )


def encrypted(stream: int = 3) -> Connection:
    return connection(
        stream,
        client="2001:db8::4711",
        outcome="encrypted",
        duration_ns=3_725_000_000_000,
        greeting=greeting("9.1.0"),
        tls=tls(),
        findings=[finding("no-keys", "info", "TLS keys were not given.", "Pass --keylog.", [6])],
    )


def hostile(stream: int = 4) -> Connection:
    """Every string that a peer chooses is an attack."""
    asked = login(HOSTILE, HOSTILE, HOSTILE)
    asked.attributes = {HOSTILE: HOSTILE}
    return connection(
        stream,
        outcome="rejected",
        error=ErrorReport(1045, HOSTILE, HOSTILE, 8, "authentication"),
        greeting=greeting(HOSTILE, "other", HOSTILE),
        login=asked,
        authentication=Authentication(HOSTILE, [Switch(HOSTILE, HOSTILE, 7)], "direct", "other", []),
        findings=[finding("access-denied", "error", HOSTILE, HOSTILE)],
    )


def everything() -> list[Connection]:
    return [accepted(), rejected(), aborted(), encrypted(), hostile()]


def packet(number: int, sender: str, record: str, summary: str = "", data: bytes = b"\x00" * 40) -> PacketExcerpt:
    fields = [
        Field("payload_header", data[:1].hex(), 0, 1),
        Field("capabilities", "0x01ff8001", 1, 9),
        Field("capabilities.CLIENT_PROTOCOL_41", "set", 1, 9),
        Field("capabilities.CLIENT_SSL", "not set", 1, 9),
        Field("text", "shop", 9, 14),
    ]
    return PacketExcerpt(3 + number, 400_000 * number, sender, number, record, summary, len(data), data, fields)


def detail(text: str = "8.4.3") -> ConnectionDetail:
    wire = b"\x0a" + text.encode("utf-8", "surrogatepass") + bytes(range(60))
    broken = packet(3, "server", "Malformed", "AuthMoreData", b"\x01")
    broken.error = "AuthMoreData.data at byte 1: 1 byte expected, 0 left"
    broken.fields = []
    return ConnectionDetail(
        [
            packet(1, "server", "HandshakeV10", f"{text}, connection 127, caching_sha2_password", wire),
            packet(2, "client", "HandshakeResponse41", "root, database shop, scramble of 32 bytes"),
            broken,
            packet(4, "server", "OKPacket", "SERVER_STATUS_AUTOCOMMIT", bytes(7)),
            packet(5, "client", "ComQuery", "select @@version_comment limit 1 " + "and so on " * 12),
        ],
        packets_left_out=7,
        commands=commands(text),
        commands_seen=4711,
    )


def commands(text: str) -> list[Command]:
    """The first ones, and much later one that was slow and one that failed."""
    ms = 1_000_000
    refused = CommandError(1064, "42000", text)
    return [
        command(0, 8, 2 * ms, "query", "select @@version_comment", (ms, ms), ("resultset", 9), rows=1),
        command(1, 10, 4 * ms, "query", text, (ms, 2 * ms), ("ok", 11), affected_rows=3),
        command(2, 12, 8 * ms, "stmt_prepare", "select ?", (ms, ms), ("prepare_ok", 13)),
        command(3, 14, 9 * ms, "quit", None, (None, None), ("none", None)),
        command(900, 2014, 90 * ms, "query", "x" * 400, (800 * ms, 900 * ms), ("missing", None), statement_cut=69_600),
        command(4000, 9014, 99 * ms, "query", text, (ms, ms), ("error", 9015), error=refused),
    ]


def command(
    number: int,
    frame: int,
    after_ns: int,
    name: str,
    statement: str | None,
    took: tuple[int | None, int | None],
    answer: tuple[str, int | None],
    **more: Any,
) -> Command:
    """A command `after_ns` behind the start; `took` are latency and duration, `answer` its kind and frame."""
    known: dict[str, Any] = dict.fromkeys(Command.__struct_fields__)
    known |= {"capture": "", "stream": 0, "bytes_request": 0, "bytes_response": 0, "missing_bytes": 0}
    known |= {"number": number, "frame": frame, "time_ns": START_NS + after_ns, "command": name, "statement": statement}
    known |= {"latency_ns": took[0], "duration_ns": took[1], "response": answer[0], "response_frame": answer[1]}
    return Command(**{**known, **more})


def source(connections: int = 5, name: str = "office.pcapng") -> Source:
    last = START_NS + 60_000_000_000
    return Source(name, "pcapng", 1234, connections + 2, connections, START_NS, last, [], [])


def proxied(stream: int = 5) -> Connection:
    one = accepted(stream)
    one.proxy = Proxy(2, Endpoint("203.0.113.9", 41_000), Endpoint("10.0.0.5", 3306), 4)
    return one

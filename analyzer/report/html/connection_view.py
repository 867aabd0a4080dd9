"""What the page says of one connection: plain lists of text and numbers, the same for the script and the templates.

`row` is a line of the table, `view` the connection's own page; its packets are in `html_packets`. Text is as it came
until `encoded` makes it safe to look at; as HTML it is escaped by the template, or set as text by the script. Times are
nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from analyzer.analysis.model.connection import Certificate, Connection, Finding, Greeting, Login, Timing, Tls
from analyzer.report.escape import terminal
from analyzer.report.html.manual import CAPABILITY_MEANINGS
from analyzer.report.prose import auth_plugins, labels
from analyzer.report.prose.story import in_brief

View = dict[str, Any]

# The table: (name, which is also the word to filter by, whether it is a number).
COLUMNS: Final[tuple[tuple[str, bool], ...]] = (
    ("#", True),
    ("Start", True),  # microseconds
    ("Capture", False),
    ("Client", False),
    ("Server", False),
    ("User", False),
    ("Database", False),
    ("Outcome", False),
    ("Error", False),  # the code of the server's error
    ("Findings", False),  # codes, worst first, with a blank between
    ("Plugin", False),
    ("TLS", False),
    ("Driver", False),
    ("Version", False),
    ("Lasted", True),  # microseconds
)
LASTED: Final = len(COLUMNS) - 1  # in a page that is served -1 where it goes on
LONGEST_CELL: Final = 80
MOST_ATTRIBUTES: Final = 100
# JSON in which no character can be other than it looks, and whose texts need no shortening.
LONGEST_PLAIN: Final = 64 << 10
_ESCAPED: Final = re.compile(rb"\\[bfnrtu]")
_encode = msgspec.json.Encoder().encode

MOST_REMEMBERED: Final = 1000
OFFERED, ASKED, IN_FORCE = 1, 2, 4
_NUMBERS: Final = {name: index for index, name in enumerate(CAPABILITY_MEANINGS)}

_PHASES: Final[dict[str, str]] = {
    "tcp": "TCP only",
    "greeting": "the greeting",
    "tls": "TLS",
    "login": "the login",
    "authentication": "authentication",
    "command": "commands",
}


def row(connection: Connection) -> list[Any]:
    """One value for each of COLUMNS."""
    login, auth, driver = connection.login, connection.authentication, connection.driver
    return [
        connection.stream,
        connection.start_time_ns // 1000,
        _cell(labels.file_name(connection.capture)),
        labels.client(connection),
        labels.endpoint(connection.server),
        _cell(login.user or "(anonymous)") if login else "",
        _cell(login.database or "") if login else "",
        connection.outcome,
        "" if connection.error is None else str(connection.error.code),
        codes(connection.findings),
        _cell(auth.plugin or "") if auth else "",
        "" if connection.tls is None else _cell(connection.tls.version or "yes"),
        _cell(labels.driver(connection)) if driver else "",
        _cell(labels.product(connection.greeting)) if connection.greeting else "",
        connection.lasted_ns // 1000,
    ]


def codes(findings: list[Finding]) -> str:
    """What the table says of findings."""
    return " ".join(one.code for one in labels.by_severity(findings))


def _cell(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 3] + "..."


# What `capabilities` gave for the names that the two sides set.
Memo = dict[tuple[tuple[str, ...], tuple[str, ...]], list[list[Any]]]


def view(connection: Connection, memo: Memo | None = None) -> View:
    """All that is said of the connection but its packets. `memo` may be shared by all connections."""
    c = connection
    return {
        "n": c.stream,
        "outcome": c.outcome,
        "who": labels.account(c),
        "client": labels.client(c),
        "server": labels.endpoint(c.server),
        "product": labels.product(c.greeting) if c.greeting else "",
        "when": when(c.start_time_ns),
        "took": labels.duration(c.lasted_ns),
        "story": in_brief(c),
        "error": _error(c),
        "findings": told_of(c.findings),
        "times": times(c.timing),
        "auth": auth_plugins.told(c),
        "auth_outcome": auth_plugins.outcome(c),
        "capabilities": capabilities(c, {} if memo is None else memo),
        "facts": [[title, pairs] for title, pairs in _facts(c) if pairs],
        "certificates": [_certificate(one) for one in c.tls.certificates] if c.tls else [],
        "counts": list(c.commands.items()),
    }


def when(ns: int) -> str:
    """A point in time."""
    return f"{labels.date(ns)} {labels.time_of_day(ns, True)} UTC"


def told_of(findings: list[Finding]) -> list[list[Any]]:
    """What is said of findings, the worst first."""
    return [_finding(one) for one in labels.by_severity(findings)]


def _finding(one: Finding) -> list[Any]:
    """[severity, code, confidence, message, advice, frames, evidence, doubt, alternatives]."""
    why = [one.evidence, one.doubt or "", one.alternatives]
    return [one.severity, one.code, one.confidence, one.message, one.advice, one.frames, *why]


def _error(c: Connection) -> list[Any] | None:
    if c.error is None:
        return None
    return [labels.error_text(c) or "", c.error.phase, c.error.frame]


def times(t: Timing) -> list[list[Any]]:
    """[name, ns] of the phases that were seen, one after the other. TLS stands between greeting and login."""
    login = t.login_ns
    if login is not None and t.tls_ns is not None:
        login = max(0, login - t.tls_ns)
    phases = (
        ("TCP connect", t.tcp_connect_ns),
        ("Greeting", t.greeting_ns),
        ("TLS", t.tls_ns),
        ("Login", login),
        ("Authentication", t.authentication_ns),
    )
    return [[name, ns] for name, ns in phases if ns is not None]


def capabilities(c: Connection, memo: Memo) -> list[list[Any]]:
    """[number in CAPABILITY_MEANINGS (or a name that is not there), OFFERED | ASKED | IN_FORCE], in the bits' order."""
    offered = tuple(c.greeting.capabilities) if c.greeting else ()
    asked = tuple(c.login.capabilities) if c.login else ()
    found = memo.get((offered, asked))
    if found is not None:
        return found
    # MariaDB's own exist only where both leave the first bit clear.
    extended = "CLIENT_LONG_PASSWORD" not in offered and "CLIENT_LONG_PASSWORD" not in asked
    found = []
    names = {*offered, *asked}
    for name in [*(known for known in CAPABILITY_MEANINGS if known in names), *sorted(names - _NUMBERS.keys())]:
        bits = (OFFERED if name in offered else 0) | (ASKED if name in asked else 0)
        if bits == OFFERED | ASKED and (extended or not name.startswith("MARIADB_")):
            bits |= IN_FORCE
        found.append([_NUMBERS.get(name, name), bits])
    if len(memo) < MOST_REMEMBERED:
        memo[offered, asked] = found
    return found


def _pairs(*pairs: tuple[str, object]) -> list[list[str]]:
    """Only what is known."""
    return [
        [name, value if type(value) is str else str(value)]
        for name, value in pairs
        if value is not None and value != ""
    ]


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _facts(c: Connection) -> Iterator[tuple[str, list[list[str]]]]:
    """(title, [name, value]) of each group of facts."""
    driver = c.driver
    yield (
        "Client software",
        _pairs(
            ("Driver", driver.name if driver else None),
            ("Version", driver.version if driver else None),
            ("Known from", f"{driver.evidence}, {driver.confidence}" if driver else None),
            ("Fingerprint", c.fingerprint),
        ),
    )
    if c.login is not None and c.login.attributes:
        yield "Connection attributes", _pairs(*list(c.login.attributes.items())[:MOST_ATTRIBUTES])
    if c.greeting is not None:
        yield "Greeting", _greeting(c.greeting)
    if c.login is not None:
        yield "Login", _login(c.login)
    if c.tls is not None:
        yield "TLS", _tls(c.tls)
    yield "Connection", _connection(c)


def _greeting(greeting: Greeting) -> list[list[str]]:
    return _pairs(
        ("Server version", greeting.server_version),
        ("Flavor", greeting.flavor),
        ("Protocol", greeting.protocol_version),
        ("Connection id", greeting.connection_id),
        ("Default plugin", greeting.auth_plugin),
        ("Collation", greeting.collation or greeting.collation_id),
        ("Status", ", ".join(greeting.status_flags)),
        ("Frame", greeting.frame or None),
    )


def _login(login: Login) -> list[list[str]]:
    return _pairs(
        ("User", login.user or "(anonymous)"),
        ("Database", login.database),
        ("Plugin", login.auth_plugin),
        ("Collation", login.collation or login.collation_id),
        ("Largest packet", labels.count(login.max_packet_size, "byte")),
        ("zstd level", login.zstd_level),
        ("Frame", login.frame or None),
    )


def _connection(c: Connection) -> list[list[str]]:
    tcp, proxy = c.tcp, c.proxy
    return _pairs(
        ("Capture", labels.file_name(c.capture)),
        ("Client", labels.endpoint(c.client)),
        ("Server", labels.endpoint(c.server)),
        ("Behind a proxy", labels.endpoint(proxy.client) if proxy and proxy.client else None),
        ("Frames", f"{c.first_frame:,} to {c.last_frame:,}"),
        ("Got as far as", _PHASES.get(c.phase_reached, c.phase_reached)),
        ("Compression", c.compression),
        ("From client", labels.count(tcp.bytes_from_client, "byte")),
        ("From server", labels.count(tcp.bytes_from_server, "byte")),
        ("TCP start seen", _yes(tcp.syn)),
        ("FIN from", tcp.fin_from),
        ("RST from", tcp.rst_from),
        ("Retransmissions", tcp.retransmissions or None),
        ("Out of order", tcp.out_of_order or None),
        ("Gaps", tcp.gaps or None),
    )


def _tls(tls: Tls) -> list[list[str]]:
    pairs: list[tuple[str, object]] = [
        ("Version", tls.version),
        ("Cipher suite", tls.cipher_suite),
        ("Key exchange", tls.key_share_group),
        ("Server name", tls.server_name),
        ("Versions offered", ", ".join(getattr(tls, "offered_versions", []))),
        ("ALPN", tls.alpn),
        ("Resumed", _yes(tls.resumed)),
        ("Decrypted here", _yes(tls.decrypted)),
        ("Requested in frame", tls.requested_frame),
        ("JA3", tls.ja3),
        ("JA4", tls.ja4),
    ]
    for alert in tls.alerts:
        what = "encrypted" if alert.description is None else f"{alert.level or ''} {alert.description}".strip()
        pairs.append(("Alert", f"{alert.sender}: {what}, frame {alert.frame}"))
    inferred = getattr(tls, "inferred", None)
    if inferred is not None:
        pairs.append(("Login, by record sizes", f"{inferred.login} ({inferred.confidence})"))
        pairs.append(("Authentication, likewise", inferred.authentication))
        pairs.append(("Commands, likewise", inferred.commands))
        pairs.append(("Why", f"{inferred.why}, frame {inferred.frame}"))
    return _pairs(*pairs)


def _certificate(one: Certificate) -> list[list[str]]:
    flags = [
        word
        for word, on in (
            ("self-signed", getattr(one, "self_signed", False)),
            ("expired", getattr(one, "expired", False)),
            ("not yet valid", getattr(one, "not_yet_valid", False)),
        )
        if on
    ]
    days = getattr(one, "days_left", None)
    return _pairs(
        ("Subject", one.subject),
        ("Issuer", one.issuer),
        ("Valid", f"{one.not_before} to {one.not_after}"),
        ("Days left", days if days is None or days >= 0 else None),
        ("Key", one.key),
        ("Signed with", getattr(one, "signature_algorithm", "")),
        ("Remarks", ", ".join(flags)),
        ("SHA-256", one.sha256),
    )


# The names of `view`, in its order: what the blocks of the page hold is a list of its values.
VIEW_NAMES: Final = (
    *("n", "outcome", "who", "client", "server", "product", "when", "took", "story", "error", "findings", "times"),
    *("auth", "auth_outcome", "capabilities", "facts", "certificates", "counts"),
)


def encoded(values: Iterable[object]) -> list[bytes]:
    """The JSON of each value, with all text in it made safe to look at. Nearly all text is so from the start."""
    found = []
    for value in values:
        try:
            text = _encode(value)
        except UnicodeEncodeError:  # bytes that were not UTF-8
            text = b""
        found.append(text if is_plain(text) else _encode(_clean(value)))
    return found


def is_plain(text: bytes) -> bool:
    """Whether JSON can be looked at as it is."""
    return text.isascii() and 0 < len(text) < LONGEST_PLAIN and b"\x7f" not in text and not _ESCAPED.search(text)


def _clean(value: Any) -> Any:
    """The value with its text cleaned, in lists of any depth."""
    if isinstance(value, str):
        return terminal(value)
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return value


def joined(values: Sequence[bytes], columns: Sequence[bytes]) -> View:
    """A view, and its packets, from the JSON of their parts; the script does the same."""
    found: View = dict(zip(VIEW_NAMES, map(msgspec.json.decode, values), strict=True))
    if not columns:
        return found
    *plain, counts, depths, names, texts, starts, ends, left_out, commands = map(msgspec.json.decode, columns)
    fields = list(zip(depths, names, texts, starts, ends, strict=True))
    packets = []
    at = 0
    for parts, count in zip(zip(*plain, strict=True), counts, strict=True):
        packets.append([*parts, fields[at : at + count]])
        at += count
    return {**found, "packets": packets, "left_out": left_out[0], "listed": left_out[1], "commands": commands}

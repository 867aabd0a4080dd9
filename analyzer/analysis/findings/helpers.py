"""What many findings ask of a connection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from analyzer.analysis.conversation.facts import Facts, StepSeen
from analyzer.analysis.findings.rule import NETWORK_ERRORS, Case, Rule, Verdict
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.capabilities import (
    CLIENT_LONG_PASSWORD,
    CLIENT_REMEMBER_OPTIONS,
    CLIENT_SSL_VERIFY_SERVER_CERT,
)

# Addresses of the machine itself begin so, or are ::1.
LOOPBACK: Final = ("127.", "::ffff:127.")
# Flags that say something of the client alone. CLIENT_LONG_PASSWORD is MariaDB's CLIENT_MYSQL: its servers clear it.
CLIENTS_OWN: Final = CLIENT_LONG_PASSWORD | CLIENT_SSL_VERIFY_SERVER_CERT | CLIENT_REMEMBER_OPTIONS
SECURE_TRANSPORT_REQUIRED: Final = 3159
# Errors whose messages may name users and databases of any name.
NOT_ABOUT_TLS: Final = frozenset({1040, 1043, 1044, 1049, 1129, 1130, 1251, 1524})
# Sources: Azure Database for MySQL, 9002; Vitess, 2012; ProxySQL and MaxScale, 1045 with a text of their own.
_WANTS_TLS: Final = re.compile(
    r"SSL (?:connection )?is required|requires? (?:SSL|TLS|a secure)|must use (?:SSL|TLS)|"
    r"insecure (?:transport|connections)|without SSL (?:denied|is not)|"
    r"(?:SSL|TLS) (?:connections? )?(?:are )?(?:only|mandatory)|only accepts? (?:SSL|TLS)",
    re.IGNORECASE,
)
# Behind the OK of this command a connection carries group replication's protocol.
HANDED_OVER: Final = "subscribe_group_replication_stream"
MS: Final = 1_000_000
SECOND: Final = 1_000_000_000


def span(ns: int) -> str:
    """A duration as a person reads it."""
    if ns < 0:
        return "an unknown time"  # the clock went back in between
    if ns < MS:
        return f"{ns / 1e3:.0f} us"
    if ns < SECOND:
        return f"{ns / 1e6:.1f} ms" if ns < 100 * MS else f"{ns / 1e6:.0f} ms"
    if ns < 120 * SECOND:
        return f"{ns / 1e9:.1f} s"
    return f"{ns / 6e10:.1f} min"


def is_local(address: str) -> bool:
    """Whether the address is of the machine itself."""
    return address == "::1" or address.startswith(LOOPBACK)


def by_server(case: Case) -> bool:
    """Whether the server was the first to end the connection."""
    end = case.facts.closing.end
    return end is not None and end[0] != case.facts.client


def by_client(case: Case) -> bool:
    end = case.facts.closing.end
    return end is not None and end[0] == case.facts.client


def has_begun(case: Case) -> bool:
    """Whether the capture holds the connection from its start, or from the greeting on: filters may leave SYNs out."""
    return case.connection.tcp.syn or case.facts.greeting.record is not None


def is_whole(case: Case) -> bool:
    """Whether the capture holds the connection from its start, with nothing missing."""
    return has_begun(case) and not case.facts.faults.gaps and all(case.transport.seen)


def one_sided(case: Case) -> bool:
    """Whether one side's segments are in the capture, and none of the other's."""
    tcp = case.connection.tcp
    return not all(case.transport.seen) and bool(tcp.bytes_from_client or tcp.bytes_from_server)


def is_mariadb(case: Case) -> bool:
    greeting = case.connection.greeting
    return greeting is not None and greeting.flavor == "mariadb"


def version(case: Case) -> tuple[int, ...]:
    """The server's version as numbers; () where it was not seen or is none."""
    greeting = case.connection.greeting
    numbers = (greeting.server_version if greeting else "").split("-")[0].split(".")
    return tuple(int(n) for n in numbers[:3]) if all(n.isdigit() and n.isascii() for n in numbers[:3]) else ()


def login41(case: Case) -> HandshakeResponse41 | None:
    login = case.facts.login.record
    return login if isinstance(login, HandshakeResponse41) else None


def refused_with(case: Case, code: int) -> bool:
    """Whether the server ended the connection phase with this error."""
    error = case.connection.error
    return error is not None and error.code == code and error.phase != "command"


def client_left_before(case: Case, frame: int) -> bool:
    """Whether the client had closed before that frame: FIN (seen or not), RST or a TLS alert.

    All alerts end a session; of one that is encrypted (TLS 1.3) no more than its size is known.
    """
    left, tls = case.transport.client_left_frame, case.connection.tls
    if 0 < left < frame or case.transport.left_unseen[0]:
        return True
    return tls is not None and any(alert.sender == "client" and alert.frame < frame for alert in tls.alerts)


def is_echo(case: Case) -> bool:
    """Whether the server's error only notes that the client had gone before."""
    error = case.connection.error
    return error is not None and error.code in NETWORK_ERRORS and client_left_before(case, error.frame)


def last_step(facts: Facts) -> StepSeen:
    """The last step of an auth exchange before a side left; the server's error about that is no step."""
    error = facts.closing.error
    echo = error is not None and error.error_code in NETWORK_ERRORS
    return facts.auth.steps[-2] if echo and len(facts.auth.steps) > 1 else facts.auth.steps[-1]


def not_offered(greeting: HandshakeV10 | HandshakeV9 | None, login: HandshakeResponse41) -> int:
    """The flags that a client set and its server never offered; 0 where the greeting was not seen or has none."""
    if not isinstance(greeting, HandshakeV10):
        return 0
    offered = greeting.capability_flags
    return login.capability_flags & ~(offered | CLIENTS_OWN) if offered else 0


def wants_tls(code: int, text: str) -> bool:
    """Whether an error says that the server, a proxy or a cloud takes no login without TLS."""
    if code == SECURE_TRANSPORT_REQUIRED:
        return True
    if code in NOT_ABOUT_TLS:
        return False
    # Every pattern has one of these words, which are found sooner.
    words = text.lower()
    if "ssl" not in words and "tls" not in words and "secure" not in words:
        return False
    return _WANTS_TLS.search(text) is not None


def place(case: Case) -> str:
    """Where in the login the server's error came."""
    phase = case.connection.error.phase if case.connection.error else ""
    return {
        "greeting": "in place of the greeting, before the client had said anything",
        "tls": "in place of TLS",
        "login": "before the login",
        "authentication": "in answer to the login",
    }.get(phase, "in the middle of the session")


def refusal(case: Case, rule: Rule, **values: object) -> Iterator[Verdict]:
    """The finding of an error that ended the login: `rule.errors` says which."""
    error = case.connection.error
    if error is None or error.phase == "command" or (rule.errors and error.code not in rule.errors):
        return
    state = f" ({error.sqlstate})" if error.sqlstate else ""
    filling: dict[str, object] = {"code": error.code, "state": state, "text": error.message, "place": place(case)}
    yield rule.says([error.frame], filling | values, evidence=[error_seen(case)])


def error_seen(case: Case) -> str:
    """The server's error as a piece of evidence."""
    c = case.connection
    error = c.error
    if error is None:
        return ""
    state = f", sqlstate {error.sqlstate}" if error.sqlstate else ", without an sqlstate"
    return f"frame {error.frame}: ERR {error.code}{state}, {place(case)}"


def foreign_reset(case: Case) -> str | None:
    """That a reset was made on the way and not by its sender, as a piece of evidence; None where nothing says so."""
    trouble = case.transport.trouble
    if trouble is None or trouble.foreign_reset is None or trouble.copies:
        return None
    frame, hops, usual = trouble.foreign_reset
    return f"frame {frame}: the RST has a time to live of {hops}, other segments of its sender one of {usual}"


def ended(case: Case) -> str:
    """Who left, as a piece of evidence."""
    end = case.facts.closing.end
    if end is None:
        return "neither side closed the connection in the capture"
    side = "client" if end[0] == case.facts.client else "server"
    how = "FIN" if end[1] == "fin" else "RST"
    return f"frame {end[2]}: {how} of the {side}, {span(end[3] - case.connection.start_time_ns)} after the start"

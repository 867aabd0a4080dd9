"""proxy-header-refused: the server does not take the PROXY protocol header."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import by_client, ended, is_mariadb
from analyzer.analysis.findings.rule import CERTAIN, ERROR, LIKELY, Case, Rule, Verdict
from analyzer.analysis.findings.signs import ABORTED, REFUSED

HOST_NOT_ALLOWED = 1130
# Bad handshake, packets out of order, not to be uncompressed, too large: the header was taken for a packet.
NO_PACKET = frozenset({1043, 1153, 1156, 1157})


def is_refused(case: Case) -> bool:
    """Whether a header came first, and the login came to nothing before it was looked at.

    The login may have been sent: behind a header that is not awaited, a server that greets at once is answered through
    the proxy before it refuses.
    """
    greeting, error = case.facts.greeting, case.connection.error
    if error is not None and error.code == HOST_NOT_ALLOWED and "proxy header" in error.message.lower():
        return True
    if greeting.proxy is None or case.facts.auth.verdict == "accepted":
        return False
    if case.connection.outcome not in ("rejected", "aborted"):
        return False
    if case.facts.login.record is not None:
        return error is not None and error.code in NO_PACKET
    if error is None and by_client(case):
        return False  # a check of a proxy's, or one that waited in vain
    return error is not None or case.facts.closing.end is not None


def check(case: Case) -> Iterator[Verdict]:
    if not is_refused(case) or case.facts.faults.gaps:
        return
    greeting, error = case.facts.greeting, case.connection.error
    header = greeting.proxy
    version = header.version if header is not None else 0
    if header is None:
        evidence = ["no PROXY header on this side of the proxy: it sends one on the other"]
    else:
        evidence = [f"frame {greeting.proxy_frame}: a PROXY header, version {version}"]
    evidence.append(f"frame {error.frame}: ERR {error.code}, {error.message!r}" if error is not None else ended(case))
    named = error is not None and "proxy" in error.message.lower()
    filling: dict[str, object] = {"version": version or "1 or 2", "source": case.connection.client.address}
    filling["error"] = f" with error {error.code}, {error.message!r}" if error is not None else ""
    yield RULE.says(
        [greeting.proxy_frame, error.frame if error is not None else 0],
        filling,
        variant="mariadb" if named or is_mariadb(case) else "",
        confidence=CERTAIN if error is not None else LIKELY,
        evidence=evidence,
        doubt=None if error is not None else "the server closed without a word; the header is what was unusual",
    )


RULE = Rule(
    "proxy-header-refused",
    ERROR,
    "The server does not take the PROXY header",
    (is_refused,),
    check,
    by_login=True,
    given=REFUSED | ABORTED,
    looks_at="a PROXY protocol header (version 1 or 2) as the client's first bytes, and the server's answer to it",
    about=(
        "A proxy can say in front of a connection whose it is (HAProxy's send-proxy, nginx's proxy_protocol, AWS load "
        "balancers' proxy protocol v2). A server that does not know it takes the header for the login: MySQL says 'Got "
        "packets out of order' (1156) or 'Bad handshake', MariaDB 'Proxy header is not accepted' (1130)."
    ),
    message=(
        "The server does not take the PROXY header (version {version}) that {source} sends in front of the "
        "login{error}."
    ),
    advice=(
        "Turn the header off where it is sent (HAProxy: send-proxy and send-proxy-v2 of the server line; nginx: "
        "proxy_protocol off; AWS: proxy_protocol_v2 of the target group). Oracle's MySQL does not know it; MariaDB and "
        "Percona Server do, for the addresses in proxy_protocol_networks; ProxySQL and MaxScale have settings of their "
        "own."
    ),
    variants=(
        (
            "mariadb",
            "The server takes no PROXY header (version {version}) from {source}{error}.",
            "Add the proxy's address to proxy_protocol_networks (MariaDB, Percona Server), or turn the header off "
            "where "
            "it is sent (HAProxy: send-proxy, send-proxy-v2; nginx: proxy_protocol off).",
        ),
    ),
    sources=(
        "HAProxy: The PROXY protocol, versions 1 and 2",
        "MariaDB Knowledge Base: Proxy Protocol Support",
    ),
)

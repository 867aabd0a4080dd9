"""tls-first: TLS where MySQL's own beginning is due, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls, without_login
from analyzer.analysis.findings.helpers import is_whole
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict

# The first bytes of a TLS alert: type 21, version 3.x.
ALERT = b"\x15\x03"


def began_with_tls(case: Case) -> bool:
    """Whether the client sent a ClientHello where MySQL's login, or the SSLRequest before TLS, is due, in vain."""
    login = case.facts.login
    if case.tls is None or login.ssl_request is not None or login.record is not None or login.before_tls is not None:
        return False
    done = case.tls.handshake_done_frame is not None or case.tls.decrypted
    return not done and case.connection.outcome != "accepted" and is_whole(case)


def check(case: Case) -> Iterator[Verdict]:
    if case.facts.greeting.server_first[:2] == ALERT and case.facts.greeting.record is None:
        yield from _listener(case)
        return
    if not began_with_tls(case):
        return
    tls, frame = case.connection.tls, case.facts.login.tls_frame or 0
    name = tls.server_name if tls is not None else None
    protocols = list(tls.alpn_offered) if tls is not None else []
    evidence = [f"frame {frame}: a TLS ClientHello, without an SSLRequest before it"]
    if name:
        evidence.append(f"it asks for the server name {name}")
    if protocols:
        evidence.append(f"it offers the protocols (ALPN) {', '.join(protocols)}")
    error = case.connection.error
    if error is not None:
        evidence.append(f"frame {error.frame}: ERR {error.code}, {error.message!r}")
    mesh = any("istio" in each for each in protocols) or (name or "").startswith("outbound_")
    filling: dict[str, object] = {
        "source": case.connection.client.address,
        "name": f" for the server name {name!r}" if name else "",
        "alpn": f", offering {', '.join(protocols)}" if protocols else "",
        "who": "a service mesh's proxy (Istio)" if mesh else "a mesh, stunnel or a client for TLS from the first byte",
    }
    greeted = case.facts.greeting.record is not None or case.facts.greeting.early_error
    yield RULE.says(
        [frame],
        filling,
        variant="" if greeted else "silent",
        confidence=LIKELY,
        evidence=evidence,
        doubt="a broken MySQL driver could do this too",
    )


def _listener(case: Case) -> Iterator[Verdict]:
    if not is_whole(case):
        return
    yield RULE.says(
        [case.connection.first_frame, case.connection.last_frame],
        {"server": f"{case.connection.server.address} port {case.connection.server.port}"},
        variant="listener",
        confidence=LIKELY,
        evidence=["the server's first bytes are a TLS alert"],
        doubt="what the client was meant to say is not on the wire",
    )


RULE = Rule(
    "tls-first",
    WARNING,
    "TLS where MySQL's own beginning is due",
    (has_tls, without_login),
    check,
    looks_at=(
        "a ClientHello without MySQL's SSLRequest before it: server name and ALPN; a listener that answers with TLS"
    ),
    about=(
        "In MySQL's protocol the server speaks first, and TLS begins inside the connection, after the client's "
        "SSLRequest. What wraps the whole connection in TLS (a service mesh, stunnel, a load balancer with a TLS "
        "listener) does not fit a plain MySQL port: server and client misread each other's first bytes."
    ),
    message="{source} began with TLS at once{name}{alpn}, on a port that speaks MySQL: {who}.",
    advice=(
        "Tell the mesh that this port is MySQL or opaque TCP (Istio: the port's name tcp-mysql or appProtocol: mysql, "
        "and "
        "tls.mode DISABLE in its DestinationRule; Linkerd: opaque-ports), or let a proxy end TLS in front of the "
        "server. "
        "MySQL's own TLS is asked for by the driver, not by the network."
    ),
    variants=(
        (
            "silent",
            "{source} began with TLS at once{name}{alpn}, before any greeting, and the connection came to nothing: "
            "{who}.",
            "",
        ),
        (
            "listener",
            "{server} wants TLS from the first byte: it answers with a TLS alert where MySQL's greeting is due.",
            "Connect through what ends that TLS (stunnel, the mesh's own proxy), or use a port of the server that "
            "speaks "
            "MySQL: drivers begin TLS only after the server's greeting.",
        ),
    ),
    causes=("a service mesh that takes the port for TLS", "stunnel or a TLS load balancer on one side only"),
    sources=(
        "MySQL Source Documentation: Connection Phase, SSL Handshake",
        "Istio: Protocol Selection, Server First Protocols",
    ),
)

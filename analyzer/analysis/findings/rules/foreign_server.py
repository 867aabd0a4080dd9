"""foreign-server: the server's first bytes are no MySQL greeting."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import without_login
from analyzer.analysis.findings.foreign_protocols import client_protocol, server_protocol, shown
from analyzer.analysis.findings.helpers import is_whole
from analyzer.analysis.findings.rule import LIKELY, WARNING, Case, Rule, Verdict

SERVER = 1
TLS = "TLS"


def check(case: Case) -> Iterator[Verdict]:
    c = case.connection
    facts = case.facts
    if facts.greeting.record is not None or facts.greeting.early_error or not is_whole(case):
        return
    if c.phase_reached not in ("tcp", "greeting"):
        return
    bad = [m for m in facts.faults.malformed if m[0] == SERVER]
    # Text read as a packet's length promises megabytes: then nothing is malformed, and nothing is complete.
    if not bad and not (facts.faults.assumed and c.tcp.bytes_from_server):
        return
    first = facts.greeting.server_first
    name = server_protocol(first)
    frames = [bad[0][5] if bad else c.first_frame]
    evidence = [f"the server's first bytes: {shown(first)}"] if first else []
    where: dict[str, object] = {"server": f"{c.server.address} port {c.server.port}"}
    if name:
        evidence.append(f"they are {name}")
        yield RULE.says(frames, where | {"name": name}, variant="known", evidence=evidence)
        return
    spoken = None if first else client_protocol(facts.greeting.client_first)
    if spoken in (None, TLS) or c.tls is not None:
        doubt = "they are no protocol that is known here"
        yield RULE.says(frames, where, confidence=LIKELY, evidence=evidence, doubt=doubt)
        return
    # The client was first, and what came back is no greeting. Its words may hold a password: they are not shown.
    evidence.append(f"the client's first bytes are {spoken}")
    doubt = "it is what the client speaks; of the server's answer only that it is no greeting is known"
    filling = where | {"name": spoken}
    yield RULE.says(frames, filling, variant="known", confidence=LIKELY, evidence=evidence, doubt=doubt)


RULE = Rule(
    "foreign-server",
    WARNING,
    "The server's first bytes are no MySQL greeting",
    (without_login,),
    check,
    looks_at="what the server sends first: no HandshakeV10 and no error packet, but HTTP, SSH, SMTP ...",
    about=(
        "Something else listens on this port. MySQL clients read its first four bytes as a packet's length "
        "and sequence id, and report 'Packets out of order', 'Packet sequence number wrong', 'Malformed "
        "packet' or 'Lost connection'. The X Protocol (port 33060) looks to a classic client like 'protocol "
        "version 11'. A proxy that expects a PROXY header may answer in its own protocol."
    ),
    message="What {server} sent first is no MySQL greeting: something else listens there.",
    advice=(
        "Check address and port (33060 is the X Protocol's, and not for classic clients), tunnels and port "
        "forwards. A proxy may want a PROXY protocol header first."
    ),
    variants=(
        (
            "known",
            "{server} is no MySQL server: it speaks {name}.",
            "",
        ),
    ),
    causes=("a proxy's own error message",),
    sources=(
        "MySQL Source Documentation: Protocol::HandshakeV10; X Protocol",
        "RFC 9293",
    ),
)

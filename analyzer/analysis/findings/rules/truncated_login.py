"""truncated-login: a login that ends too early."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error, is_aborted
from analyzer.analysis.findings.foreign_protocols import client_protocol
from analyzer.analysis.findings.helpers import ended, login41, refused_with
from analyzer.analysis.findings.rule import ERROR, LIKELY, Case, Rule, Verdict
from analyzer.protocol.machine.machine import CLIENT
from analyzer.protocol.tables.capabilities import CLIENT_CONNECT_ATTRS, CLIENT_PLUGIN_AUTH, CLIENT_SSL

BAD_HANDSHAKE = 1043


def check(case: Case) -> Iterator[Verdict]:
    """A login that is no whole packet, or whose last fields are missing."""
    facts = case.facts
    if facts.faults.gaps or facts.greeting.record is None:
        return
    broken = [m for m in facts.faults.malformed if m[0] == CLIENT and m[1].startswith("Handshake")]
    refused = refused_with(case, BAD_HANDSHAKE)
    if facts.login.record is None and broken and refused:
        _, record, field, offset, reason, frame = broken[0]
        filling: dict[str, object] = {"field": field, "offset": offset, "reason": reason}
        yield RULE.says([frame], filling, evidence=[f"frame {frame}: {record}.{field} at byte {offset}: {reason}"])
        return
    if facts.login.record is None and CLIENT in facts.faults.cut_packets and case.connection.outcome == "aborted":
        if client_protocol(facts.greeting.client_first):
            return
        yield RULE.says(
            [case.connection.last_frame],
            variant="left",
            confidence=LIKELY,
            evidence=[f"{case.connection.tcp.bytes_from_client} bytes of the client, no whole packet", ended(case)],
            doubt="the rest may have been sent and lost",
        )
        return
    login = login41(case)
    if login is not None and refused and case.connection.tls is None and not login.capability_flags & CLIENT_SSL:
        announced = (
            ("client_plugin_name", login.client_plugin_name, CLIENT_PLUGIN_AUTH),
            ("attributes", login.attributes, CLIENT_CONNECT_ATTRS),
        )
        missing = [name for name, value, flag in announced if value is None and login.layout & flag]
        if missing:
            yield RULE.says(
                [facts.login.frame],
                {"missing": ", ".join(missing)},
                variant="fields",
                confidence=LIKELY,
                evidence=[f"frame {facts.login.frame}: {', '.join(missing)} announced by the flags and not there"],
                doubt="the server does not say what it missed",
            )


RULE = Rule(
    "truncated-login",
    ERROR,
    "A login that ends too early",
    (has_error, is_aborted),
    check,
    of_login=True,
    looks_at=(
        "a handshake response that ends inside a field, or without fields that its capabilities announce, and"
        " ERR 1043; or half a packet and the client leaves"
    ),
    about=(
        "The login's flags say which fields it has. If one of them is not there, or a length points past the "
        "end, the server can not read it and says 'Bad handshake'."
    ),
    message="The login ends too early: field {field} at byte {offset}, {reason}.",
    advice=(
        "A fault of the client, or of a proxy that cuts packets: it leaves out fields that its capabilities "
        "announce. handshark dissect -V shows the field where it breaks."
    ),
    variants=(
        (
            "left",
            "The client began a login and left before its packet was whole.",
            "Look at the client: it ended, or waited for something else, in the middle of its login.",
        ),
        (
            "fields",
            "The login ends before its last fields: {missing}.",
            "",
        ),
    ),
    causes=("a proxy that rewrites the login",),
    sources=(
        "MySQL Source Documentation: Protocol::HandshakeResponse41",
        "MySQL Error Reference: ER_HANDSHAKE_ERROR",
    ),
)

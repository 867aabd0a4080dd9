"""packet-refused: the server refused a packet."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import refusal
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict
from analyzer.analysis.findings.rules.proxy_header_refused import is_refused


def check(case: Case) -> Iterator[Verdict]:
    if not is_refused(case):
        yield from refusal(case, RULE)


RULE = Rule(
    "packet-refused",
    ERROR,
    "The server refused a packet",
    (has_error,),
    check,
    looks_at="ERR 1156 (out of order), 1157 (could not be uncompressed) or 1153 (too large) in the connection phase",
    about=(
        "The server got bytes that are no packet it can take at this point. 1156 means that the sequence id "
        "(the packet's fourth byte) was not the one due: what came is mostly no MySQL at all."
    ),
    message="The server refused what the client sent: error {code}{state}, {text!r}, {place}.",
    advice=(
        "See what the client sent just before (foreign-client and sequence-error say more where they are "
        "found); for 1153 raise max_allowed_packet on the server."
    ),
    causes=(
        "a program of another protocol on the client's side",
        "a proxy that splits or joins packets",
    ),
    sources=(
        ("MySQL Error Reference: ER_NET_PACKETS_OUT_OF_ORDER, ER_NET_UNCOMPRESS_ERROR, ER_NET_PACKET_TOO_LARGE"),
        "MySQL Source Documentation: MySQL Packets",
    ),
    errors=frozenset({1153, 1156, 1157}),
)

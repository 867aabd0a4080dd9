"""network-error-reported: the server reports that it could not read from or write to the client."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error
from analyzer.analysis.findings.helpers import is_echo, refusal
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict


def check(case: Case) -> Iterator[Verdict]:
    # The echo of a client that had closed already: other findings say why it did.
    if not is_echo(case):
        yield from refusal(case, RULE)


RULE = Rule(
    "network-error-reported",
    WARNING,
    "The server reports that it could not read from or write to the client",
    (has_error,),
    check,
    looks_at="ERR 1158, 1159, 1160 or 1161 in the connection phase, while the client had not closed",
    about=(
        "The server writes these errors to a client that it can no longer read from or write to. After a FIN "
        "of the client they are its echo and say nothing of the server."
    ),
    message="The server reports that it lost the client: error {code}{state}, {text!r}, {place}.",
    advice=(
        "Look at the client and at the network, not at the server: this error is an echo of one that left, "
        "went silent or sent half a packet."
    ),
    causes=("a firewall or proxy that cut the connection",),
    sources=(
        (
            "MySQL Error Reference: ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE, "
            "ER_NET_WRITE_INTERRUPTED"
        ),
    ),
    errors=frozenset({1158, 1159, 1160, 1161}),
)

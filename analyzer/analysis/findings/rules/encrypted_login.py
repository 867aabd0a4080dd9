"""encrypted-login: what sizes and times of TLS tell of the login."""

from __future__ import annotations

from analyzer.analysis.findings.rule import INFO, ON_TLS, Rule
from analyzer.analysis.findings.tls_rules import encrypted_login as check

RULE = Rule(
    "encrypted-login",
    INFO,
    "What sizes and times of TLS tell of the login",
    ON_TLS,
    check,
    looks_at="sizes, order and times of encrypted records, where no keys were given",
    about=(
        "TLS hides what is said, not how much and when. A refused login has another rhythm than an accepted one: one "
        "record of the client, one of the server, and the connection ends. This is inferred, and never certain."
    ),
    message="Going by sizes and times, the login inside TLS was accepted, refused, or only sent.",
    advice="Give a key log (--keylog FILE) to know instead of inferring.",
    causes=("a plugin, or messages of lengths, that are not foreseen here",),
    sources=("RFC 8446, section 5.4", "MySQL Source Documentation: Connection Phase"),
)

"""full-auth-refused: the client left when asked for the password itself."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import is_aborted
from analyzer.analysis.findings.driver_options import PUBLIC_KEY, TLS, name_of, option
from analyzer.analysis.findings.helpers import ended, last_step
from analyzer.analysis.findings.rule import ERROR, LIKELY, Case, Rule, Verdict
from analyzer.protocol.records.authentication import AuthMoreData

PERFORM_FULL = 4


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    if case.connection.outcome != "aborted" or not facts.auth.steps:
        return
    _, _, record, detail, frame = last_step(facts)
    if not isinstance(record, AuthMoreData) or getattr(detail, "status", None) != PERFORM_FULL:
        return
    filling: dict[str, object] = {"driver": name_of(case)}
    filling |= {"tls": option(case, TLS), "key": option(case, PUBLIC_KEY)}
    yield RULE.says(
        [frame],
        filling,
        confidence=LIKELY,
        evidence=[f"frame {frame}: 01 04, the server asks for full authentication", ended(case)],
        doubt="the client's reason is only in its own error message; it may have been stopped just then",
    )


RULE = Rule(
    "full-auth-refused",
    ERROR,
    "The client left when asked for the password itself",
    (is_aborted,),
    check,
    looks_at=(
        "`01 04` (perform full authentication) as the last step, and the client leaves without asking for the"
        " server's RSA key"
    ),
    about=(
        "caching_sha2_password keeps a cache. A user that is not in it (first login since the server started,"
        " or since FLUSH PRIVILEGES) has to send the password itself, over TLS or under the server's RSA key."
        " Without TLS, drivers that may not fetch the key give up here: 'Authentication requires secure "
        "connection', 'Public Key Retrieval is not allowed', error 2061. It looks random, because the next "
        "login of the same user works as soon as another client has filled the cache."
    ),
    message=(
        "The server asked for the password itself (01 04: its cache does not know the user), and {driver} left "
        "without asking for the server's public key."
    ),
    advice="Turn TLS on: {tls}. Or, on a network you trust, let it fetch the RSA key: {key}.",
    causes=("the program was stopped, or its time ran out, at just this point",),
    sources=(
        "MySQL Reference Manual: Caching SHA-2 Pluggable Authentication",
        "MySQL Source Documentation: Caching_sha2_password information",
    ),
)

"""tls-login-mismatch: the login inside TLS differs from the SSLRequest."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_tls
from analyzer.analysis.findings.helpers import login41, refused_with
from analyzer.analysis.findings.rule import ERROR, INFO, LIKELY, Case, Rule, Verdict
from analyzer.protocol.records.login import SSLRequest
from analyzer.protocol.tables.capabilities import CAPABILITIES, flag_names

BAD_HANDSHAKE = 1043
# ERR 1043 as both servers send it: header, 0xff, code, '#08S01', "Bad handshake".
REFUSAL_BYTES = 4 + 1 + 2 + 6 + 13


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    request, login = facts.login.ssl_request, login41(case)
    if not isinstance(request, SSLRequest):
        return
    if login is None:
        yield from _by_size(case)
        return
    different = []
    if request.collation_id != login.collation_id:
        different.append(f"collation {request.collation_id} before and {login.collation_id} inside TLS")
    changed = request.capability_flags ^ login.capability_flags
    if changed:
        different.append(f"capabilities {', '.join(flag_names(changed, CAPABILITIES))}")
    if not different:
        return
    refused = refused_with(case, BAD_HANDSHAKE)
    error = case.connection.error
    evidence = [
        f"frame {facts.login.ssl_request_frame}: SSLRequest, flags 0x{request.client_flag:08x}, "
        f"collation {request.collation_id}",
        f"frame {facts.login.frame}: login, flags 0x{login.client_flag:08x}, collation {login.collation_id}",
    ]
    if refused and error is not None:
        evidence.append(f"frame {error.frame}: ERR {BAD_HANDSHAKE}")
    yield RULE.says(
        [facts.login.ssl_request_frame or 0, facts.login.frame],
        {"different": "; ".join(different)},
        severity=None if refused else INFO,
        evidence=evidence,
    )


def _by_size(case: Case) -> Iterator[Verdict]:
    """Without keys: one record of the client, answered by one of just the size of ERR 1043, and the server closes."""
    tls = case.tls
    if tls is None or tls.decrypted or tls.overhead is None or case.connection.outcome != "encrypted":
        return
    if case.facts.closing.end is None:
        return
    client, server = tls.encrypted_records
    size = REFUSAL_BYTES + tls.overhead
    answers = [record for record in server if record.size == size]
    if len(answers) != 1 or not client or sum(record.frame < answers[0].frame for record in client) != 1:
        return
    # What follows may only be the alert with which each side says goodbye.
    goodbye = 2 + tls.overhead
    if any(record.frame > answers[0].frame and record.size > goodbye for record in [*client, *server]):
        return
    yield RULE.says(
        [client[0].frame, answers[0].frame],
        {"size": REFUSAL_BYTES},
        variant="size",
        confidence=LIKELY,
        evidence=[
            f"frame {client[0].frame}: one encrypted record of the client, {client[0].size} bytes",
            f"frame {answers[0].frame}: the server's answer holds {REFUSAL_BYTES} bytes, as ERR 1043 does",
        ],
        doubt="another error whose message has just 13 characters would look the same; TLS keys would tell",
    )


RULE = Rule(
    "tls-login-mismatch",
    ERROR,
    "The login inside TLS differs from the SSLRequest",
    (has_tls,),
    check,
    looks_at=(
        "collation and capabilities of the SSLRequest and of the login inside TLS; without keys: one record "
        "of the client, answered by one of the size of ERR 1043, then FIN"
    ),
    about=(
        "A login over TLS begins twice: the first 32 bytes of it go in plain text as the SSLRequest, then the"
        " whole of it inside TLS. Both have to say the same. MySQL refuses another collation with error 1043 "
        "('Bad handshake'), which is inside TLS and so hidden from the network. Other differences are taken, "
        "and the second counts."
    ),
    message="The login inside TLS differs from the SSLRequest before it: {different}.",
    advice="A fault of the client: both have to say the same. MySQL refuses another collation with error 1043.",
    variants=(
        (
            "size",
            (
                "The server answered the encrypted login with {size} bytes and closed, just the size of 'Bad "
                "handshake' (1043): the login inside TLS likely differs from the SSLRequest before it, or is "
                "broken."
            ),
            (
                "Give a key log (--keylog) to see the error itself. A driver that names another collation or "
                "other flags inside TLS than before it is refused in this way."
            ),
        ),
    ),
    causes=("a proxy that ends TLS and rewrites one of the two",),
    sources=("MySQL Source Documentation: Protocol::SSLRequest; SSL Handshake",),
)

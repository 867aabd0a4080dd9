"""cleartext-password: a password in clear text on plain TCP."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.driver_options import CLEARTEXT, TLS, name_of, option
from analyzer.analysis.findings.rule import ERROR, Case, Rule, Verdict


def applies(case: Case) -> bool:
    return case.facts.auth.messages_in_clear != []


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    frames = facts.auth.messages_in_clear
    if not frames:
        return
    later = facts.auth.verdict_frame and frames[0] > facts.auth.verdict_frame
    where = "in COM_CHANGE_USER" if later else "in the login"
    local = case.connection.client.address == case.connection.server.address
    evidence = [f"frame {frame}: the password itself, {where}, plugin {facts.auth.plugin}" for frame in frames]
    if local:
        evidence.append("client and server have the same address: it did not leave the machine")
    filling: dict[str, object] = {
        "driver": name_of(case),
        "where": where,
        "plugin": facts.auth.plugin or "?",
        "tls": option(case, TLS),
        "forbid": option(case, CLEARTEXT),
    }
    yield RULE.says(list(frames), filling, evidence=evidence)


RULE = Rule(
    "cleartext-password",
    ERROR,
    "A password in clear text on plain TCP",
    (applies,),
    check,
    by_login=True,
    looks_at=(
        "an auth response outside TLS that holds the password itself: mysql_clear_password, dialog (PAM), "
        "caching_sha2_password's and sha256_password's full path without RSA; also in COM_CHANGE_USER"
    ),
    about=(
        "The password went over TCP as it is. Some plugins need it (PAM, LDAP simple), and some drivers send "
        "it for caching_sha2_password when the server asks for full authentication, without asking for TLS or"
        " an RSA key. Whoever could see this traffic, including this capture file, now has it."
    ),
    message=(
        "The password went over the network in clear text, {where}, outside TLS, sent by {driver} for the "
        "plugin {plugin}: whoever could see this traffic has it."
    ),
    advice=(
        "Change this password now, and treat the capture file as a secret. Then turn TLS on: {tls}. Forbid it in "
        "the client: {forbid}."
    ),
    sources=(
        (
            "MySQL Reference Manual: Client-Side Cleartext Pluggable Authentication; Caching SHA-2 Pluggable "
            "Authentication"
        ),
        "MariaDB Knowledge Base: Authentication with Pluggable Authentication Modules (PAM)",
    ),
)

"""Findings about the login itself: what was sent how, and who gave up over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from analyzer.analysis.facts import Facts, StepSeen
from analyzer.analysis.findings.base import CERTAIN, LIKELY, NETWORK_ERRORS, Case, Said
from analyzer.protocol.records.authentication import AuthMoreData, AuthSwitchRequest, OldAuthSwitchRequest
from analyzer.protocol.records.login import HandshakeResponse41

# Addresses of the machine itself begin so, or are ::1.
LOOPBACK: Final = ("127.", "::ffff:127.")
PERFORM_FULL: Final = 4
# plugin -> what gave it up
DEPRECATED: Final = {
    "mysql_native_password": "disabled by default in MySQL 8.4 and removed in MySQL 9.0",
    "mysql_old_password": "removed in MySQL 5.7.5; its scramble can be broken",
    "sha256_password": "deprecated since MySQL 8.0.16",
}


def cleartext_password(case: Case) -> Iterator[Said]:
    frames = case.talk.facts.messages_in_clear
    if frames:
        yield Said(
            "The password went over the network in clear text, outside TLS: whoever could see this traffic has it.",
            "Change the password, turn TLS on in the client, and forbid clear-text authentication there.",
            list(frames),
        )


def given_password(case: Case) -> Iterator[Said]:
    password = case.evidence.password
    facts = case.talk.facts
    if password is None:
        return
    for frame, plugin, nonce, response in facts.proofs:
        right = plugin.verify(password, nonce, response)
        if right is None:
            continue
        if right:
            yield Said(
                "The given password makes exactly the response that was captured: the client had this password.",
                "If the server refused it all the same, it has another password for the account, or refuses the "
                "account for another reason.",
                [frame],
                CERTAIN,
                "info",
            )
        else:
            yield Said(
                "The given password does not make the captured response: the client used another password, or "
                "computed its response wrongly.",
                "Compare the client's configuration with the password given here.",
                [frame],
            )


def _last_step(facts: Facts) -> StepSeen:
    """The last step before a side left; the server's error about that is no step."""
    echo = facts.error is not None and facts.error.error_code in NETWORK_ERRORS
    return facts.steps[-2] if echo and len(facts.steps) > 1 else facts.steps[-1]


def full_auth_refused(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    if case.connection.outcome != "aborted" or not facts.steps:
        return
    last = _last_step(facts)
    detail = last[3]
    if isinstance(last[2], AuthMoreData) and getattr(detail, "status", None) == PERFORM_FULL:
        yield Said(
            "The server asked for full authentication (01 04), and the client left without asking for the server's "
            "public key.",
            "Use TLS, or let the client fetch the RSA key: --get-server-public-key, allowPublicKeyRetrieval=true or "
            "its driver's option.",
            [last[4]],
            LIKELY,
        )


def plugin_unsupported(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    if case.connection.outcome != "aborted" or not facts.steps:
        return
    _, _, record, _, frame = _last_step(facts)
    if isinstance(record, AuthSwitchRequest | OldAuthSwitchRequest):
        name = getattr(record, "plugin_name", "mysql_old_password")
        yield Said(
            f"The server asked to switch to {name}, and the client left: it can not or may not use this plugin.",
            "Use a client library that has the plugin (and lets it be used), or give the account another one.",
            [frame],
            LIKELY,
        )


def keys_missing(case: Case) -> Iterator[Said]:
    if case.connection.outcome == "encrypted" and not len(case.talk.secrets.keys):
        frame = case.talk.facts.tls_frame
        yield Said(
            "The connection went on in TLS, and no keys were given: user, verdict and commands can not be read.",
            "Give a key log of the client or the server (--keylog FILE, NSS format), or put it into the pcapng.",
            [frame] if frame else [],
        )


def decryption_failed(case: Case) -> Iterator[Said]:
    tls = case.talk.tls
    if tls is None or not len(case.talk.secrets.keys) or tls.problem is None:
        return
    frame = case.talk.facts.tls_frame
    part = "A part of the connection" if tls.decrypted else "What was said inside TLS"
    yield Said(
        f"{part} can not be read with the keys that were given: {tls.problem}.",
        "The key log has to come from this very session: "
        f"its client random is {tls.wanted_random or 'not in the capture'}.",
        [frame] if frame else [],
        CERTAIN,
        "info" if tls.decrypted else None,
    )


def deprecated_plugin(case: Case) -> Iterator[Said]:
    plugin = case.talk.facts.plugin
    why = DEPRECATED.get(plugin or "")
    if why and case.connection.outcome == "accepted":
        step = case.talk.facts.steps[0]
        yield Said(
            f"The login used {plugin}, {why}.",
            "Move the account to caching_sha2_password (MySQL) or to ed25519 or parsec (MariaDB).",
            [step[4]],
        )


def unencrypted_login(case: Case) -> Iterator[Said]:
    facts = case.talk.facts
    login = facts.login
    if login is None or case.connection.tls is not None or not isinstance(login, HandshakeResponse41):
        return
    if case.connection.server.address.startswith(LOOPBACK) or case.connection.server.address == "::1":
        return
    seen = ["the user name"]
    if login.database:
        seen.append("the database")
    if login.attributes:
        seen.append("the connection attributes")
    if facts.protection == "scramble":
        seen.append("a scramble that allows guessing the password offline")
    yield Said(
        f"The login went over the network without TLS: readable by anyone on the way were {', '.join(seen)}, and "
        "every statement after it.",
        "Turn TLS on in the client (ssl-mode VERIFY_IDENTITY or its driver's option).",
        [facts.login_frame],
    )

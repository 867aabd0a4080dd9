"""plugin-unsupported: the authentication plugin is missing on one side."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_error, is_aborted
from analyzer.analysis.findings.driver_options import name_of
from analyzer.analysis.findings.helpers import ended, last_step, refusal
from analyzer.analysis.findings.rule import ERROR, LIKELY, Case, Rule, Verdict
from analyzer.protocol.records.authentication import AuthSwitchRequest, OldAuthSwitchRequest

CLIENT_CAN_NOT = 1251
NOT_LOADED = 1524


def check(case: Case) -> Iterator[Verdict]:
    facts = case.facts
    error = case.connection.error
    if error is not None and error.code in (CLIENT_CAN_NOT, NOT_LOADED):
        yield from refusal(case, RULE) if error.code == CLIENT_CAN_NOT else _not_loaded(case)
        return
    if case.connection.outcome != "aborted" or not facts.auth.steps:
        return
    _, _, record, _, frame = last_step(facts)
    if isinstance(record, AuthSwitchRequest | OldAuthSwitchRequest):
        name = getattr(record, "plugin_name", "mysql_old_password")
        yield RULE.says(
            [frame],
            {"plugin": name, "driver": name_of(case)},
            variant="left",
            confidence=LIKELY,
            evidence=[f"frame {frame}: the server asks to switch to {name}", ended(case)],
            doubt="why the client left is only in its own error message",
        )


def _not_loaded(case: Case) -> Iterator[Verdict]:
    error = case.connection.error
    if error is not None and error.phase != "command":
        state = f" ({error.sqlstate})" if error.sqlstate else ""
        filling: dict[str, object] = {"code": error.code, "state": state, "text": error.message}
        yield RULE.says([error.frame], filling, variant="not loaded")


RULE = Rule(
    "plugin-unsupported",
    ERROR,
    "The authentication plugin is missing on one side",
    (is_aborted, has_error),
    check,
    of_login=True,
    looks_at="a switch request after which the client leaves; ERR 1251; ERR 1524",
    about=(
        "Every account has an authentication plugin, and both sides have to know it. If the server asks the "
        "client to go on with a plugin that it does not have, or may not use, the client closes the "
        "connection and tells its user alone. A client too old to be switched at all gets error 1251; a "
        "plugin that the server itself does not have is error 1524."
    ),
    message="The client can not do the authentication that the account needs: error {code}{state}, {text!r}.",
    advice=(
        "Use a newer client library, or give the account a plugin that the client has: ALTER USER ... "
        "IDENTIFIED WITH caching_sha2_password BY '...' (MySQL 8 and later), mysql_native_password (MariaDB, "
        "MySQL up to 8.4 where it is turned on)."
    ),
    variants=(
        (
            "left",
            (
                "The server asked {driver} to go on with the plugin {plugin}, and the client left: it does "
                "not have this plugin, or may not use it."
            ),
            (
                "Use a client library that has {plugin} (and allow it there), or give the account a plugin "
                "that the client has."
            ),
        ),
        (
            "not loaded",
            ("The account's authentication plugin is not loaded in the server: error {code}{state}, {text!r}."),
            (
                "Load the plugin (INSTALL PLUGIN, plugin-load-add), or ALTER USER ... IDENTIFIED WITH another"
                " one: mysql_native_password is off by default in MySQL 8.4 and gone from MySQL 9.0."
            ),
        ),
    ),
    causes=(
        "the user does not exist, or not for this host: MySQL asks such clients for any plugin (a decoy), to give "
        "nothing "
        "away, so the plugin may not be the account's",
        ("the client forbids the plugin (restrictedAuth, allowCleartextPasswords, --enable-cleartext-plugin not set)"),
        "the client has the plugin as a file it can not find (plugin_dir)",
    ),
    sources=(
        "MySQL Reference Manual: Pluggable Authentication",
        "MySQL Error Reference: ER_NOT_SUPPORTED_AUTH_MODE, ER_PLUGIN_IS_NOT_LOADED",
    ),
)

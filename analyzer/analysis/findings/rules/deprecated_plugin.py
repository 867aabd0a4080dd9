"""deprecated-plugin: an authentication plugin that servers are giving up."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import is_mariadb
from analyzer.analysis.findings.rule import INFO, Case, Rule, Verdict
from analyzer.analysis.findings.signs import ACCEPTED

# plugin -> what breaks at which version, by server.
MYSQL = {
    "mysql_native_password": "MySQL 8.4 turns it off by default (logins fail until mysql_native_password=ON is set), "
    "MySQL 9.0 has removed it",
    "mysql_old_password": "MySQL 5.7.5 has removed it, and its scramble can be broken",
    "sha256_password": "deprecated since MySQL 8.0.16, to be removed",
}
MARIADB = {"mysql_old_password": "its scramble can be broken; MariaDB turns it off by default (secure_auth)"}


def applies(case: Case) -> bool:
    return case.facts.auth.plugin in MYSQL and case.connection.outcome == "accepted"


def check(case: Case) -> Iterator[Verdict]:
    mariadb = is_mariadb(case)
    plugin = case.facts.auth.plugin or ""
    why = (MARIADB if mariadb else MYSQL).get(plugin)
    if not why or case.connection.outcome != "accepted" or not case.facts.auth.steps:
        return
    frame = case.facts.auth.steps[0][4]
    to = "ed25519 or parsec" if mariadb else "caching_sha2_password"
    yield RULE.says([frame], {"plugin": plugin, "why": why, "to": to}, evidence=[f"frame {frame}: {plugin}"])


RULE = Rule(
    "deprecated-plugin",
    INFO,
    "An authentication plugin that servers are giving up",
    (applies,),
    check,
    by_login=True,
    of_login=True,
    given=ACCEPTED,
    looks_at="the plugin that the accepted login used in the end, and the server's kind",
    about=(
        "Servers drop old plugins: an account that still uses one can not log in any more after the upgrade. "
        "mysql_native_password: off by default in MySQL 8.4, removed in 9.0 (in MariaDB it is the default and"
        " no finding). sha256_password: deprecated. mysql_old_password: removed in MySQL 5.7.5."
    ),
    message="The login used {plugin}: {why}.",
    advice=(
        "Move the account before the upgrade: ALTER USER ... IDENTIFIED WITH {to} BY '...', after a look "
        "whether all its clients can do that plugin."
    ),
    sources=(
        "MySQL Reference Manual: Native Pluggable Authentication; SHA-256 Pluggable Authentication",
        "MySQL 8.4 Release Notes: What Is New in MySQL 8.4",
        "MariaDB Knowledge Base: Authentication Plugin mysql_old_password",
    ),
)

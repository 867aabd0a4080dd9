"""collation-mismatch: the session's collation is another than the client asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.analysis.findings.conditions import has_failed_command
from analyzer.analysis.findings.driver_options import CHARSET, option
from analyzer.analysis.findings.helpers import is_mariadb, login41, version
from analyzer.analysis.findings.rule import INFO, LIKELY, POSSIBLE, WARNING, Case, Rule, Verdict
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.tables.collations import COLLATIONS, collation

# latin1_swedish_ci, utf8mb3_general_ci, utf8mb4_general_ci, utf8mb4_unicode_ci: in every server.
EVERYWHERE = frozenset({8, 33, 45, 224})
# ER_WRONG_VALUE_FOR_VAR, ER_UNKNOWN_CHARACTER_SET, ER_UNKNOWN_COLLATION.
UNKNOWN_CODES = frozenset({1231, 1115, 1273})
_ABOUT = re.compile("collation|character.set|charset", re.IGNORECASE)
# MySQL's utf8mb4_0900 collations, which MariaDB knows since 11.4.5 (MDEV-20912).
MYSQL_ONLY = range(255, 324)
MARIADB_SINCE = (11, 4, 5)


def applies(case: Case) -> bool:
    """Whether a server may read the collation otherwise than it is meant."""
    login = case.facts.login.record
    if not isinstance(login, HandshakeResponse41):
        return False
    number = login.character_set
    # A number over 255, of which servers of before 8.0 read the low byte; one that not all servers know.
    if not login.filler[0] and (number in EVERYWHERE or (number < MYSQL_ONLY.start and collation(number, True))):
        return False
    return any(True for _ in _misread(case))


def check(case: Case) -> Iterator[Verdict]:
    yield from _refused(case)
    yield from _misread(case)


def _misread(case: Case) -> Iterator[Verdict]:
    """What the login asks for is read otherwise, or not known."""
    login = login41(case)
    if login is None:
        return
    mariadb = is_mariadb(case)
    asked, read = login.collation_id, login.character_set
    greeting = case.connection.greeting
    default = (greeting.collation if greeting else None) or "its default"
    frame = case.facts.login.frame
    filling: dict[str, object] = {"asked": _name(asked, mariadb), "option": option(case, CHARSET)}
    doubt = "a SET NAMES after the login would set it right; statements are not looked at here"
    evidence = [f"frame {frame}: collation {asked}" + (f", of which the server reads {read}" if read != asked else "")]
    if asked != read:
        if read == 0:
            filling["used"] = f"{default}, the server's default"
        else:
            filling["used"] = _name(read, mariadb)
        filling["low"] = read
        yield RULE.says([frame], filling, confidence=LIKELY, evidence=evidence, doubt=doubt)
    elif mariadb and asked in MYSQL_ONLY and version(case) and version(case) < MARIADB_SINCE:
        filling["used"] = default
        yield RULE.says([frame], filling, variant="foreign", confidence=LIKELY, evidence=evidence, doubt=doubt)
    elif collation(asked, mariadb) is None:
        filling["used"] = default
        yield RULE.says([frame], filling, variant="unknown", confidence=POSSIBLE, evidence=evidence, doubt=doubt)


def _refused(case: Case) -> Iterator[Verdict]:
    """A SET NAMES, or the collation of a statement, that the server does not know."""
    for each in case.facts.answers.errors:
        code, text = each.error.error_code, case.said(each.error)
        if code in UNKNOWN_CODES and _ABOUT.search(text):
            yield RULE.says(
                [each.frame],
                {"code": code, "text": text, "option": option(case, CHARSET)},
                variant="refused",
                severity=WARNING,
                evidence=[f"frame {each.frame}: ERR {code}, {text!r}"],
            )
            return


def _name(number: int, mariadb: bool) -> str:
    found = collation(number, mariadb) or COLLATIONS.get(number)
    return f"{found[0]} ({number})" if found else f"collation {number}"


RULE = Rule(
    "collation-mismatch",
    INFO,
    "The session's collation is another than the client asked for",
    (applies, has_failed_command),
    check,
    failures=UNKNOWN_CODES,
    by_login=True,
    looks_at=(
        "the collation of the login: two bytes of which servers read one (309 becomes 53), one the server "
        "does not have (255 on MariaDB before 11.4.5), or one that nobody has"
    ),
    about=(
        "The login has one byte for the collation. Drivers that write a number over 255 there overflow into "
        "the next byte, which servers do not read: 309 (utf8mb4_0900_bin) becomes 53 (macroman_bin), and text"
        " is garbled. A number that the server does not have falls back to the server's default, without a "
        "word. MariaDB from 11.5 on also reads the default collation of a character set (45, utf8mb4_general_ci) as "
        "the one that character_set_collations names; that is no finding."
    ),
    message=("The client asked for {asked}, but a login has one byte for it: the server reads {low} and uses {used}."),
    advice="Let the client ask for what the server has: {option}.",
    variants=(
        (
            "refused",
            "The server does not know the character set or collation that the client asks for: error {code}, {text!r}.",
            "Ask for one that the server has (SHOW COLLATION): {option}. utf8mb4_0900_ai_ci is MySQL's since 8.0, "
            "utf8mb4_uca1400_ai_ci MariaDB's since 10.10.",
        ),
        (
            "foreign",
            (
                "The client asked for {asked}, which this MariaDB does not have: the session uses the "
                "server's default, {used}."
            ),
            "",
        ),
        (
            "unknown",
            (
                "The client asked for {asked}, which no server known here has: the session uses the server's "
                "default, {used}."
            ),
            "",
        ),
    ),
    sources=(
        "MySQL Source Documentation: Protocol::HandshakeResponse41 (character_set)",
        "MySQL Reference Manual: Connection Character Sets and Collations",
        "MariaDB Knowledge Base: Supported Character Sets and Collations",
    ),
)

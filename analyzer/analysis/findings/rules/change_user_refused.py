"""change-user-refused: the server refused COM_CHANGE_USER."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.analysis.findings.helpers import by_server, ended
from analyzer.analysis.findings.rule import WARNING, Case, Rule, Verdict
from analyzer.analysis.findings.signs import IRREGULAR
from analyzer.protocol.tables.commands import COM_CHANGE_USER


def was_asked(case: Case) -> bool:
    return bool(case.facts.commands.get(COM_CHANGE_USER))


def check(case: Case) -> Iterator[Verdict]:
    refused = [each for each in case.facts.answers.errors if each.code == COM_CHANGE_USER]
    if not refused:
        return
    first = refused[0]
    code, text = first.error.error_code, case.said(first.error)
    filling: dict[str, object] = {"code": code, "text": text, "count": len(refused)}
    filling["plural"] = "s" if len(refused) > 1 else ""
    evidence = [f"frame {each.frame}: ERR {each.error.error_code}, {case.said(each.error)!r}" for each in refused[:5]]
    over = by_server(case) and "quit" not in case.connection.commands
    if over:
        evidence.append(ended(case))
    frames = [frame for each in refused for frame in (each.command.frame if each.command else 0, each.frame)]
    yield RULE.says(frames, filling, variant="over" if over else "", evidence=evidence)


RULE = Rule(
    "change-user-refused",
    WARNING,
    "The server refused a change of the user",
    (was_asked,),
    check,
    given=IRREGULAR,
    looks_at="the errors that answer COM_CHANGE_USER, and what became of the session after them",
    about=(
        "COM_CHANGE_USER logs another user in on a connection that is there, or the same one to reset the session, as "
        "pools and proxies do. The outcome of the connection is that of its first login; this one failed later. MySQL "
        "ends the session after it, MariaDB lets the client try again a few times: a pool that keeps the connection "
        "hands out one that is dead, or still that of the user before."
    ),
    message="COM_CHANGE_USER was refused with error {code}, {count} time{plural}. Its words: {text!r}.",
    advice=(
        "Look at the account that is changed to: its password, its host, its rights on the database; and at what the "
        "pool or proxy keeps of it (ProxySQL's mysql_users, MaxScale's user cache). The connection has to be closed "
        "after such an error."
    ),
    variants=(
        (
            "over",
            "COM_CHANGE_USER was refused with error {code}, {count} time{plural}, and the server ended the session. "
            "Its words: {text!r}.",
            "",
        ),
    ),
    causes=(
        "a password that was changed while pools and proxies keep the old one",
        "a client that computes its answer from the nonce of the first greeting, where the server gave another",
    ),
    sources=(
        "MySQL Source Documentation: COM_CHANGE_USER",
        "MySQL C API: mysql_change_user()",
    ),
)

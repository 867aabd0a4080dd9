"""Commands as other tools read them: a slow query log (pt-query-digest, mysqldumpslow), and SQL that can be run again.

Sources: MySQL Reference Manual, "The Slow Query Log" and "mysql Client Commands" (DELIMITER). What is not on the wire
(Lock_time, Rows_examined) stands as 0 in a slow log, for its readers ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from analyzer.analysis.model.command import Command
from analyzer.analysis.packets.sql_tokens import PLACEHOLDER, SIGN, tokens_of
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock

# What the server's log calls commands without a statement.
_ADMIN: Final = {"quit": "Quit", "ping": "Ping", "init_db": "Init DB", "change_user": "Change user"}
_DELIMITERS: Final = ("$$", "//", ";;", "$end$")
# What begins a line of a slow log that is no statement.
_MARK: Final = re.compile(r"(?m)^#")
_HEX: Final = re.compile("0x(?:[0-9a-f]{2})+")
# What a command says of a bound value that it does not have whole.
_CUT_VALUE: Final = re.compile(r"… \(\d+ bytes\)\Z")
_QUOTED: Final = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\x1a": "\\Z"})


def literal(value: Any) -> str:
    """A bound value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, int | float):
        return str(value)
    if _HEX.fullmatch(str(value)):
        return str(value)  # bytes that are no text
    return "'" + str(value).translate(_QUOTED) + "'"


def bound(statement: str, values: list[Any]) -> str | None:
    """The statement with its values in place; None where it has another number of places."""
    places = [token for token in tokens_of(statement) if token.kind == PLACEHOLDER]
    if len(places) != len(values):
        return None
    parts, at = [], 0
    for token, value in zip(places, values, strict=True):
        parts += [statement[at : token.start], literal(value)]
        at = token.stop
    return "".join(parts) + statement[at:]


def _is_cut(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_cut, value))
    return isinstance(value, str) and _CUT_VALUE.search(value) is not None


def statements_of(command: Command) -> list[str]:
    """What the server ran, as SQL: of a bulk execute one for each row; none of a command that runs no statement."""
    text = command.statement
    if text is None or command.command not in ("query", "stmt_execute", "stmt_bulk_execute"):
        return []
    values = command.parameters
    if not values:
        return [text]
    rows = values if all(isinstance(row, list) for row in values) else [values]
    return [bound(text, row) or text for row in rows]


def slowlog(command: Command, safe: bool = False, clock: WallClock = UTC_CLOCK) -> str:
    """A command as an entry of a slow query log; nothing of one that is not answered. `safe`: for a terminal."""
    if command.duration_ns is None and command.command != "quit":
        return ""
    shown = statements_of(command)
    if not shown:
        if command.command.startswith("stmt_"):
            return ""
        shown = [f"# administrator command: {_ADMIN.get(command.command, command.command.capitalize())}"]
    else:
        shown = [_MARK.sub(" #", text) for text in shown]
    took = command.duration_ns or 0
    user = terminal(command.user or "", 100).replace("[", "").replace("]", "")
    host = command.client.address if command.client is not None else ""
    head = [
        f"# Time: {clock.iso(command.time_ns + took)}",
        f"# User@Host: {user}[{user}] @  [{host}]  Id: {command.stream:5}",
        f"# Query_time: {took / 1e9:.6f}  Lock_time: 0.000000 Rows_sent: {command.rows or 0}  Rows_examined: 0"
        f"  Rows_affected: {command.affected_rows or 0}  Bytes_sent: {command.bytes_response}",
    ]
    if command.database:
        head.append(f"use {terminal(command.database, 200)};")
    head.append(f"SET timestamp={command.time_ns // 10**9};")
    body = [_printable(text.rstrip().removesuffix(";"), safe) + ";" for text in shown]
    return "\n".join([*head, *body]) + "\n"


class SqlScript:
    """Commands as a script for the mysql client, in the order in which they are given."""

    def __init__(self, safe: bool = False, *, secrets_shown: bool = False, clock: WallClock = UTC_CLOCK) -> None:
        self._clock = clock
        self._safe = safe
        self._secrets_shown = secrets_shown
        self._database: str | None = None

    def head(self) -> str:
        masked = "" if self._secrets_shown else " Passwords and the like are masked (--show-secrets shows them)."
        return (
            "-- Made by handshark: the statements of a capture, in the order in which their responses ended."
            f"{masked}\n-- Statements of several connections stand one after the other: transactions may be mixed.\n"
        )

    def command(self, command: Command) -> str:
        return "\n".join(self._lines(command)) + "\n"

    def _lines(self, command: Command) -> Iterator[str]:
        time = f"{self._clock.date(command.time_ns)} {self._clock.time_of_day(command.time_ns, milliseconds=True)}"
        who = terminal(command.user or "?", 100)
        took = "" if command.duration_ns is None else f", {labels.duration(command.duration_ns)}"
        yield f"-- {time}, connection {command.stream} of {who}, frame {command.frame}{took}"
        shown = statements_of(command)
        if not shown:
            yield f"-- ({terminal(command.command, 100)})"
            return
        if command.error is not None:
            yield f"-- error {command.error.code}: {terminal(command.error.message, 500)}"
        if command.statement_cut or any(map(_is_cut, command.parameters or ())):
            missing = (
                f"{command.statement_cut:,} bytes of the statement" if command.statement_cut else "bytes of values"
            )
            yield f"-- cut: {missing} are missing"
            for text in shown:
                yield from (f"-- {_printable(line, True)}" for line in text.splitlines())
            return
        if command.database and command.database != self._database:
            self._database = command.database
            name = terminal(command.database, 200).replace("`", "``")
            yield f"USE `{name}`;"
        for text in shown:
            yield from self._statement(text.rstrip().removesuffix(";"))

    def _statement(self, text: str) -> Iterator[str]:
        shown = _printable(text, self._safe)
        if not any(token.kind == SIGN and token.word == ";" for token in tokens_of(text)):
            yield f"{shown};"
            return
        end = next((mark for mark in _DELIMITERS if mark not in text), None)
        if end is None:
            yield from (f"-- {line}" for line in _printable(text, True).splitlines())
            return
        yield from (f"DELIMITER {end}", f"{shown}{end}", "DELIMITER ;")


def _printable(text: str, safe: bool) -> str:
    """Statements may hold anything: on a terminal only lines of printable text are shown."""
    return "\n".join(terminal(line, None) for line in text.split("\n")) if safe else text

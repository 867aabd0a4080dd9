"""What a command is about, in a few words: its verb and its table, never a literal."""

from __future__ import annotations

import re
from typing import Final

from analyzer.analysis.conversation.session_facts import SentCommand
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_PREPARE, COMMAND_NAMES, COMMANDS

# Literals and comments, the last of which may be cut off.
_LEFT_OUT: Final = re.compile(
    r"'(?:[^'\\]|\\.|'')*(?:'|$)|\"(?:[^\"\\]|\\.|\"\")*(?:\"|$)|/\*.*?(?:\*/|$)|(?:--\s|#)[^\n]*", re.DOTALL
)
_NAME: Final = r"((?:`[^`]+`|[\w$]+)(?:\s*\.\s*(?:`[^`]+`|[\w$]+))?)"
_VERB: Final = re.compile(r"[\s(]*([A-Za-z]+)")
# Verb -> what stands before the name of its table.
_TABLES: Final[dict[str, re.Pattern[str]]] = {
    "SELECT": re.compile(rf"\bFROM\s+{_NAME}", re.IGNORECASE),
    "DELETE": re.compile(rf"\bFROM\s+{_NAME}", re.IGNORECASE),
    "INSERT": re.compile(rf"\bINTO\s+{_NAME}", re.IGNORECASE),
    "REPLACE": re.compile(rf"\bINTO\s+{_NAME}", re.IGNORECASE),
    "UPDATE": re.compile(rf"\bUPDATE\s+(?:LOW_PRIORITY\s+|IGNORE\s+)*{_NAME}", re.IGNORECASE),
    "CALL": re.compile(rf"\bCALL\s+{_NAME}", re.IGNORECASE),
    "ALTER": re.compile(rf"\bTABLE\s+{_NAME}", re.IGNORECASE),
    "TRUNCATE": re.compile(rf"\bTRUNCATE\s+(?:TABLE\s+)?{_NAME}", re.IGNORECASE),
    "LOCK": re.compile(rf"\bTABLES?\s+{_NAME}", re.IGNORECASE),
    "LOAD": re.compile(rf"\bTABLE\s+{_NAME}", re.IGNORECASE),
    "SET": re.compile(r"\bSET\s+(?:SESSION\s+|GLOBAL\s+)?(NAMES|CHARACTER SET|[@\w.]+)", re.IGNORECASE),
}
# Statements with which drivers, pools and frameworks prepare a session.
_OPENING: Final = re.compile(
    r"[\s(]*(?:/\*.*?\*/\s*)?(?:SET\b|USE\b|SELECT\s+(?:@@|1\b|DATABASE\(\)|VERSION\(\))|SHOW\s+(?:SESSION\s+|GLOBAL\s+)?"
    r"(?:VARIABLES|WARNINGS|STATUS|COLLATION|ENGINES)|SELECT\s+CONNECTION_ID|START\s+TRANSACTION|BEGIN|COMMIT|ROLLBACK)",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST: Final = 80


def sql_of(command: SentCommand) -> str:
    """The beginning of a statement, for looking at; "" where the command has none."""
    if command.code not in (COM_QUERY, COM_STMT_PREPARE):
        return ""
    head = command.head[1:]
    if head[:2] in (b"\x00\x01", b"\x00\x00"):
        head = head[2:]  # query attributes: none
    return head.decode("utf-8", "replace")


def shape_of(command: SentCommand) -> str:
    """Verb and table of a statement; of other commands their name."""
    name = COMMAND_NAMES[command.code]
    text = _LEFT_OUT.sub(" ", sql_of(command))
    verb = _VERB.match(text)
    if verb is None:
        return f"COM_{name.upper()}"
    word = verb[1].upper()[:_LONGEST]
    table = _TABLES[word].search(text) if word in _TABLES else None
    return f"{word} {table[1]}"[:_LONGEST] if table is not None else word


def is_opening(command: SentCommand) -> bool:
    """Whether a command only prepares the session, or asks something of it."""
    text = sql_of(command)
    if not text:
        return COMMANDS.get(command.code) in ("ping", "init_db", "set_option", "reset_connection", "quit")
    return _OPENING.match(text) is not None

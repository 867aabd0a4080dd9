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
# Verb -> what stands before the name of its table, compiled when it is asked for.
_TABLES: Final[dict[str, str]] = {
    "SELECT": rf"\bFROM\s+{_NAME}",
    "DELETE": rf"\bFROM\s+{_NAME}",
    "INSERT": rf"\bINTO\s+{_NAME}",
    "REPLACE": rf"\bINTO\s+{_NAME}",
    "UPDATE": rf"\bUPDATE\s+(?:LOW_PRIORITY\s+|IGNORE\s+)*{_NAME}",
    "CALL": rf"\bCALL\s+{_NAME}",
    "ALTER": rf"\bTABLE\s+{_NAME}",
    "TRUNCATE": rf"\bTRUNCATE\s+(?:TABLE\s+)?{_NAME}",
    "LOCK": rf"\bTABLES?\s+{_NAME}",
    "LOAD": rf"\bTABLE\s+{_NAME}",
    "SET": r"\bSET\s+(?:SESSION\s+|GLOBAL\s+)?(NAMES|CHARACTER SET|[@\w.]+)",
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
    table = re.search(_TABLES[word], text, re.IGNORECASE) if word in _TABLES else None
    return f"{word} {table[1]}"[:_LONGEST] if table is not None else word


def is_opening(command: SentCommand) -> bool:
    """Whether a command only prepares the session, or asks something of it."""
    text = sql_of(command)
    if not text:
        return COMMANDS.get(command.code) in ("ping", "init_db", "set_option", "reset_connection", "quit")
    return _OPENING.match(text) is not None

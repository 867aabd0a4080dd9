"""Whether a statement asks for a file of the client: LOAD DATA LOCAL, LOAD XML LOCAL.

A server that asks for one in answer to anything else is hostile, or somebody in between is (MySQL manual, "Security
Considerations for LOAD DATA LOCAL"): the file it names is its own choice.
"""

from __future__ import annotations

import re
from typing import Final

# Bytes of a statement that are looked at.
LONGEST: Final = 4096
# What holds no words of the statement: strings, names in quotes, comments but for those that servers run.
_QUOTED: Final = re.compile(
    rb"""'(?:[^'\\]|\\.|'')*(?:'|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z)|`[^`]*(?:`|\Z)"""
    rb"""|/\*(?!M?!).*?(?:\*/|\Z)|--[ \t\n][^\n]*|\#[^\n]*""",
    re.DOTALL,
)
_LOADS: Final = re.compile(rb"\bLOAD\b.*?\bLOCAL\b.*?\bINFILE\b", re.DOTALL | re.IGNORECASE)
# Statements that run others, which do not stand in them.
_RUNS_OTHERS: Final = re.compile(rb"\A\W*(?:EXECUTE|CALL)\b", re.IGNORECASE)


def asks_for_file(statement: bytes) -> bool | None:
    """Whether the statement loads a file of the client; None where its first `LONGEST` bytes do not tell."""
    text = _QUOTED.sub(b" ", statement[:LONGEST])
    if _LOADS.search(text):
        return True
    return None if len(statement) >= LONGEST or _RUNS_OTHERS.match(text) else False

"""Questions that ship with the program: each a file of SQL whose comment says what it answers."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple


class NamedQuery(NamedTuple):
    """A question: its name, a line and a paragraph that say what it answers, and its SQL."""

    name: str
    title: str
    about: str
    sql: str


def queries() -> list[NamedQuery]:
    """All of them, by name."""
    folder = resources.files("analyzer.tables") / "sql_files"
    return [
        query_of(one.name.removesuffix(".sql"), one.read_text(encoding="utf-8"))
        for one in sorted(folder.iterdir(), key=lambda file: file.name)
        if one.name.endswith(".sql")
    ]


def query_of(name: str, text: str) -> NamedQuery:
    """A query of a file: the comment in front of it has its title, an empty line, and what it is about."""
    comment: list[str] = []
    lines = text.splitlines()
    while lines and lines[0].startswith("--"):
        comment.append(lines.pop(0)[2:].strip())
    return NamedQuery(name, comment[0], " ".join(comment[1:]).strip(), "\n".join(lines).strip())

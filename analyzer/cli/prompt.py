"""The prompt of `handshark sql`: statements end with ;, lines are edited and remembered by readline."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from analyzer.cli.console import complain, complain_lines
from analyzer.errors import AnalyzerError
from analyzer.tables.queries import queries
from analyzer.tables.schema import TABLES

if TYPE_CHECKING:
    from analyzer.tables.database import Database

HISTORY: Final = 1000  # lines
HELP: Final = """statements end with ; and may go over several lines
.tables            tables and views
.schema TABLE      columns of one
.queries           queries that ship: their name alone asks one
.quit              ends it, as Ctrl-D does
"""


class Prompt:
    """Reads statements and shows what they give, until the end of its input."""

    def __init__(self, database: Database, show: Callable[[object], int]) -> None:
        self._database = database
        self._show = show
        self._queries = {query.name: query for query in queries()}

    def run(self) -> int:
        history = _remembered(self._words())
        try:
            self._loop()
        finally:
            _remember(history)
        return 0

    def _loop(self) -> None:
        waiting: list[str] = []
        while True:
            try:
                line = input("handshark> " if not waiting else "       ...> ")
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print()
                waiting.clear()
                continue
            word = line.strip()
            if not waiting and word in (".quit", ".exit", "quit", "exit"):
                return
            if not waiting and (word.startswith(".") or word.rstrip(";") in self._queries or not word):
                self._word(word)
                continue
            waiting.append(line)
            if word.endswith(";"):
                self._ask("\n".join(waiting))
                waiting.clear()

    def _word(self, word: str) -> None:
        name, _, argument = word.partition(" ")
        if name.rstrip(";") in self._queries:
            self._ask(self._queries[name.rstrip(";")].sql)
        elif name == ".tables":
            self._ask("SELECT table_name AS name, table_type AS kind FROM information_schema.tables ORDER BY 1")
        elif name == ".schema" and argument.strip() in TABLES:
            for column in TABLES[argument.strip()].columns:
                print(f"{column.name:38} {column.about}")
        elif name == ".schema":
            print(", ".join(TABLES))
        elif name == ".queries":
            for query in self._queries.values():
                print(f"{query.name:26} {query.title}")
        elif name:
            print(HELP, end="")

    def _ask(self, sql: str) -> None:
        try:
            reader = self._database.run(sql)
            if reader is not None:
                self._show(reader)
            sys.stdout.flush()
        except AnalyzerError as error:
            complain_lines(str(error).splitlines())
        except KeyboardInterrupt:
            complain("interrupted")

    def _words(self) -> list[str]:
        """What Tab completes."""
        columns = {column.name for table in TABLES.values() for column in table.columns}
        return sorted({*TABLES, "distinct_connections", "upgrade_rules", "digest(", *self._queries, *columns})


def history_file() -> str:
    """Where lines are remembered (XDG Base Directory Specification: state)."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "handshark", "sql_history")


def _remembered(words: list[str]) -> str | None:
    """Loads the lines of earlier prompts; None where there is no readline."""
    try:
        import readline
    except ImportError:
        return None
    file = history_file()
    with contextlib.suppress(OSError):
        readline.read_history_file(file)
    readline.set_history_length(HISTORY)

    def complete(text: str, state: int) -> str | None:
        found = [word for word in words if word.startswith(text)]
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    return file


def _remember(file: str | None) -> None:
    if file is None:
        return
    import readline

    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        readline.write_history_file(file)
        os.chmod(file, 0o600)
    except OSError as error:
        complain(f"{file}: {error.strerror}: what was typed is not remembered")

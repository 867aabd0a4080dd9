"""Questions in SQL, each in a process of its own: what it may reach, take and last is bounded, and then it is ended.

DuckDB gives up neither a long function nor all memory that is asked for: so the kernel ends the process.
"""

from __future__ import annotations

import os
import resource
import signal
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from analyzer.analysis import AnalysisOptions
from analyzer.assistant.bounds import MOST, SECONDS, Answer, TookTooLongError, shown, shown_value
from analyzer.engine.background import Background, Send, WorkFailed
from analyzer.engine.listener import RunListener
from analyzer.engine.shelf import Shelf
from analyzer.errors import AnalyzerError
from analyzer.tables.database import Database, Sources, SqlError
from analyzer.tables.queries import queries
from analyzer.tables.results import rows_of
from analyzer.tables.schema import TABLES

MOST_CAPTURES: Final = 100
MEMORY: Final = 2 << 30  # bytes of the process
LONGEST_STATEMENT: Final = 20_000
LONGEST_ANSWER: Final = 200_000  # characters of all rows


class SqlQuestion(NamedTuple):
    """What is asked: of captures, by their names and files; what is read on the way stands in a folder."""

    sql: str
    captures: list[tuple[str, str]]
    folder: str


class _Refused(NamedTuple):
    """Why there is no answer. `quoted` may hold what the captures hold."""

    why: str
    quoted: str = ""


class SqlAnswers:
    """Answers questions in SQL. To be made before the program has threads."""

    def __init__(self, shelf: Shelf, options: AnalysisOptions, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._shelf = shelf
        self._seconds = seconds
        self._background = Background(partial(_answer, options, seconds, memory))

    def close(self) -> None:
        self._background.close()

    def tables(self, table: str | None) -> Answer:
        """The tables and the questions that ship, or the columns of one table."""
        if table is None:
            return {
                "tables": [{"table": one.name, "about": one.about} for one in TABLES.values()],
                "queries": [{"query": one.name, "about": f"{one.title}. {one.about}"} for one in queries()],
            }
        if table not in TABLES:
            raise AnalyzerError(f"there is no such table; there are: {', '.join(TABLES)}")
        from analyzer.tables.documentation import type_words

        columns = [{"column": c.name, "type": type_words(c), "about": c.about} for c in TABLES[table].columns]
        return {"table": table, "columns": columns}

    def sql(self, captures: Sequence[str], query: str, limit: int) -> Answer:
        """The first rows of what a SELECT, or a question that ships, finds in captures."""
        if not 1 <= limit <= MOST:
            raise AnalyzerError(f"limit is {limit}: it goes from 1 to {MOST}")
        if not 1 <= len(captures) <= MOST_CAPTURES:
            raise AnalyzerError(f"{len(captures)} captures are named: it goes from 1 to {MOST_CAPTURES}")
        if len(query) > LONGEST_STATEMENT:
            raise AnalyzerError(f"the statement is longer than {LONGEST_STATEMENT:,} characters")
        named = {one.name: one.sql for one in queries()}
        files = [(name, str(self._shelf.path(name).absolute())) for name in dict.fromkeys(captures)]
        with tempfile.TemporaryDirectory(prefix="handshark-") as folder:
            columns, rows, more = self._rows(SqlQuestion(named.get(query.strip(), query), files, folder), limit)
        return {"captures": [name for name, _ in files], "more": more, "captured": {"columns": columns, "rows": rows}}

    def _rows(self, question: SqlQuestion, limit: int) -> tuple[list[str], list[list[object]], bool]:
        """(the columns, the rows, whether there are more)."""
        started = time.monotonic()
        try:
            answer = self._background.ask(question)
        except WorkFailed as failed:
            raise AnalyzerError(f"the question can not be asked: {failed}") from None
        rows: list[list[object]] = []
        size = 0
        try:
            items = iter(answer)
            columns = next(items)
            if isinstance(columns, _Refused):
                raise AnalyzerError(_sentence(columns))
            for row in items:
                if isinstance(row, _Refused):
                    raise AnalyzerError(_sentence(row))
                size += len(str(row))
                if len(rows) == limit or (rows and size > LONGEST_ANSWER):
                    return columns, rows, True
                rows.append(row)
        except WorkFailed as failed:
            if time.monotonic() - started >= self._seconds:
                raise TookTooLongError(f"the answer took more than {self._seconds:.0f} s: ask for less") from None
            raise AnalyzerError(f"{failed}: it takes too much memory, perhaps; ask for less") from None
        finally:
            answer.close()
        return columns, rows, False


def _sentence(refused: _Refused) -> str:
    if not refused.quoted:
        return refused.why
    return f"{refused.why} (DuckDB's words, which may quote what was captured: {refused.quoted})"


def _answer(options: AnalysisOptions, seconds: float, memory: int, question: SqlQuestion, send: Send) -> None:
    """In the process: names of columns, then rows, or why not."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # it ends the process, whatever that is at
    signal.setitimer(signal.ITIMER_REAL, seconds)
    bound = memory + _data_now()  # what the process was begun with is not the question's
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _asked(options, question, send)
    except SqlError as error:
        send(_Refused("the statement can not be run", shown(str(error))))
    except AnalyzerError as error:
        send(_Refused(str(error)))


def _data_now() -> int:
    """Bytes of data that this process has already, as RLIMIT_DATA counts them; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _asked(options: AnalysisOptions, question: SqlQuestion, send: Send) -> None:
    tables, named = (os.path.join(question.folder, name) for name in ("tables", "captures"))
    os.mkdir(tables)
    database = Database(confined_to=tables)
    if not database.is_question(question.sql):
        send(_Refused("only one SELECT can be asked: nothing is changed, attached, loaded or written"))
        return
    wanted = database.needs(question.sql)
    for name, file in question.captures:  # rows call captures as they are asked for
        link = Path(named, name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    os.makedirs(named, exist_ok=True)
    os.chdir(named)
    database.read(Sources([], [], [name for name, _ in question.captures]), wanted, options, 1, _Failing())
    reader: Any = database.run(question.sql)
    send([shown(name) for name in reader.schema.names])
    for row in islice(rows_of(reader), MOST + 1):
        send([shown_value(value) for value in row])


class _Failing(RunListener):
    """A capture that can not be read ends the question."""

    def failed(self, error: AnalyzerError) -> None:
        raise error

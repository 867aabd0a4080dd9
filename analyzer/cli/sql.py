"""`handshark sql`."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from analyzer.cli.arguments import (
    Commands,
    analysis_arguments,
    clock_argument,
    cluster_arguments,
    command,
    options_of,
    path,
    positive,
    processes,
)
from analyzer.cli.console import Console, complain, complain_lines
from analyzer.cli.output import written
from analyzer.errors import AnalyzerError, CaptureError

if TYPE_CHECKING:
    from analyzer.analysis import AnalysisOptions
    from analyzer.tables.database import Database, Sources
    from analyzer.tables.rows import Wanted

FORMATS = ("text", "csv", "json", "parquet")
EXAMPLES = """examples:
  handshark sql "SELECT login_user, count(*) FROM connections GROUP BY ALL" capture.pcapng
  handshark sql old-plugins tables/                    # a query that ships with it; --queries lists them
  handshark sql -f question.sql tables/ --format csv -o answer.csv
  handshark sql tables/                                # a prompt: .help says what it knows
  handshark sql --schema                               # tables and their columns

Sources are folders and files that `handshark export` wrote, and captures, which are read on the fly: only the tables
and columns that the query needs are made. The SQL is DuckDB's. Beside the tables there are distinct_connections (those
that a capture does not hold twice), upgrade_rules, and digest(statement), which puts ? for literals.
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "sql",
        "ask tables or captures in SQL",
        "Asks captures, or tables that `handshark export` wrote, in DuckDB's SQL.",
        EXAMPLES,
    )
    parser.set_defaults(wrong=parser.error)  # exits with 2
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SQL|QUERY",
        help="a statement or the name of a query, then captures, DIR or FILE",
    )
    parser.add_argument("-f", "--file", type=path, metavar="FILE", help="read the statement from a file")
    parser.add_argument("--queries", action="store_true", help="list the queries that ship with it")
    parser.add_argument("--show", metavar="QUERY", help="print the SQL of one of them")
    parser.add_argument(
        "--schema", action="store_true", help="list tables and columns (--format md: as docs/tables.md has them)"
    )
    analysis_arguments(
        parser,
        "MySQL is assumed on this port where a connection's start was not captured (repeatable; 3306 always is)",
        "TLS secrets in NSS key log format (repeatable); those inside a pcapng are used without asking",
    )
    parser.add_argument("--format", choices=(*FORMATS, "md"), default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--width", type=positive, metavar="N", help="widest cell of a text (default: 60 on a terminal)")
    clock_argument(parser)
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")
    cluster_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if arguments.queries or arguments.show or arguments.schema:
        return _told(arguments)
    if arguments.format == "md":
        arguments.wrong("--format md is of --schema")
    question, names = _question(arguments)
    if not names:
        arguments.wrong("what is to be asked? name captures, or what `handshark export` wrote")
    arguments.captures = names
    if arguments.format == "parquet" and arguments.output is None and sys.stdout.isatty():
        arguments.wrong("--format parquet is no text: give -o FILE")
    options = options_of(arguments, 0)
    if options is None:
        return 2
    try:
        return _asked(arguments, options, question, names)
    except AnalyzerError as error:
        complain_lines(str(error).splitlines())
        return 3 if isinstance(error, CaptureError) else 2


def _question(arguments: argparse.Namespace) -> tuple[str | None, list[str]]:
    """(the statement, None for the prompt; the sources)."""
    words = list(arguments.words)
    if arguments.file is not None:
        try:
            return arguments.file.read_text(encoding="utf-8"), words
        except (OSError, UnicodeDecodeError) as error:
            arguments.wrong(f"{arguments.file}: {error}")
    if not words or _is_source(words[0]):
        return None, words
    from analyzer.tables.queries import queries

    named = {query.name: query.sql for query in queries()}
    if " " not in words[0].strip() and words[0] not in named:
        arguments.wrong(
            f"{words[0]!r} is no file, no statement and no query that ships ({', '.join(named)}; --queries)"
        )
    return named.get(words[0], words[0]), words[1:]


def _is_source(word: str) -> bool:
    from analyzer.capture.places import is_url

    return os.path.exists(word) or (is_url(word) and " " not in word)


def _told(arguments: argparse.Namespace) -> int:
    """What ships: queries, one of them, or the schema."""
    from analyzer.tables.documentation import markdown, schema_text
    from analyzer.tables.queries import queries

    known = {query.name: query for query in queries()}
    if arguments.show:
        if arguments.show not in known:
            arguments.wrong(f"no query is named {arguments.show!r}: {', '.join(known)}")
        shown = known[arguments.show].sql + "\n"
    elif arguments.schema:
        shown = markdown() if arguments.format == "md" else schema_text()
    else:
        width = max(map(len, known))
        shown = "".join(f"{query.name:{width}}  {query.title}\n" for query in known.values())

    def write(out: BinaryIO) -> int:
        out.write(shown.encode())
        return 0

    return written(arguments, write)


def _asked(arguments: argparse.Namespace, options: AnalysisOptions, question: str | None, names: list[str]) -> int:
    from analyzer.capture.places import expanded
    from analyzer.tables.database import Database, sources_of
    from analyzer.tables.rows import everything
    from analyzer.tables.schema import TABLES

    sources = sources_of(names)
    wrong: list[str] = []
    sources = sources._replace(captures=expanded(sources.captures, lambda error: wrong.append(str(error))))
    for message in wrong:
        complain(message)
    if wrong and not any(sources):
        return 3
    database = Database()
    database.failed = bool(wrong)
    try:
        if question is None and not sys.stdin.isatty():
            question = sys.stdin.read()
            if not question.strip():
                arguments.wrong("what is to be asked? standard input holds no statement")
        wanted = everything(TABLES) if question is None else database.needs(question)
        elsewhere = None if arguments.cluster is None else partial(_elsewhere, arguments, options)
        database.read(sources, wanted, options, arguments.jobs, Console(), elsewhere)
        if database.interrupted:
            return 130
        code = _prompt(arguments, database) if question is None else _answered(arguments, database, sources, question)
        return code or (3 if database.failed else 0)
    finally:
        database.close()


def _elsewhere(
    arguments: argparse.Namespace, options: AnalysisOptions, names: list[str], folder: str, wanted: Wanted
) -> bool:
    """Captures as rows in a folder, by way of a cluster; whether one could not be read."""
    from analyzer.cli.clusters import exported

    return exported(arguments, options, names, folder, wanted).failed


def _answered(arguments: argparse.Namespace, database: Database, sources: Sources, question: str) -> int:
    if database.failed and len(sources.captures) == 1 and not sources.stores and not sources.files:
        return 3
    reader = database.run(question)
    if reader is None:
        return 0
    return written(arguments, partial(_write, arguments, reader))


def _write(arguments: argparse.Namespace, reader: Any, out: BinaryIO) -> int:
    from analyzer.tables import results

    at_terminal = out is sys.stdout.buffer and sys.stdout.isatty()
    widest = arguments.width or (results.WIDEST if at_terminal else None)
    if arguments.format == "text":
        results.text(reader, out, widest, arguments.tz)
    else:
        results.FORMATS[arguments.format](reader, out, widest)
    return 0


def _prompt(arguments: argparse.Namespace, database: Database) -> int:
    from analyzer.cli.prompt import Prompt

    return Prompt(database, lambda reader: _write(arguments, reader, sys.stdout.buffer)).run()

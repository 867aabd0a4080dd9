"""`handshark export`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from analyzer.cli.arguments import (
    Commands,
    captures,
    cluster_arguments,
    command,
    options_of,
    processes,
    redact_argument,
)
from analyzer.cli.console import Console, complain
from analyzer.cli.filter_argument import filter_argument
from analyzer.errors import AnalyzerError
from analyzer.tables.schema import TABLES
from analyzer.tables.stores.store import ending_of

if TYPE_CHECKING:
    from analyzer.analysis import AnalysisOptions
    from analyzer.tables.export import Exported

PARTITIONS = ("hour", "day")
EXAMPLES = """examples:
  handshark export capture.pcapng -o tables/             # a folder of Parquet files, a table each
  handshark export 'captures/*.pcap.zst' -o tables/      # again later: adds what is new, replaces what changed
  handshark export --partition day captures/ -o tables/  # tables/connections/date=2026-11-28/...
  handshark export capture.pcapng -o capture.duckdb      # or .sqlite: all tables in one file
  handshark export --cluster local 'caps/*.pcap' -o tables/    # one set of rotated files, many processes
  handshark export --table commands capture.pcapng -o commands.csv
  handshark sql "SELECT login_user, count(*) FROM connections GROUP BY ALL" tables/

tables: connections, commands, findings, authentication_steps, attributes, captures (docs/tables.md has their columns)
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "export",
        "tables of connections, commands and findings: Parquet, DuckDB, SQLite, CSV",
        "Writes what was found as tables. An existing store gets what is new: captures that it has are left alone.",
        EXAMPLES,
    )
    parser.set_defaults(wrong=parser.error)  # exits with 2
    captures(parser)
    redact_argument(parser)
    filter_argument(parser, "only connections and commands for which it holds")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="DIR|FILE",
        help="a folder, or a file: .parquet and .csv hold one table, .duckdb and .sqlite all",
    )
    parser.add_argument(
        "--table",
        action="append",
        choices=tuple(TABLES),
        dest="tables",
        metavar="TABLE",
        help=f"only this one (repeatable): {', '.join(TABLES)}; of .parquet and .csv connections without it",
    )
    parser.add_argument("--partition", choices=PARTITIONS, help="of a folder: files for each hour or day (UTC)")
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")
    cluster_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    ending = ending_of(arguments.output)
    tables: list[str] = arguments.tables or (["connections"] if ending in (".csv", ".parquet") else list(TABLES))
    if ending in (".csv", ".parquet") and len(tables) > 1:
        arguments.wrong(f"{arguments.output} holds one table: give --table once, or a folder, .duckdb or .sqlite")
    if arguments.partition and ending:
        arguments.wrong("--partition is of a folder")
    options = options_of(arguments, 0)
    if options is None:
        return 2
    if arguments.cluster:
        return _on_cluster(arguments, options, tables)
    from analyzer.tables.arrays import load_alone
    from analyzer.tables.export import Exporter, open_store
    from analyzer.tables.rows import everything

    if ending or os.path.exists(arguments.output):
        load_alone()  # else when there are rows: a store that is there is asked for what it has
    try:
        store = open_store(arguments.output, tables[0], arguments.partition, arguments.show_secrets)
    except AnalyzerError as error:
        complain(str(error))
        return 3
    jobs = 1 if arguments.filter is not None else arguments.jobs
    exporter = Exporter(store, options, everything(tables), jobs, Console(), arguments.filter, load=load_alone)
    try:
        done = exporter.export(arguments.captures, arguments.merge)
        if exporter.run.code == 130:
            store.abandon(KeyboardInterrupt())
            return 130
        store.close()
    except BaseException as error:
        store.abandon(error)
        if isinstance(error, AnalyzerError):  # what is there can not be loaded, or a database takes no more
            complain(str(error))
            return 3
        if isinstance(error, OSError) and error.filename is None:  # Arrow names no file
            complain(f"{arguments.output}: {os.strerror(error.errno) if error.errno else error}")
            return 3
        raise
    _tell(done, arguments.output)
    return exporter.run.code


def _on_cluster(arguments: argparse.Namespace, options: AnalysisOptions, tables: list[str]) -> int:
    """All captures as one, in many processes."""
    from analyzer.cli.clusters import exported, refuse
    from analyzer.tables.export import Exported
    from analyzer.tables.rows import everything

    if ending_of(arguments.output):
        arguments.wrong("--cluster writes a folder of Parquet files: -o names it")
    refuse(arguments)
    try:
        run = exported(arguments, options, arguments.captures, arguments.output, everything(tables))
    except AnalyzerError as error:
        complain(str(error))
        return 3
    if run.written or run.unchanged:
        _tell(Exported(int(run.written), int(run.unchanged), run.rows), arguments.output)
    return 3 if run.failed else 0


def _tell(done: Exported, output: str) -> None:
    """What was done, for who sits at a terminal."""
    if sys.stderr.isatty():
        there = f", {done.unchanged} were there already" if done.unchanged else ""
        captures = "1 capture" if done.written == 1 else f"{done.written:,} captures"
        sys.stderr.write(f"{output}: {captures}, {done.rows:,} rows{there}\n")

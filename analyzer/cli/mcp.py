"""`handshark mcp`: captures for an assistant to ask about."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack, closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

from analyzer.cli.arguments import Commands, analysis_arguments, command, options_of
from analyzer.cli.console import complain

if TYPE_CHECKING:
    from analyzer.analysis import AnalysisOptions
    from analyzer.assistant.sql import SqlAnswers
    from analyzer.engine.shelf import Shelf

EXAMPLES = """examples:
  handshark mcp capture.pcapng                  # speaks the Model Context Protocol on standard input and output
  handshark mcp /var/captures                   # all captures below a folder, new ones too
  handshark mcp /var/captures --keylog keys.txt
  handshark mcp /var/captures --content         # tell users, hosts and statements as they are

What an assistant's settings hold:
  {"mcpServers": {"handshark": {"command": "handshark", "args": ["mcp", "/var/captures"]}}}
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "mcp",
        "answer an assistant's questions about captures",
        "Serves captures to an assistant through the Model Context Protocol, over standard input and output. It only "
        "reads, and only what is named here. Users, hosts, statements' values and data are replaced by others of the "
        "same form unless --content is given; passwords, tokens and scrambles are always masked.",
        EXAMPLES,
    )
    parser.add_argument("captures", nargs="+", metavar="CAPTURE|DIR", help="captures, or folders that hold them")
    parser.add_argument(
        "--content",
        action="store_true",
        help="tell names, statements and data as they are; else they are replaced, as `handshark redact` does",
    )
    analysis_arguments(
        parser,
        "MySQL is assumed on this port where a connection's start was not captured (repeatable; 3306 always is)",
        "TLS secrets in NSS key log format (repeatable); those inside a pcapng are used without asking",
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    for name in arguments.captures:
        if not os.path.exists(name):
            complain(f"{name}: there is no such file or folder")
            return 3
    if arguments.show_secrets:
        complain("mcp: --show-secrets is not for assistants: what they are told leaves this machine")
        return 2
    try:
        from analyzer.assistant.server import server
    except ImportError as error:
        complain(f"mcp: the package {error.name} is missing: pip install 'handshark[mcp]'")
        return 2
    from analyzer.assistant.answers import Answers
    from analyzer.engine.shelf import Shelf

    options = options_of(arguments, 0)
    if options is None:
        return 2
    from analyzer.assistant.without_content import RedactedCopies

    with ExitStack() as stack:
        prepare = None if arguments.content else stack.enter_context(closing(RedactedCopies(options))).copy
        shelf = Shelf(arguments.captures, prepare)
        server(Answers(shelf, options), _sql_answers(shelf, options, stack)).run("stdio")
    return 0


def _sql_answers(shelf: Shelf, options: AnalysisOptions, stack: ExitStack) -> SqlAnswers | None:
    """Answers in SQL, where what they need is installed."""
    if find_spec("duckdb") is None or find_spec("pyarrow") is None:
        return None
    from analyzer.assistant.sql import SqlAnswers

    return stack.enter_context(closing(SqlAnswers(shelf, options)))

"""`handshark report`."""

from __future__ import annotations

import argparse
import io
import os
from functools import partial

from analyzer.analysis import Result
from analyzer.cli.arguments import Commands, captures, command, options_of, positive
from analyzer.cli.harvest import Connections, whole
from analyzer.cli.output import open_output
from analyzer.cli.run import Run, complain

PACKETS = 200

EXAMPLES = """examples:
  handshark report capture.pcapng -o out.html
  handshark report --title "Login storm, 3 May" --limit 100 storm.pcap -o storm.html
"""


class _NothingRead(Exception):
    """No source could be read: there is nothing to report."""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "report",
        "an HTML page",
        "Writes one self-contained HTML page about the captures.",
        EXAMPLES,
    )
    captures(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE.html")
    parser.add_argument("--title", help="default: the names of the captures")
    parser.add_argument("--limit", type=positive, default=500, metavar="N", help="connections in full (default: 500)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    from analyzer.report.html import HtmlReport

    options = options_of(arguments, PACKETS)
    if options is None:
        return 2
    sources: Run[Result] = Run(options, partial(Connections, whole), jobs=1)
    names = [os.path.basename(name) if name != "-" else "standard input" for name in arguments.captures]
    title = arguments.title or (", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more")
    try:
        with open_output(arguments.output) as out:
            file = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
            with HtmlReport(file, title, secrets_shown=arguments.show_secrets, limit=arguments.limit) as page:
                for _, results in sources.each(arguments.captures, arguments.merge):
                    for connection, detail in results:
                        page.connection(connection, detail)
                if not sources.sources:
                    # Raised, so that the page that may be there already is not replaced.
                    raise _NothingRead
                page.close(sources.sources)
            file.detach()
    except _NothingRead:
        return 130 if sources.interrupted else 3
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{arguments.output}: {error.strerror}")
        return 3
    return 3 if sources.failed else 130 if sources.interrupted else 0

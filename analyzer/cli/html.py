"""`handshark report`."""

from __future__ import annotations

import argparse
import io
import os

from analyzer.analysis import Result
from analyzer.cli.arguments import options_of
from analyzer.cli.output import open_output
from analyzer.cli.run import Run, complain

PACKETS = 200


class _NothingRead(Exception):
    """No source could be read: there is nothing to report."""


def report(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    from analyzer.report.html import HtmlReport

    options = options_of(arguments, PACKETS)
    if options is None:
        return 2
    run: Run[Result] = Run(options, lambda result: result, jobs=1)
    names = [os.path.basename(name) if name != "-" else "standard input" for name in arguments.captures]
    title = arguments.title or (", ".join(names) if len(names) < 4 else f"{names[0]} and {len(names) - 1} more")
    try:
        with open_output(arguments.output) as out:
            file = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
            with HtmlReport(file, title, secrets_shown=arguments.show_secrets, limit=arguments.limit) as page:
                for _, results in run.each(arguments.captures, arguments.merge):
                    for connection, detail in results:
                        page.connection(connection, detail)
                if not run.sources:
                    # Raised, so that the page that may be there already is not replaced.
                    raise _NothingRead
                page.close(run.sources)
            file.detach()
    except _NothingRead:
        return 130 if run.interrupted else 3
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{arguments.output}: {error.strerror}")
        return 3
    return 3 if run.failed else 130 if run.interrupted else 0

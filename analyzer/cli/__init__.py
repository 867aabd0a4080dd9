"""The command line: arguments, exit codes, progress. The only place that prints."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence

from analyzer.cli.analyze import analyze
from analyzer.cli.arguments import parser
from analyzer.cli.corpus import corpus
from analyzer.cli.html import report
from analyzer.cli.inject import inject
from analyzer.cli.verify import verify

COMMANDS = {"analyze": analyze, "report": report, "inject-keys": inject, "corpus": corpus, "verify": verify}


def main(argv: Sequence[str] | None = None) -> int:
    """The command `handshark`. Returns the exit code of the contract."""
    arguments = parser().parse_args(argv)
    # Few cycles, many objects that live for a batch: the default looks for garbage far too often.
    gc.set_threshold(100_000, 20, 50)
    try:
        return COMMANDS[arguments.command](arguments)
    except BrokenPipeError:
        # Whoever read our output has what it wanted (head, jq with an error): no message, and none at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT

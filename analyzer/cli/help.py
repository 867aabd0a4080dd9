"""The parser of the command line, and how it writes its help."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from typing import Any


class Parser(ArgumentParser):
    """Keeps the lines of descriptions and examples.

    argparse makes a formatter for each argument that is added, and each loads much to see how wide the terminal is:
    here only the one that writes does.
    """

    def __init__(self, **words: Any) -> None:
        super().__init__(**words, formatter_class=partial(RawDescriptionHelpFormatter, width=80))

    def format_usage(self) -> str:
        self.formatter_class = RawDescriptionHelpFormatter
        return super().format_usage()

    def format_help(self) -> str:
        self.formatter_class = RawDescriptionHelpFormatter
        return super().format_help()

    def print_help(self, file: Any = None) -> None:
        """As argparse's, which keeps it to itself where nothing could be written."""
        (file or sys.stdout).write(self.format_help())

"""`handshark tui`."""

from __future__ import annotations

import argparse
import os
import sys

from analyzer.cli.arguments import Commands, captures, command, options_of
from analyzer.cli.console import complain
from analyzer.cli.filter_argument import filter_argument

EXAMPLES = """examples:
  handshark tui capture.pcapng
  handshark tui big.pcapng -Y 'handshark.outcome == "rejected"'   # only these are kept
  handshark tui before.pcap after.pcap --keylog keys.txt
  sudo handshark live -i eth0 --tui                               # the same, of what is captured right now

? shows the keys. It needs Textual: pip install 'handshark[tui]'.
"""
MISSING = "the terminal interface needs Textual: pip install 'handshark[tui]'"
NO_TERMINAL = "the terminal interface needs a terminal; `handshark analyze` writes text"


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "tui",
        "look around in captures, in the terminal",
        "Shows connections, findings, commands and packets on the terminal, with Wireshark's panes and filters.",
        EXAMPLES,
    )
    captures(parser)
    filter_argument(parser, "only connections for which it holds, or one of whose packets it holds for")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if not terminal_there():
        return 2
    for name in arguments.captures:
        if name == "-" or (os.path.exists(name) and not os.path.isfile(name)):
            complain(f"{name}: can be read only once: write it to a file, and look at that")
            return 2
        if not os.path.exists(name):
            complain(f"{name}: no such file or directory")
            return 3
    options = options_of(arguments, 0)
    if options is None:
        return 2
    from analyzer.engine.browsing import Browser
    from analyzer.tui.command_line import CommandLine
    from analyzer.tui.feed import FileFeed

    keep = arguments.filter
    line = CommandLine(arguments.captures, switches(arguments), None if keep is None else keep.text, arguments.merge)
    # Before Textual has threads: processes are forked from one that has none.
    feed = FileFeed(arguments.captures, Browser(arguments.captures, arguments.merge, options, keep), line)
    from analyzer.tui.app import show

    code, problems = show(feed)
    for problem in problems:
        complain(problem)
    return code


def terminal_there() -> bool:
    """Whether there is a terminal and Textual; else it is said what is missing."""
    import importlib.util

    if importlib.util.find_spec("textual") is None:
        complain(MISSING)
        return False
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        complain(NO_TERMINAL)
        return False
    return True


def switches(arguments: argparse.Namespace) -> list[str]:
    """The switches of a command line that reads the captures the same way."""
    found = [word for number in arguments.port for word in ("--port", str(number))]
    found += [word for file in arguments.keylog for word in ("--keylog", str(file))]
    for name in ("rsa_key", "password_file"):
        file = getattr(arguments, name)
        if file is not None:
            found += [f"--{name.replace('_', '-')}", str(file)]
    if arguments.show_secrets:
        found.append("--show-secrets")
    if getattr(arguments, "merge", False):
        found.append("--merge")
    return found

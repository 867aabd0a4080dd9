"""`handshark fields`."""

from __future__ import annotations

import argparse
import sys
from fnmatch import fnmatchcase

from analyzer.analysis.dissection.fields import FIELDS, FieldInfo, closest
from analyzer.cli.arguments import Commands, command
from analyzer.cli.console import complain

EXAMPLES = """examples:
  handshark fields                     # all of them
  handshark fields error               # those with "error" in name or meaning
  handshark fields 'mysql.caps.*'      # by pattern
  handshark fields --unavailable       # fields of Wireshark that can not be known here, and why

Each line: name, type as Wireshark's, of a packet or of the connection as a whole, meaning.
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "fields",
        "the fields that -e and -Y know",
        "Lists the display fields: Wireshark's names, and under handshark. this program's own.",
        EXAMPLES,
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="a word, or a pattern with * and ?")
    parser.add_argument("--unavailable", action="store_true", help="only those that can not be known here")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    found = [
        info
        for info in FIELDS.values()
        if (arguments.pattern is None or _matches(info, arguments.pattern))
        and (not arguments.unavailable or info.unavailable is not None)
    ]
    width = max((len(info.name) for info in found), default=0)
    for info in sorted(found, key=lambda info: info.name):
        sys.stdout.write(f"{info.name:<{width}}  {info.type:<13}  {info.scope:<10}  {_meaning(info)}\n")
    if not found:
        near = closest(arguments.pattern or "")
        complain(f"no field has that in its name or meaning{'; near: ' + ', '.join(near) if near else ''}")
        return 1
    return 0


def _matches(info: FieldInfo, pattern: str) -> bool:
    if any(sign in pattern for sign in "*?["):
        return fnmatchcase(info.name, pattern)
    word = pattern.casefold()
    return word in info.name or word in info.title.casefold()


def _meaning(info: FieldInfo) -> str:
    return info.title if info.unavailable is None else f"{info.title} (not here: {info.unavailable})"

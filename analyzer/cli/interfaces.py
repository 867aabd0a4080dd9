"""`handshark interfaces`."""

from __future__ import annotations

import argparse
import sys

import msgspec

from analyzer.cli.arguments import Commands, command
from analyzer.report.escape import terminal
from analyzer.report.text.layout import cells

EXAMPLES = """examples:
  handshark interfaces
  handshark interfaces --format json | jq -r '.[] | select(.capturable).name'
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "interfaces",
        "what can be captured",
        "Lists the interfaces: addresses, what their frames begin with, up or down, whether this user can capture now.",
        EXAMPLES,
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    from analyzer.capture.live.interfaces import interfaces

    found = interfaces()
    if arguments.format == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found).decode(), indent=2) + "\n")
        return 0
    rows = [("Name", "State", "Link type", "Capture", "Addresses")]
    for one in found:
        state = "down" if not one.up else "up" if one.running else "up, no carrier"
        may = "yes" if one.capturable else f"no: {one.why_not}"
        rows.append((one.name, state, one.link_type, may, ", ".join(one.addresses) or "-"))
    widths = [max(cells(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        line = "  ".join(text + " " * (width - cells(text)) for text, width in zip(row[:4], widths, strict=True))
        sys.stdout.write(f"{terminal(line)}  {terminal(row[4])}\n")
    if any(one.why_not == "needs privileges" for one in found):
        sys.stderr.write("handshark: to capture as this user, see what `handshark live` says\n")
    return 0

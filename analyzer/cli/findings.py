"""`handshark findings`: all that the program can find, as a list."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from analyzer.analysis.findings.catalog import TABLE
from analyzer.cli.arguments import Commands, command
from analyzer.report.markdown import findings_page
from analyzer.report.prose.templates import template
from analyzer.report.text.explain import Explainer

FORMATS = ("text", "json", "md")
EXAMPLES = """examples:
  handshark findings                     # code, severity, title
  handshark findings --format json | jq -r '.[] | select(.severity == "error").code'
  handshark findings --format md         # the page analyzer/analysis/findings/FINDINGS.md
  handshark explain host-blocked         # the long text of one
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "findings",
        "all findings there are",
        "Lists every finding that an analysis can make.",
        EXAMPLES,
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    from analyzer.cli.explain import colored

    if arguments.format == "md":
        sys.stdout.write(findings_page())
    elif arguments.format == "json":
        rows = [
            {
                "code": rule.code,
                "severity": rule.severity,
                "title": rule.title,
                "looks_at": rule.looks_at,
                "about": rule.about,
                "messages": [template(text) for text in (rule.message, *(m for _, m, _ in rule.variants))],
                "advice": [template(text) for text in (rule.advice, *(a for _, _, a in rule.variants if a))],
                "alternatives": list(rule.causes),
                "sources": list(rule.sources),
            }
            for rule in TABLE
        ]
        json.dump(rows, sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
        Explainer(sys.stdout.write, max(width, 80), colored(arguments.color)).rules(TABLE)
    return 0

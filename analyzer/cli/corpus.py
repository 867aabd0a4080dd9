"""`handshark corpus`: captures beside their golden files, the analysis as it is meant to be."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
from pathlib import Path

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.capture import open_capture
from analyzer.cli.arguments import Commands, command
from analyzer.cli.console import complain
from analyzer.cli.output import open_output
from analyzer.engine.reading import Reading
from analyzer.errors import AnalyzerError
from analyzer.report.escape import terminal
from analyzer.report.jsonl import encode

SUFFIXES = (".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz", ".pcap.zst", ".pcapng.zst", ".pcap.lz4", ".pcapng.lz4")
GOLDEN = ".golden.json"
KEYS = ".keys"

EXAMPLES = """examples:
  handshark corpus verify                # samples/
  handshark corpus verify my-captures/
  handshark corpus update                # write the golden files anew; look at the difference before you commit
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "corpus",
        "compare captures with their golden files",
        "Analyses every capture under DIR and compares with its golden file.",
        EXAMPLES,
    )
    parser.add_argument("action", choices=("verify", "update"))
    parser.add_argument("directory", nargs="?", default="samples", metavar="DIR", help="default: samples")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    folder = Path(arguments.directory)
    if not folder.is_dir():
        complain(f"{folder}: no such directory")
        return 3
    captures = sorted(path for path in folder.rglob("*") if path.name.endswith(SUFFIXES))
    if not captures:
        complain(f"{folder}: holds no captures")
        return 3
    return _update(captures) if arguments.action == "update" else _verify(captures, folder)


def golden_of(capture: Path) -> Path:
    """The golden file of a capture, beside it."""
    name = capture.name
    suffix = max((s for s in SUFFIXES if name.endswith(s)), key=len)
    return capture.with_name(name.removesuffix(suffix) + GOLDEN)


def keys_of(capture: Path) -> Path:
    """The key log of a capture, beside it, if it has one."""
    return golden_of(capture).with_name(golden_of(capture).name.removesuffix(GOLDEN) + KEYS)


def analysed(capture: Path) -> str:
    """The analysis of a capture as its golden file holds it: indented JSON, one key a line."""
    keys = keys_of(capture)
    analysis = Analysis(capture.name, AnalysisOptions(keylogs=(keys.read_bytes(),) if keys.exists() else ()))
    with open_capture(os.fspath(capture)) as source:
        reading = Reading(analysis, source)
        rows = [json.loads(encode(connection)) for connection, _ in reading.results()]
        summary = reading.source()
    content = {
        "format": summary.format,
        "frames": summary.frames,
        "tcp_connections": summary.tcp_connections,
        "warnings": [warning.replace(os.fspath(capture), capture.name) for warning in summary.warnings],
        "notes": summary.notes,
        "connections": rows,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _update(captures: list[Path]) -> int:
    changed = broken = 0
    for capture in captures:
        golden = golden_of(capture)
        try:
            text = analysed(capture)
        except AnalyzerError as error:
            complain(str(error))
            broken += 1
            continue
        if not golden.exists() or golden.read_text(encoding="utf-8") != text:
            with open_output(os.fspath(golden)) as file:
                file.write(text.encode())
            sys.stdout.write(f"written: {golden}\n")
            changed += 1
    sys.stdout.write(f"{len(captures)} captures, {changed} golden files written\n")
    return 3 if broken else 0


def _verify(captures: list[Path], folder: Path) -> int:
    different = 0
    for capture in captures:
        golden = golden_of(capture)
        if not golden.exists():
            sys.stdout.write(f"{capture}: has no golden file; make it with: handshark corpus update {folder}\n")
            different += 1
            continue
        try:
            now = analysed(capture)
        except AnalyzerError as error:
            sys.stdout.write(f"{terminal(str(error))}\n")
            different += 1
            continue
        then = golden.read_text(encoding="utf-8")
        if now != then:
            different += 1
            lines = difflib.unified_diff(
                then.splitlines(), now.splitlines(), f"{golden} (golden)", f"{capture} (now)", lineterm="", n=3
            )
            for line in lines:
                sys.stdout.write(terminal(line) + "\n")
    sys.stdout.write(f"{len(captures)} captures, {different} different\n")
    return 1 if different else 0

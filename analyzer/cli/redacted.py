"""--redact of the commands that show something: they show the capture as `handshark redact` would write it."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from analyzer.analysis import AnalysisOptions
from analyzer.cli.arguments import options_of
from analyzer.cli.console import Again, complain
from analyzer.errors import CaptureError

_KEY_BYTES: Final = 32
# Files that are written: relative names are the user's, whatever folder the command runs in.
_WRITTEN: Final = ("output", "report", "write")
# A filter of theirs is of packets or commands, and its values are those that were replaced.
_OF_PACKETS: Final = frozenset({"commands", "dissect", "stats", "export"})


def run_redacted(arguments: argparse.Namespace, run: Callable[[argparse.Namespace], int]) -> int:
    """Runs a command over its captures without their content; returns its exit code."""
    keep = getattr(arguments, "filter", None)
    if keep is not None and arguments.command in _OF_PACKETS:
        complain("-Y and --redact: cut out what is wanted first (handshark extract -Y ... --packets -w part.pcapng)")
        return 2
    if arguments.password_file is not None:
        complain("--password-file and --redact do not go together: the scrambles that it would open are replaced")
        return 2
    options = options_of(arguments, 0)
    if options is None:
        return 2
    if getattr(arguments, "read", None):
        arguments.captures, arguments.read = [*arguments.read, *arguments.captures], []
    failed = False
    with tempfile.TemporaryDirectory(prefix="handshark-") as folder:
        groups = [arguments.captures] if arguments.merge else [[name] for name in arguments.captures]
        made: list[str] = []
        key = secrets.token_bytes(_KEY_BYTES)
        for number, names in enumerate(groups, 1):
            try:
                made.append(_redacted(names, os.path.join(folder, f"capture-{number}.pcapng"), options, arguments, key))
            except CaptureError as error:
                complain(str(error))
                failed = True
        if not made:
            return 3
        with _inside(folder, arguments, made):
            code = run(arguments)
    return code or (3 if failed else 0)


def _redacted(
    names: Sequence[str], target: str, options: AnalysisOptions, arguments: argparse.Namespace, key: bytes
) -> str:
    """Writes captures without their content to a file; its name without the folder."""
    from analyzer.sharing.choice import ExtractRequest
    from analyzer.sharing.extract import extract
    from analyzer.sharing.redact import RedactRequest, redact

    part = f"{target}.part"
    keep = getattr(arguments, "filter", None)
    if keep is not None:
        with open(part, "wb") as out:
            extract(names, ExtractRequest(keep), options, out, Again())
        names = [part]
    with open(target, "wb") as out:
        redact(names, RedactRequest(key), options, out, Again())
    if keep is not None:
        os.unlink(part)
    return os.path.basename(target)


@contextlib.contextmanager
def _inside(folder: str, arguments: argparse.Namespace, names: list[str]) -> Iterator[None]:
    """The command sees these files by their bare names, and finds what it writes where the user wants it."""
    before = os.getcwd()
    for written in _WRITTEN:
        name = getattr(arguments, written, None)
        if isinstance(name, str) and name != "-":
            setattr(arguments, written, os.path.abspath(name))
    if arguments.command == "report" and arguments.output is None and arguments.format == "html":
        arguments.output = os.path.join(before, "redacted.html")
    arguments.captures, arguments.merge = names, False
    arguments.keylog, arguments.rsa_key = [], None
    if hasattr(arguments, "filter"):
        arguments.filter = None
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)

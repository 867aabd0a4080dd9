"""--redact of the commands that show something: they show the capture as `handshark redact` would write it."""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from analyzer.analysis import AnalysisOptions
from analyzer.cli.arguments import options_of
from analyzer.cli.console import Again, Console, complain
from analyzer.errors import CaptureError

if TYPE_CHECKING:
    from analyzer.analysis.dissection.filters import Filter
    from analyzer.analysis.dissection.packet import Dissection

_KEY_BYTES: Final = 32
# Files that are written: relative names are the user's, whatever folder the command runs in.
_WRITTEN: Final = ("output", "report", "write")
# A filter of theirs is of packets or commands. It is asked of the original: of the frames in which a packet matches.
_OF_PACKETS: Final = frozenset({"commands", "dissect", "stats", "export"})
# Runs of frames that a filter names.
_MOST_RUNS: Final = 10_000


def run_redacted(arguments: argparse.Namespace, run: Callable[[argparse.Namespace], int]) -> int:
    """Runs a command over its captures without their content; returns its exit code."""
    if arguments.command == "explain":
        if arguments.what != "-" and not os.path.exists(arguments.what):
            return run(arguments)  # what a finding means, or a complaint
        arguments.captures, arguments.merge = [arguments.what], False
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
        of_packets = getattr(arguments, "filter", None) is not None and arguments.command in _OF_PACKETS
        if of_packets and len(groups) > 1:
            complain("-Y and --redact go together for one capture, or for several with --merge")
            return 2
        made: list[str] = []
        key = secrets.token_bytes(_KEY_BYTES)
        for number, names in enumerate(groups, 1):
            try:
                target = os.path.join(folder, f"capture-{number}.pcapng")
                if of_packets:
                    wanted = _frames_redacted(names, target, options, arguments, key)
                    if wanted is None:
                        complain("-Y and --redact: too many frames match; extract -Y ... --packets cuts them out first")
                        return 2
                    arguments.filter = wanted
                else:
                    _redacted(names, target, options, arguments, key)
                made.append(os.path.basename(target))
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
) -> None:
    """Writes captures without their content to a file."""
    from analyzer.sharing.choice import ExtractRequest
    from analyzer.sharing.extract import extract
    from analyzer.sharing.redact import RedactRequest, redact
    from analyzer.sharing.redacted_frames import DROP, HEADERS

    part = f"{target}.part"
    keep = getattr(arguments, "filter", None)
    if keep is not None:
        with open(part, "wb") as out:
            extract(names, ExtractRequest(keep), options, out, Again())
        names = [part]
    with open(target, "wb") as out:
        # Who asks for a connection by its number counts all.
        other = HEADERS if getattr(arguments, "stream", None) else DROP
        redact(names, RedactRequest(key, other=other), options, out, Again())
    if keep is not None:
        os.unlink(part)


def _frames_redacted(
    names: Sequence[str], target: str, options: AnalysisOptions, arguments: argparse.Namespace, key: bytes
) -> Filter | None:
    """The same, and a filter for the frames in which a packet of the original matches; None where they are too many."""
    from analyzer.analysis.dissection.dissector import RowRequest
    from analyzer.engine.filters import filter_of
    from analyzer.engine.row_collector import RowCollector, RowRendering
    from analyzer.engine.run import Run
    from analyzer.sharing.redact import RedactRequest, redact

    wanted = RowRequest(arguments.filter, frozenset(), False)
    run: Run[int] = Run(options, partial(RowCollector, wanted, RowRendering(_frame_of)), arguments.jobs, Console())
    matching = {frame for _, frames in run.each(names, len(names) > 1) for frame in frames}
    numbers: list[int] = []
    with open(target, "wb") as out:
        redact(names, RedactRequest(key), options, out, Again(), numbers)
    runs: list[list[int]] = []
    for number, original in enumerate(numbers, 1):
        if original not in matching:
            continue
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if len(runs) > _MOST_RUNS:
        return None
    return filter_of(f"frame.number in {{{', '.join(f'{first}..{last}' for first, last in runs) or 0}}}")


def _frame_of(group: Sequence[Dissection]) -> int:
    return group[0].frame


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
    if arguments.command == "explain":
        arguments.what = names[0]
    elif hasattr(arguments, "filter") and arguments.command not in _OF_PACKETS:
        arguments.filter = None
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)

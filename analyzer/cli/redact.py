"""`handshark redact`."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Final

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.keylogs import read_secrets
from analyzer.cli.arguments import Commands, captures, command, options_of, processes
from analyzer.cli.console import Console, complain
from analyzer.cli.output import open_output
from analyzer.errors import CaptureError

if TYPE_CHECKING:
    from analyzer.sharing.redact import RedactRequest, RedactSummary
    from analyzer.sharing.redaction.replacements import Replacements

_KEY_BYTES: Final = 32
_LEAST_KEY: Final = 8
_MOST_KEY: Final = 1 << 16
EXAMPLES = """examples:
  handshark redact prod.pcapng -o share.pcapng
  handshark redact ring_*.pcapng --dry-run                   # what would be replaced, by kind and count
  handshark redact prod.pcapng --keep users,errors -o share.pcapng
  handshark redact prod.pcapng --identifiers --key team.key --map private.jsonl -o share.pcapng
  handshark extract prod.pcapng --finding access-denied -w - | handshark redact - -o share.pcapng

Every frame, length, time and number stays; what stands in the packets is replaced by something of the same form and
length, always the same for the same value (with the same --key across files too). What can be opened comes out as plain
TCP; what can not stays unreadable. What is not understood is zero. docs/sharing.md says what is kept and what is not.
"""


def _kinds(text: str) -> frozenset[str]:
    from analyzer.sharing.redaction.keep import KINDS, SECRET

    found = frozenset(word.strip() for word in text.split(",") if word.strip())
    known = frozenset(KINDS) - {SECRET}
    wrong = sorted(found - known)
    if wrong:
        raise argparse.ArgumentTypeError(f"{', '.join(wrong)}: can not be kept; {', '.join(sorted(known))} can")
    return found


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "redact",
        "take out of captures what must not be seen",
        "Writes captures as pcapng without names, data, literals, addresses and secrets; the protocol stays.",
        EXAMPLES,
    )
    captures(parser)
    parser.add_argument(
        "--keep",
        type=_kinds,
        default=frozenset(),
        metavar="KIND,...",
        help="what may stay: addresses, attributes, databases, errors, files, gtids, names, sql, users, values",
    )
    parser.add_argument("--identifiers", action="store_true", help="replace names of tables and columns too")
    parser.add_argument(
        "--key", metavar="FILE", help="what replacements are made with (default: a new one, thrown away)"
    )
    parser.add_argument(
        "--other",
        choices=("drop", "headers", "keep"),
        default="drop",
        help="frames that are not MySQL's: left out, their headers alone, or as they are (default: drop)",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what would be replaced")
    parser.add_argument("--map", metavar="FILE", help="write there what became of what, for yourself alone")
    parser.add_argument("-o", "--output", metavar="FILE.pcapng", help="where to write; - is standard output")
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if bool(arguments.output) == arguments.dry_run:
        complain("-o FILE says where to write, --dry-run that nothing is written: one of them is needed")
        return 2
    options = options_of(arguments, 0)
    if options is None:
        return 2
    try:
        request = _request(arguments)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return 2
    if request is None:
        complain(f"{arguments.key}: too short for a key: {_LEAST_KEY} bytes are needed")
        return 2
    try:
        done, replacements = _redacted(arguments, request, options)
        if arguments.map:
            _write_map(arguments.map, replacements)
    except CaptureError as error:
        complain(str(error))
        return 3
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"{error.filename or arguments.output}: {error.strerror}")
        return 3
    for line in _summary(arguments, done):
        complain(line)
    return 0


def _request(arguments: argparse.Namespace) -> RedactRequest | None:
    from analyzer.sharing.redact import RedactRequest
    from analyzer.sharing.redaction.keep import KeptKinds

    key = os.urandom(_KEY_BYTES)
    if arguments.key is not None:
        key = read_secrets(arguments.key, _MOST_KEY).strip()
        if len(key) < _LEAST_KEY:
            return None
    kept = arguments.keep if arguments.identifiers else arguments.keep | {"identifiers"}
    return RedactRequest(
        key, KeptKinds(kept - {"identifiers"} if arguments.identifiers else kept), arguments.other, bool(arguments.map)
    )


def _redacted(
    arguments: argparse.Namespace, request: RedactRequest, options: AnalysisOptions
) -> tuple[RedactSummary, Replacements]:
    from analyzer.sharing.redact import redact

    if arguments.dry_run:
        return redact(arguments.captures, request, options, None, Console(), jobs=arguments.jobs)
    with open_output(arguments.output) as out:
        return redact(arguments.captures, request, options, out, Console(), jobs=arguments.jobs)


def _write_map(name: str, replacements: Replacements) -> None:
    """One object a line: what stood there, and what stands there now."""
    import json  # few ask for it

    with open_output(name, private=True) as out:
        for (kind, original), made in sorted((replacements.listed or {}).items()):
            row = {
                "kind": kind,
                "original": original.decode("utf-8", "backslashreplace"),
                "replacement": made.decode("utf-8", "backslashreplace"),
            }
            out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def _summary(arguments: argparse.Namespace, done: RedactSummary) -> list[str]:
    would = "would be " if arguments.dry_run else ""
    lines = [f"{done.connections} MySQL connections in {done.of_frames} frames"]
    if done.opened:
        lines.append(f"{done.opened} in TLS or compression {would}written as plain TCP")
    if done.closed:
        lines.append(
            f"{done.closed} in TLS could not be opened: what is encrypted {would}made unreadable, names in it replaced"
        )
    if done.plainer:
        lines.append(
            f"{done.plainer} frames in tunnels, in fragments or of rare link types {would}written as plain Ethernet"
        )
    for kind, count in done.replaced.items():
        lines.append(f"{would}replaced: {kind} {count:,}")
    if done.zeroed:
        lines.append(f"{would}zeroed: {done.zeroed:,} bytes of packets that were not understood")
    stays = sorted(arguments.keep | (frozenset() if arguments.identifiers else {"identifiers"}))
    lines.append(
        "stays: protocol, times, sizes, ports, driver names and versions" + "".join(f", {one}" for one in stays)
    )
    if arguments.other == "keep" and done.others:
        lines.append(f"warning: {done.others} frames that are not MySQL's were written with all they hold")
    if not arguments.dry_run:
        lines.append(f"{done.frames} frames written to {arguments.output}")
    return lines

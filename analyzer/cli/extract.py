"""`handshark extract`."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from analyzer.analysis import AnalysisOptions
from analyzer.cli.arguments import Commands, captures, command, options_of
from analyzer.cli.console import Console, complain
from analyzer.cli.filter_argument import filter_argument
from analyzer.cli.output import written
from analyzer.errors import CaptureError

if TYPE_CHECKING:
    from analyzer.sharing.choice import ExtractRequest, TimeWindow

EXAMPLES = """examples:
  handshark extract big.pcapng --stream 17 -w one.pcapng
  handshark extract ring_*.pcapng -Y 'mysql.user == "app" && handshark.outcome == "rejected"' -w refused.pcapng
  handshark extract big.pcapng --finding access-denied --comments -w denied.pcapng   # Wireshark shows the comments
  handshark extract big.pcapng --time 12:00:00..12:05:00 -w noon.pcapng
  handshark extract big.pcapng -Y mysql.error_code --packets -w errors.pcapng        # only frames that match
  handshark extract tls.pcapng --keylog keys.txt --decrypted --stream 3 -w plain.pcapng

A connection is taken where all that is given holds of it; --stream and --finding may be given several times. Several
captures are read as one in time order, and numbered so, as with --merge. The TLS secrets of the connections that are
taken, and of no others, are written into the file: --no-keys leaves them out. Times are UTC; +SECONDS counts from the
first frame. Use `handshark redact` to take out what must not be seen.
"""


def _stream(text: str) -> int:
    if not text.isdecimal() or len(text) > 12:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a stream")
    return int(text)


def _finding(text: str) -> str:
    from analyzer.analysis.findings.catalog import TABLE

    codes = [rule.code for rule in TABLE]
    if text not in codes:
        raise argparse.ArgumentTypeError(f"{text!r} is no finding; `handshark findings` lists them")
    return text


def _window(text: str) -> TimeWindow:
    from analyzer.sharing.choice import TimeWindow, TimeWindowError

    try:
        return TimeWindow(text)
    except TimeWindowError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "extract",
        "cut connections out of captures",
        "Writes the frames of the connections that match as pcapng, with their TLS secrets and a comment for each.",
        EXAMPLES,
    )
    captures(parser)
    filter_argument(parser, "only connections of which it holds for a packet")
    parser.add_argument(
        "--stream", type=_stream, action="append", default=[], metavar="N", help="this connection (repeatable)"
    )
    parser.add_argument(
        "--finding",
        type=_finding,
        action="append",
        default=[],
        metavar="CODE",
        help="connections of which this was found (repeatable)",
    )
    parser.add_argument("--time", type=_window, metavar="FROM..TO", help="connections that were open in this time")
    parser.add_argument("--packets", action="store_true", help="only the frames that match, not whole connections")
    parser.add_argument("--no-keys", action="store_true", help="write no TLS secrets")
    parser.add_argument(
        "--decrypted",
        action="store_true",
        help="write what was in TLS or compressed as plain TCP, where it can be opened",
    )
    parser.add_argument(
        "--comments", action="store_true", help="write findings and what happened as comments of the frames"
    )
    parser.add_argument("-w", "--write", required=True, metavar="FILE.pcapng", help="where to write; - is stdout")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    given = (arguments.filter, arguments.stream, arguments.finding, arguments.time)
    if not any(given):
        complain("what is to be cut out? -Y, --stream, --finding or --time says so")
        return 2
    if arguments.packets and not (arguments.filter or arguments.finding or arguments.time):
        complain("--packets needs -Y, --finding or --time: they say which packets")
        return 2
    if arguments.packets and arguments.decrypted:
        complain("--packets and --decrypted do not go together: plain text is written for whole connections")
        return 2
    options = options_of(arguments, 0)
    if options is None:
        return 2
    arguments.output, arguments.private = arguments.write, True
    try:
        return written(arguments, partial(_written, arguments, options))
    except CaptureError as error:
        complain(str(error))
        return 3


def _written(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    from analyzer.sharing.extract import extract

    done = extract(arguments.captures, _request(arguments), options, out, Console())
    opened = f", {done.opened} of them as plain text" if arguments.decrypted else ""
    secrets = f", {done.secrets} TLS secrets" if done.secrets else ""
    complain(
        f"{done.connections} of {done.of} connections{opened}, {done.frames} frames{secrets} written to "
        f"{arguments.write}"
    )
    if done.secrets:
        complain(f"note: whoever has {arguments.write} can read these connections; --no-keys leaves the secrets out")
    return 0


def _request(arguments: argparse.Namespace) -> ExtractRequest:
    from analyzer.sharing.choice import ExtractRequest

    return ExtractRequest(
        arguments.filter,
        frozenset(arguments.stream),
        frozenset(arguments.finding),
        arguments.time,
        arguments.packets,
        not arguments.no_keys,
        arguments.decrypted,
        arguments.comments,
    )

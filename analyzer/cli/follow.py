"""`handshark follow`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.cli.arguments import Commands, analysis_arguments, clock_argument, command, options_of, positive
from analyzer.cli.console import Again, Console, complain
from analyzer.cli.output import STDIN, look, written
from analyzer.engine.collectors import Connections, connection_alone
from analyzer.engine.run import Run

if TYPE_CHECKING:
    from analyzer.analysis.model.packet import FollowedPacket

FORMATS: Final = ("text", "json")
EXAMPLES = """examples:
  handshark follow capture.pcapng --stream 3           # as Wireshark's Follow, and a log of the mysql client, at once
  handshark follow capture.pcapng --stream 3 --rows 5
  handshark follow capture.pcapng --stream 3 --hex     # the bytes of each packet, secrets masked
  handshark follow capture.pcapng --stream 3 --format json | jq '.turns[] | select(.error)'

`handshark analyze` lists the connections with their numbers. Of a capture with one connection no --stream is needed.
"""


def _stream(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 up")
    return int(text)


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "follow",
        "one connection as a readable script",
        "Shows what was said on a connection: statements with their values, rows, errors, and when.",
        EXAMPLES,
    )
    parser.set_defaults(wrong=parser.error)  # exits with 2
    parser.add_argument("capture", metavar="CAPTURE", help="pcap or pcapng, also gz, zst or lz4; - is stdin")
    parser.add_argument("--stream", type=_stream, metavar="N", help="the connection's number, as analyze shows it")
    parser.add_argument("--rows", type=positive, metavar="N", help="rows of each result that are shown (default: 20)")
    parser.add_argument("--hex", action="store_true", help="bytes of the packets instead")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    parser.add_argument("--width", type=positive, metavar="N", help="columns of the text (default: the terminal's)")
    clock_argument(parser)
    analysis_arguments(parser, "as for analyze", "as for analyze")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if arguments.hex and arguments.format != "text":
        arguments.wrong("--hex is written as text")
    options = options_of(arguments, 0)
    if options is None:
        return 2
    seen = False
    if arguments.stream is None:
        code = _only(arguments, options)
        if code is not None:
            return code
        seen = True
    write = _hex if arguments.hex else _json if arguments.format == "json" else _text
    return written(arguments, partial(write, arguments, options, seen))


def _only(arguments: argparse.Namespace, options: AnalysisOptions) -> int | None:
    """Finds the only connection; an exit code where there is not just one."""
    if arguments.capture == STDIN:
        arguments.wrong("of standard input --stream N has to say which connection")
    sources: Run[Connection] = Run(options, partial(Connections, connection_alone), None, Console())
    found = [one.stream for _, connections in sources.each([arguments.capture], False) for one in connections]
    if sources.code:
        return sources.code
    if not found:
        complain(f"{arguments.capture}: no MySQL connection in it; --port N names a server's port")
        return 2
    if len(found) > 1:
        named = ", ".join(map(str, found[:10])) + (" ..." if len(found) > 10 else "")
        arguments.wrong(f"{arguments.capture} holds {len(found):,} MySQL connections ({named}): --stream N says which")
    arguments.stream = found[0]
    return None


def _packets(
    arguments: argparse.Namespace, options: AnalysisOptions, seen: bool
) -> tuple[Run[FollowedPacket], Iterator[FollowedPacket]]:
    """The packets of the connection. `seen`: the capture was read before, and what is wrong with it was said."""
    from analyzer.analysis.dissection.dissector import RowRequest
    from analyzer.analysis.dissection.followed import followed
    from analyzer.engine.filters import filter_of
    from analyzer.engine.row_collector import RowCollector, RowRendering

    wanted = RowRequest(
        filter_of(f"tcp.stream == {arguments.stream}"), None, False, raw=True, show_secrets=arguments.show_secrets
    )
    rendering = RowRendering(partial(followed, data=arguments.hex))
    sources: Run[FollowedPacket] = Run(
        options, partial(RowCollector, wanted, rendering), 1, Again() if seen else Console()
    )

    def each() -> Iterator[FollowedPacket]:
        for _, packets in sources.each([arguments.capture], False):
            yield from packets

    return sources, each()


def _told(arguments: argparse.Namespace, sources: Run[FollowedPacket], some: bool) -> int:
    """The exit code; where nothing was found, that is said."""
    if sources.code or some:
        return sources.code
    complain(
        f"{arguments.capture}: no MySQL connection has the number {arguments.stream}; handshark analyze lists them"
    )
    return 2


def _text(arguments: argparse.Namespace, options: AnalysisOptions, seen: bool, out: BinaryIO) -> int:
    from analyzer.report.prose.session import MOST_ROWS, SessionScript
    from analyzer.report.text.follow import SessionText

    sources, packets = _packets(arguments, options, seen)
    session = SessionScript(arguments.rows or MOST_ROWS)
    text = SessionText(lambda line: out.write(line.encode()), *look(arguments, out), arguments.tz)
    some = False
    for packet in packets:
        if not some:
            text.begin(arguments.capture, arguments.stream)
            some = True
        for turn in session.feed(packet):
            text.turn(turn)
    for turn in session.end():
        text.turn(turn)
    return _told(arguments, sources, some)


def _hex(arguments: argparse.Namespace, options: AnalysisOptions, seen: bool, out: BinaryIO) -> int:
    from analyzer.report.text.follow import hex_dump

    sources, packets = _packets(arguments, options, seen)
    some = False
    for packet in packets:
        some = True
        out.writelines(f"{line}\n".encode() for line in hex_dump(packet, arguments.tz))
    return _told(arguments, sources, some)


def _json(arguments: argparse.Namespace, options: AnalysisOptions, seen: bool, out: BinaryIO) -> int:
    from analyzer.report.jsonl import encode
    from analyzer.report.prose.session import MOST_ROWS, SessionScript, Turn

    sources, packets = _packets(arguments, options, seen)
    session = SessionScript(arguments.rows or MOST_ROWS)
    lead = _head(arguments.capture, arguments.stream)
    some = False

    def put(turn: Turn) -> None:
        nonlocal lead
        out.write(lead + encode(turn).rstrip(b"\n"))
        lead = b",\n"

    for packet in packets:
        some = True
        for turn in session.feed(packet):
            put(turn)
    for turn in session.end():
        put(turn)
    if some:
        out.write(b"\n]}\n")
    return _told(arguments, sources, some)


def _head(capture: str, stream: int) -> bytes:
    """What stands before the first turn."""
    import msgspec

    from analyzer.report.escape import json_safe

    head = msgspec.json.encode({"capture": json_safe(capture), "stream": stream})
    return head.removesuffix(b"}") + b',"turns":[\n'

"""`handshark dissect`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import BinaryIO

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.fields import FIELDS, closest
from analyzer.analysis.dissection.packet import Dissection
from analyzer.cli.arguments import Commands, captures, command, options_of, positive, processes
from analyzer.cli.console import Console, complain
from analyzer.cli.filter_argument import filter_argument
from analyzer.cli.output import written
from analyzer.engine.row_collector import RowCollector
from analyzer.engine.run import Run

# So many rows come out of the first pieces of a capture.
FEW_ROWS = 10_000
FORMATS = ("text", "fields", "json", "jsonl")
EXAMPLES = """examples:
  handshark dissect capture.pcapng
  handshark dissect -Y 'mysql.error_code' capture.pcapng
  handshark dissect -V -Y 'frame.number == 17' capture.pcapng        # one frame, field by field
  handshark dissect -T fields -e frame.number -e mysql.user -e mysql.query capture.pcapng
  handshark dissect -T fields -E header=y -E separator=, -E quote=d -e mysql.query -e handshark.latency capture.pcapng
  handshark dissect -T jsonl -Y 'handshark.outcome == "rejected"' capture.pcapng | jq ._source.layers.mysql

The switches are tshark's. Text has a line, or with -V a tree, for each MySQL packet; -T fields, json and jsonl have one
row for each frame, its packets together, as tshark has (--by says otherwise). Bytes of the tree count from the packet's
header. Times are UTC.
"""
_SEPARATORS = {"/t": "\t", "/s": " "}


class _Settings:
    """What -E says."""

    def __init__(self) -> None:
        self.header = False
        self.separator = "\t"
        self.occurrence = "a"
        self.aggregator = ","
        self.quote = "n"
        self.escape = False

    def set(self, text: str) -> None:
        """One setting. Raises ArgumentTypeError."""
        name, sign, value = text.partition("=")
        if not sign:
            raise argparse.ArgumentTypeError(f"{text!r}: NAME=VALUE is needed")
        if name in ("header", "escape"):
            if value not in ("y", "n"):
                raise argparse.ArgumentTypeError(f"{name} is y or n, not {value!r}")
            setattr(self, name, value == "y")
        elif name in ("separator", "aggregator"):
            value = _SEPARATORS.get(value, value)
            if len(value) != 1:
                raise argparse.ArgumentTypeError(f"{name} is one character, /t or /s, not {value!r}")
            setattr(self, name, value)
        elif name == "occurrence":
            if value not in ("f", "l", "a"):
                raise argparse.ArgumentTypeError(f"occurrence is f, l or a, not {value!r}")
            self.occurrence = value
        elif name == "quote":
            if value not in ("d", "s", "n"):
                raise argparse.ArgumentTypeError(f"quote is d, s or n, not {value!r}")
            self.quote = value
        else:
            raise argparse.ArgumentTypeError(
                f"{name!r} is no setting; header, separator, occurrence, aggregator, quote and escape are"
            )


def _setting(text: str) -> str:
    _Settings().set(text)
    return text


def _field(text: str) -> str:
    info = FIELDS.get(text)
    if info is None:
        near = closest(text)
        hint = f"; is it {' or '.join(near)}?" if near else "; `handshark fields` lists all"
        raise argparse.ArgumentTypeError(f"{text!r} is no field{hint}")
    return text


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "dissect",
        "packet by packet, with tshark's switches",
        "Shows the MySQL packets of the captures: lines, trees, bytes, or chosen fields under Wireshark's names.",
        EXAMPLES,
    )
    captures(parser)
    filter_argument(parser, "only packets for which it holds")
    parser.add_argument("-V", dest="tree", action="store_true", help="all fields, with the bytes they stand in")
    parser.add_argument("-x", dest="raw", action="store_true", help="the packets' bytes")
    parser.add_argument("-T", dest="format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "-e", dest="fields", action="append", type=_field, metavar="FIELD", help="a field to show (repeatable)"
    )
    parser.add_argument(
        "-E",
        dest="settings",
        action="append",
        type=_setting,
        default=[],
        metavar="NAME=VALUE",
        help="header=y, separator=/s, aggregator=;, occurrence=f|l|a, quote=d|s|n, escape=y (with -T fields)",
    )
    parser.add_argument("-c", dest="count", type=positive, metavar="N", help="stop after N rows")
    parser.add_argument(
        "--by",
        choices=("frame", "record"),
        help="one row for each frame or for each packet (default: record for text, else frame)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if arguments.format == "fields" and not arguments.fields:
        complain("-T fields needs at least one -e FIELD; `handshark fields` lists them")
        return 2
    if arguments.fields and arguments.format == "text":
        complain("-e needs -T fields, json or jsonl")
        return 2
    options = options_of(arguments, 0)
    if options is None:
        return 2
    return written(arguments, partial(_written, arguments, options))


def _written(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    by_frame = arguments.by == "frame" if arguments.by else arguments.format != "text"
    fields = _shown(arguments)
    wanted = RowRequest(arguments.filter, fields, by_frame, arguments.raw, arguments.show_secrets)
    render, head, between, foot = _renderer(arguments)
    out.write(head)
    left = arguments.count if arguments.count is not None else -1
    sources: Run[bytes] = Run(
        options, partial(RowCollector, wanted, render, arguments.count), arguments.jobs, Console()
    )
    if 0 < left <= FEW_ROWS and arguments.jobs is None:
        # Done before other processes have started.
        sources.jobs, sources.growing = 1, True
    first = True
    for _, rows in sources.each(arguments.captures, arguments.merge):
        with closing(rows):  # type: ignore[type-var]
            for row in rows:
                out.write(row if first else between + row)
                first = False
                left -= 1
                if not left:
                    break
        if not left:
            break
    out.write(foot)
    return sources.code


def _shown(arguments: argparse.Namespace) -> frozenset[str] | None:
    """Fields that are worked out of each packet; None for all."""
    if arguments.fields:
        return frozenset(arguments.fields)
    if arguments.format == "text" and not arguments.tree:
        return frozenset()
    return None


_Rendered = tuple[Callable[[Sequence[Dissection]], bytes], bytes, bytes, bytes]


def _renderer(arguments: argparse.Namespace) -> _Rendered:
    """(what makes a row of a group of packets, what stands above, between and below all rows)."""
    from analyzer.report.text import dissection as shown

    if arguments.format == "fields":
        settings = _Settings()
        for text in arguments.settings:
            settings.set(text)
        columns = shown.FieldColumns(
            arguments.fields,
            settings.separator,
            settings.occurrence,
            settings.aggregator,
            settings.quote,
            settings.escape,
        )
        return lambda group: columns(group).encode(), columns.header().encode() if settings.header else b"", b"", b""
    if arguments.format in ("json", "jsonl"):
        names, raw = arguments.fields, arguments.raw

        def encoded(group: Sequence[Dissection]) -> bytes:
            return shown.encode_json(shown.json_object(group, names, raw))

        if arguments.format == "jsonl":
            return lambda group: encoded(group) + b"\n", b"", b"", b""
        return lambda group: shown.indent_json(encoded(group)).encode(), b"[\n", b",\n", b"\n]\n"
    parts: list[Callable[[Sequence[Dissection]], str]] = [shown.tree if arguments.tree else shown.one_line]
    if arguments.raw:
        parts.append(shown.hex_dump)
    return lambda group: "".join(part(group) for part in parts).encode(), b"", b"", b""

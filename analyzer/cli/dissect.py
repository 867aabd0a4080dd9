"""`handshark dissect`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import BinaryIO

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.fields import FIELDS, closest
from analyzer.analysis.dissection.packet import Dissection
from analyzer.cli.arguments import (
    Commands,
    captures,
    clock_argument,
    command,
    options_of,
    path,
    port,
    positive,
    processes,
    redact_argument,
)
from analyzer.cli.console import Console, complain
from analyzer.cli.filter_argument import filter_argument
from analyzer.cli.output import written
from analyzer.cli.tshark_switches import FIELD_NAMES, add_switches, output
from analyzer.engine.jobs import CHOSEN_FIELDS, LINES, PACKETS
from analyzer.engine.row_collector import RowCollector, RowRendering
from analyzer.engine.run import Run

# So many rows come out of the first pieces of a capture.
FEW_ROWS = 10_000
FORMATS = ("text", "fields", "json", "jsonl", "ek", "pdml", "psml", "tabs")
EXAMPLES = """examples:
  handshark dissect capture.pcapng
  handshark dissect -Y 'mysql.error_code' capture.pcapng
  handshark dissect -V -Y 'frame.number == 17' capture.pcapng        # one frame, field by field
  handshark dissect -T fields -e frame.number -e mysql.user -e mysql.query capture.pcapng
  handshark dissect -T fields -E header=y -E separator=, -E quote=d -e mysql.query -e handshark.latency capture.pcapng
  handshark dissect -r capture.pcapng -t ad -n -d tcp.port==3307,mysql -Y mysql.query -T fields -e _ws.col.Info
  handshark dissect -q -z follow,tcp,ascii,0 -r capture.pcapng
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
    if text not in FIELDS and text not in FIELD_NAMES:
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
    parser.set_defaults(wrong=parser.error)  # exits with 2
    captures(parser, "*")
    redact_argument(parser)
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
    parser.add_argument(
        "-o",
        "--output",
        dest="outputs",
        type=output,
        action="append",
        default=[],
        metavar="FILE",
        help="write there instead of standard output; tls.keylog_file:FILE is --keylog FILE, as tshark has it",
    )
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")
    clock_argument(parser)
    add_switches(parser)
    parser.set_defaults(output=None)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    if not arguments.captures:
        arguments.wrong("which capture? CAPTURE, or -r FILE")
    if arguments.write is not None:
        return _extracted(arguments)
    code = 0 if arguments.quiet else _rows(arguments)
    for words in arguments.statistics:
        code = max(code, _statistic(arguments, words))
    return code


def settle(arguments: argparse.Namespace) -> None:
    """Puts what may be said in tshark's way where this program has it. Called before anything is opened."""
    arguments.captures = [*arguments.read, *arguments.captures]
    arguments.port += arguments.decode
    for kind, value in arguments.outputs:
        if kind == "keylog":
            arguments.keylog.append(path(value))
        elif kind == "port":
            arguments.port.append(port(value))
        else:
            arguments.output = value
    arguments.tree = arguments.tree or arguments.layers is not None


def _extracted(arguments: argparse.Namespace) -> int:
    """-w: what `extract` does."""
    from analyzer.cli import run_words

    if arguments.filter is None:
        arguments.wrong("-w writes the frames that match -Y; `editcap` and `mergecap` copy whole captures")
    words = ["extract", *arguments.captures, "--packets", "-Y", arguments.filter.text, "-w", arguments.write]
    return run_words([*words, *_given(arguments)])


def _statistic(arguments: argparse.Namespace, words: Sequence[str]) -> int:
    """-z: what another command shows."""
    from analyzer.cli import run_words

    sys.stdout.flush()
    code = 0
    several = words[0] in ("follow", "explain")  # one capture at a time
    for names in [[name] for name in arguments.captures] if several else [arguments.captures]:
        code = max(code, run_words([words[0], *names, *words[1:], *_given(arguments)]))
    return code


def _given(arguments: argparse.Namespace) -> list[str]:
    """What the other command has to know of ports and keys."""
    words = [word for number in arguments.port for word in ("--port", str(number))]
    words += [word for log in arguments.keylog for word in ("--keylog", str(log))]
    return [*words, *(["--rsa-key", str(arguments.rsa_key)] if arguments.rsa_key is not None else [])]


def _rows(arguments: argparse.Namespace) -> int:
    if arguments.format == "fields" and not arguments.fields:
        complain("-T fields needs at least one -e FIELD; `handshark fields` lists them")
        return 2
    if arguments.fields and arguments.format not in ("fields", "json", "jsonl", "ek"):
        complain("-e needs -T fields, json, jsonl or ek")
        return 2
    options = options_of(arguments, 0)
    if options is None:
        return 2
    return written(arguments, partial(_written, arguments, options))


def _written(arguments: argparse.Namespace, options: AnalysisOptions, out: BinaryIO) -> int:
    by_frame = arguments.by == "frame" if arguments.by else arguments.format != "text"
    fields = _shown(arguments)
    raw = arguments.raw or arguments.format == "pdml"
    wanted = RowRequest(arguments.filter, fields, by_frame, raw, arguments.show_secrets)
    rendering, head, between, foot = _renderer(arguments)
    out.write(head)
    left = arguments.count if arguments.count is not None else -1
    since = _since_before() if arguments.time == "dd" else None
    if left < 0 and since is None:
        rendering = rendering._replace(between=between)
    sources: Run[bytes] = Run(
        options, partial(RowCollector, wanted, rendering, arguments.count), arguments.jobs, Console()
    )
    sources.work = CHOSEN_FIELDS if wanted.skim or wanted.filter else PACKETS if fields is None else LINES
    if 0 < left <= FEW_ROWS and arguments.jobs is None:
        # Done before other processes have started.
        sources.jobs, sources.growing = 1, True
    first = True
    for _, rows in sources.each(arguments.captures, arguments.merge):
        with closing(rows):  # type: ignore[type-var]
            for row in rows:
                timed = row if since is None else since(row)
                out.write(timed if first else between + timed)
                first = False
                left -= 1
                if not left:
                    break
        if not left:
            break
    out.write(foot)
    return sources.code


def _since_before() -> Callable[[bytes], bytes]:
    from analyzer.report.text.packet_columns import SinceBefore

    return SinceBefore()


def _shown(arguments: argparse.Namespace) -> frozenset[str] | None:
    """Fields that are worked out of each packet; None for all."""
    if arguments.fields:
        names = frozenset(arguments.fields)
        own = names - FIELD_NAMES.keys()
        # Columns are of every packet: none is passed over.
        return own if own == names else own | {"handshark.summary", "frame.len", "frame.time_delta"}
    if (arguments.format == "text" and not arguments.tree) or arguments.format in ("tabs", "psml"):
        return frozenset()
    return None


_Column = Callable[[Sequence[Dissection]], str]
_Rendered = tuple[RowRendering[bytes], bytes, bytes, bytes]


def _renderer(arguments: argparse.Namespace) -> _Rendered:
    """(what makes rows, what stands above, between and below all of them)."""
    from analyzer.report.text import dissection as shown

    if arguments.format == "fields":
        return _fields(arguments)
    if arguments.format in ("ek", "pdml", "psml"):
        return _document(arguments)
    if arguments.format in ("json", "jsonl"):
        names = arguments.fields
        own = None if names is None else [name for name in names if name not in FIELD_NAMES]
        added = {name: column for name, column in _columns(arguments).items() if name in (names or ())}
        listed = arguments.format == "json"
        finish = shown.indent_json if listed else shown.end_json
        encoded = shown.JsonRows(own, arguments.raw, added, finish)
        frames = encoded if own is None and not arguments.raw else None
        rendering = RowRendering(lambda group: finish(encoded(group)), frames=frames)
        return (rendering, b"[\n", b",\n", b"\n]\n") if listed else (rendering, b"", b"", b"")
    tabs = arguments.format == "tabs"
    made: shown.PacketLines | shown.Tree = shown.Tree() if arguments.tree else shown.PacketLines()
    if not arguments.tree and (tabs or arguments.time != "r"):
        from analyzer.report.text.packet_columns import lines_of

        made = lines_of(arguments.time, tabs, arguments.tz)
    if arguments.raw:
        return RowRendering(lambda group: (made(group) + shown.hex_dump(group)).encode()), b"", b"", b""
    return RowRendering(lambda group: made(group).encode(), parts=made), b"", b"", b""


def _columns(arguments: argparse.Namespace) -> dict[str, _Column]:
    """`_ws.col.*` by their names."""
    from analyzer.report.text.packet_columns import columns

    made = columns(arguments.time, arguments.tz)
    return {name: made[column] for name, column in FIELD_NAMES.items()}


def _fields(arguments: argparse.Namespace) -> _Rendered:
    """-T fields: fields, and Wireshark's columns among them."""
    from analyzer.report.text.dissection import FieldColumns, FieldLines

    settings = _Settings()
    for text in arguments.settings:
        settings.set(text)
    given = (settings.occurrence, settings.aggregator, settings.quote, settings.escape)
    names: list[str] = arguments.fields
    header = (settings.separator.join(names) + "\n").encode() if settings.header else b""
    if not any(name in FIELD_NAMES for name in names):
        lines = FieldLines(FieldColumns(names, settings.separator, *given))
        return RowRendering(lines, lines.repeat), header, b"", b""
    quote = {"d": '"', "s": "'", "n": ""}[settings.quote]
    of_columns = _columns(arguments)
    cells: list[_Column] = [
        of_columns[name] if name in of_columns else FieldColumns([name], settings.separator, *given) for name in names
    ]

    def row(group: Sequence[Dissection]) -> bytes:
        made = []
        for name, cell in zip(names, cells, strict=True):
            text = cell(group).removesuffix("\n")
            if name in of_columns and quote:
                text = quote + (text.replace(quote, quote * 2) if settings.escape else text) + quote
            made.append(text)
        return (settings.separator.join(made) + "\n").encode()

    return RowRendering(row), header, b"", b""


def _document(arguments: argparse.Namespace) -> _Rendered:
    """-T ek, pdml and psml."""
    from analyzer.report.text import packet_documents as documents

    if arguments.format == "ek":
        row, head, foot = documents.ek(arguments.fields, arguments.raw)
    elif arguments.format == "psml":
        row, head, foot = documents.psml(arguments.time, arguments.tz)
    else:
        row, head, foot = documents.pdml(" ".join(arguments.captures))
    return RowRendering(lambda group: row(group).encode()), head.encode(), b"", foot.encode()

"""The command line: what the commands have in common, and what `--help` says about it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, TypeAlias

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.keylogs import MOST_PASSWORD_BYTES, load_rsa_key, read_secrets
from analyzer.analysis.memory import DEFAULT_MEMORY, LEAST_MEMORY
from analyzer.analysis.options import DEFAULT_PORTS
from analyzer.cli.console import complain
from analyzer.errors import AnalyzerError

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.report.prose.clock import WallClock

# What `add_subparsers` gives; the class has no public name.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

# More processes than processors are of no use, and each costs memory.
MOST_JOBS: Final = 64

SEVERITIES = ("info", "warning", "error")


def command(commands: Commands, name: str, title: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Adds a command's parser. `title` is its line in `handshark --help`, `examples` stand under its own help."""
    return commands.add_parser(
        name,
        help=title,
        description=description,
        epilog=examples,
    )


def port(text: str) -> int:
    """A port as an argument."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return number


def path(text: str) -> Path:
    """A file's name as an argument."""
    from pathlib import Path

    return Path(text)


def positive(text: str) -> int:
    """A number from 1 up as an argument."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return number


def memory(text: str) -> int:
    """Bytes as an argument: a number of MB, or one with K, M or G behind it."""
    digits, unit = text.rstrip("BbKkMmGg"), text.lstrip("0123456789").upper().removesuffix("B")
    if not digits.isdecimal() or len(digits) > 9 or text[len(digits) :].upper().removesuffix("B") != unit:
        raise argparse.ArgumentTypeError(f"{text!r} is no size: 512M, 2G")
    size = int(digits) << {"K": 10, "M": 20, "": 20, "G": 30}.get(unit, 0)
    if unit not in ("K", "M", "", "G") or size < LEAST_MEMORY:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from {LEAST_MEMORY >> 20}M up")
    return size


def memory_argument(parser: argparse.ArgumentParser, default: int) -> None:
    """The bound over all that an analysis holds back."""
    parser.add_argument(
        "--memory",
        type=memory,
        default=default,
        metavar="SIZE",
        help=f"what all connections may hold back together (default: {default >> 20}M)",
    )


def processes(text: str) -> int:
    """A number of processes as an argument."""
    number = positive(text)
    if number > MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r} is too many: at most {MOST_JOBS}")
    return number


def captures(parser: argparse.ArgumentParser, least: str = "+") -> None:
    """What all commands that read captures take. `least` is "*" where captures may be named in another way too."""
    parser.add_argument(
        "captures",
        nargs=least,
        metavar="CAPTURE",
        help="pcap or pcapng, also gz, zst or lz4; a folder, a pattern, a URL (s3://, http:// ...); - is stdin",
    )
    analysis_arguments(
        parser,
        "MySQL is assumed on this port where a connection's start was not captured (repeatable; 3306 always is)",
        "TLS secrets in NSS key log format (repeatable; with - read on while it grows); those inside a pcapng are "
        "used without asking",
    )
    parser.add_argument("--merge", action="store_true", help="read several files as one capture, in time order")


def redact_argument(parser: argparse.ArgumentParser) -> None:
    """--redact, of the commands that show something."""
    parser.add_argument(
        "--redact",
        dest="redacted",
        action="store_true",
        help="show names, data and addresses replaced, as `handshark redact` does, so that the result can be published",
    )


def cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """Where else work may be done."""
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="work on a Dask cluster (tcp://scheduler:8786), or on one that is started here (local); all captures are "
        "then read as one, as with --merge",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="of --cluster local (default: as many as processors)"
    )
    parser.add_argument(
        "--scratch",
        metavar="DIR|URL",
        help="of --cluster: what stands between the steps; all workers have to see it (default: beside the tables)",
    )


def analysis_arguments(
    parser: argparse.ArgumentParser, about_ports: str, about_keylogs: str, room: int = DEFAULT_MEMORY
) -> None:
    """What `options_of` looks at: ports, keys, secrets, memory."""
    parser.add_argument("--port", type=port, action="append", default=[], metavar="N", help=about_ports)
    parser.add_argument("--keylog", type=path, action="append", default=[], metavar="FILE", help=about_keylogs)
    parser.add_argument(
        "--rsa-key",
        type=path,
        metavar="FILE",
        help="a server's RSA key (PEM), for RSA key exchange up to TLS 1.2",
    )
    parser.add_argument("--show-secrets", action="store_true", help="do not mask passwords, tokens and scrambles")
    memory_argument(parser, room)
    parser.add_argument(
        "--password-file", type=path, metavar="FILE", help="check this password against the captured logins"
    )


def clock(text: str) -> WallClock:
    """A time zone as an argument."""
    from analyzer.report.prose.clock import clock_named

    try:
        return clock_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def clock_argument(
    parser: argparse.ArgumentParser, about: str = "times of the text: UTC (default), local, +02:00, Europe/Berlin ..."
) -> None:
    """The time zone of what a person reads."""
    parser.add_argument("--tz", type=clock, default="UTC", metavar="ZONE", help=about)


def output_arguments(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    """How and where to write."""
    parser.add_argument("--format", choices=formats, default="text", help="default: text")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    parser.add_argument("--width", type=positive, metavar="N", help="columns of the text (default: the terminal's)")
    clock_argument(parser)
    parser.add_argument("--jobs", type=processes, metavar="N", help="processes (default: as many as pay off)")


def options_of(arguments: argparse.Namespace, packets: int, *, keylogs: bool = True) -> AnalysisOptions | None:
    """The analysis options; None (and a message) where a file named in them can not be read.

    Without `keylogs` key logs are left to whoever follows them while they grow.
    """
    try:
        password = _content(arguments, "password_file")
        rsa = _content(arguments, "rsa_key")
        logs = arguments.keylog if keylogs else []
        contents = tuple(read_secrets(file) for file in logs)
        key = None if rsa is None else load_rsa_key(rsa)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return None
    except AnalyzerError as error:
        complain(f"--rsa-key {arguments.rsa_key}: {error}")
        return None
    return AnalysisOptions(
        ports=DEFAULT_PORTS | frozenset(arguments.port),
        packets=packets,
        show_secrets=arguments.show_secrets,
        password=None if password is None else password.rstrip(b"\r\n"),
        keylogs=contents,
        keylog_files=tuple(str(file) for file in logs),
        rsa_key=key,
        memory=arguments.memory,
    )


def _content(arguments: argparse.Namespace, name: str) -> bytes | None:
    file: Path | None = getattr(arguments, name)
    return None if file is None else read_secrets(file, MOST_PASSWORD_BYTES)

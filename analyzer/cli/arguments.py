"""The command line: what may be said, and what `--help` says about it."""

from __future__ import annotations

import argparse
from pathlib import Path

from analyzer import __version__
from analyzer.analysis import Options
from analyzer.analysis.keys import load_rsa_key
from analyzer.analysis.pipeline import DEFAULT_PORTS
from analyzer.cli.run import complain
from analyzer.errors import AnalyzerError

FORMATS = ("text", "json", "jsonl", "csv")
SEVERITIES = ("info", "warning", "error")

EXAMPLES = """examples:
  handshark analyze capture.pcapng
  handshark analyze -v capture.pcapng                  # the packets of each login, as a ladder
  handshark analyze *.pcap --format jsonl | jq .outcome
  tcpdump -i any -w - port 3306 | handshark analyze -
  handshark report capture.pcapng -o out.html
  handshark verify session.pcapng truth.json           # the raw client's own knowledge against the analysis
  handshark corpus verify

exit codes: 0 done; 1 a finding at or above --fail-on was made, or a corpus or truth differs; 2 wrong usage;
3 a capture could not be read at all.
"""
ANALYZE_EXAMPLES = """examples:
  handshark analyze capture.pcapng
  handshark analyze -vv capture.pcapng                 # packets with their fields
  handshark analyze --format csv -o out.csv a.pcap b.pcap.gz
  handshark analyze --merge ring_*.pcapng              # a rotated set as one capture
  handshark analyze --fail-on error nightly.pcap       # exit code 1 if a login failed
  handshark analyze --password-file pw capture.pcap    # was this the password the client used?
  handshark analyze --keylog keys.txt capture.pcap     # what was inside TLS
"""
REPORT_EXAMPLES = """examples:
  handshark report capture.pcapng -o out.html
  handshark report --title "Login storm, 3 May" --limit 100 storm.pcap -o storm.html
"""
CORPUS_EXAMPLES = """examples:
  handshark corpus verify                # samples/
  handshark corpus verify my-captures/
  handshark corpus update                # write the golden files anew; look at the difference before you commit
"""
VERIFY_EXAMPLES = """examples:
  handshark-client --user app --password-file pw --record session.pcapng --truth truth.json -e "SELECT 1"
  handshark verify session.pcapng truth.json
  handshark verify tcpdump.pcap truth.json --keylog keys.txt

TRUTH.json is an object with keys of `handshark analyze --format jsonl`, or a list of such objects; what it lacks is not
compared. Its connection is found by connection_id, client and server.
exit codes: 0 all agrees; 1 something differs, or a connection is not in the capture; 3 a file could not be read.
"""


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port (1 to 65535)")
    return port


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 up")
    return number


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "captures", nargs="+", metavar="CAPTURE", help="pcap or pcapng, also gz, zst or lz4; - is stdin"
    )
    parser.add_argument(
        "--port",
        type=_port,
        action="append",
        default=[],
        metavar="N",
        help="MySQL is assumed on this port where a connection's start was not captured (repeatable; 3306 always is)",
    )
    parser.add_argument(
        "--keylog",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="TLS secrets in NSS key log format (repeatable); those inside a pcapng are used without asking",
    )
    parser.add_argument(
        "--rsa-key",
        type=Path,
        metavar="FILE",
        help="a server's RSA key (PEM), for RSA key exchange up to TLS 1.2",
    )
    parser.add_argument("--merge", action="store_true", help="read several files as one capture, in time order")
    parser.add_argument("--show-secrets", action="store_true", help="do not mask clear-text passwords in packets")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="check this password against the captured logins"
    )


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    raw = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="handshark",
        description="Says what happened on the MySQL and MariaDB connections of a packet capture, and why.",
        epilog=EXAMPLES,
        formatter_class=raw,
    )
    top.add_argument("--version", action="version", version=f"handshark {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    analyze = commands.add_parser(
        "analyze",
        help="one line or object for each connection",
        description="Shows every MySQL connection of the captures: who, how, and how it ended.",
        epilog=ANALYZE_EXAMPLES,
        formatter_class=raw,
    )
    _common(analyze)
    analyze.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    analyze.add_argument("-o", "--output", metavar="FILE", help="write there instead of standard output")
    analyze.add_argument(
        "-v", "--verbose", action="count", default=0, help="packets; -vv fields; -vvv bytes (text only)"
    )
    analyze.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    analyze.add_argument("--width", type=_positive, metavar="N", help="columns of the text (default: the terminal's)")
    analyze.add_argument(
        "--fail-on", choices=SEVERITIES, metavar="SEVERITY", help="exit 1 on such a finding, or a graver"
    )
    analyze.add_argument("--jobs", type=_positive, metavar="N", help="processes (default: as many as pay off)")

    report = commands.add_parser(
        "report",
        help="an HTML page",
        description="Writes one self-contained HTML page about the captures.",
        epilog=REPORT_EXAMPLES,
        formatter_class=raw,
    )
    _common(report)
    report.add_argument("-o", "--output", required=True, metavar="FILE.html")
    report.add_argument("--title", help="default: the names of the captures")
    report.add_argument("--limit", type=_positive, default=500, metavar="N", help="connections in full (default: 500)")

    inject = commands.add_parser(
        "inject-keys",
        help="put a TLS key log into a capture",
        description="Writes a capture as pcapng with TLS secrets inside, so that it can be read without a key log.",
        epilog="example:\n  handshark inject-keys in.pcap keys.txt -o out.pcapng\n",
        formatter_class=raw,
    )
    inject.add_argument("capture", metavar="CAPTURE")
    inject.add_argument("keylogs", nargs="+", type=Path, metavar="KEYLOG", help="NSS key log format")
    inject.add_argument("-o", "--output", required=True, metavar="FILE.pcapng")

    corpus = commands.add_parser(
        "corpus",
        help="compare captures with their golden files",
        description="Analyses every capture under DIR and compares with its golden file.",
        epilog=CORPUS_EXAMPLES,
        formatter_class=raw,
    )
    corpus.add_argument("action", choices=("verify", "update"))
    corpus.add_argument("directory", nargs="?", default="samples", metavar="DIR", help="default: samples")

    verify = commands.add_parser(
        "verify",
        help="compare a capture with what is known of its connections",
        description="Says where the analysis of CAPTURE differs from what TRUTH.json knows of its connections.",
        epilog=VERIFY_EXAMPLES,
        formatter_class=raw,
    )
    verify.set_defaults(port=[], show_secrets=False, password_file=None, rsa_key=None)
    verify.add_argument("capture", metavar="CAPTURE", help="pcap or pcapng, also gz, zst or lz4; - is stdin")
    verify.add_argument("truth", metavar="TRUTH.json", help="as handshark-client --truth writes it")
    verify.add_argument(
        "--keylog", type=Path, action="append", default=[], metavar="FILE", help="TLS keys, NSS key log (repeatable)"
    )
    return top


def options_of(arguments: argparse.Namespace, packets: int) -> Options | None:
    """The analysis options; None (and a message) where a file named in them can not be read."""
    try:
        password = _content(arguments, "password_file")
        rsa = _content(arguments, "rsa_key")
        keylogs = tuple(path.read_bytes() for path in arguments.keylog)
        key = None if rsa is None else load_rsa_key(rsa)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return None
    except AnalyzerError as error:
        complain(f"--rsa-key {arguments.rsa_key}: {error}")
        return None
    return Options(
        ports=DEFAULT_PORTS | frozenset(arguments.port),
        packets=packets,
        show_secrets=arguments.show_secrets,
        password=None if password is None else password.rstrip(b"\r\n"),
        keylogs=keylogs,
        rsa_key=key,
    )


def _content(arguments: argparse.Namespace, name: str) -> bytes | None:
    path: Path | None = getattr(arguments, name)
    return None if path is None else path.read_bytes()

"""`handshark verify`: holds what the analyzer says of a capture against what is known to be true of its connections."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from analyzer.analysis import Connection
from analyzer.analysis.connection.truth import compare
from analyzer.analysis.memory import DEFAULT_MEMORY
from analyzer.cli.arguments import Commands, command, memory_argument, options_of
from analyzer.cli.console import Console, complain
from analyzer.engine.collectors import Connections, connection_alone
from analyzer.engine.run import Run
from analyzer.report.escape import terminal

EXAMPLES = """examples:
  handshark-client --user app --password-file pw --record session.pcapng --truth truth.json -e "SELECT 1"
  handshark verify session.pcapng truth.json
  handshark verify tcpdump.pcap truth.json --keylog keys.txt

TRUTH.json is an object with keys of `handshark analyze --format jsonl`, or a list of such objects; what it lacks is not
compared. Its connection is found by connection_id, client and server.
exit codes: 0 all agrees; 1 something differs, or a connection is not in the capture; 3 a file could not be read.
"""


def add(commands: Commands) -> None:
    """Adds the command's arguments."""
    parser = command(
        commands,
        "verify",
        "compare a capture with what is known of its connections",
        "Says where the analysis of CAPTURE differs from what TRUTH.json knows of its connections.",
        EXAMPLES,
    )
    memory_argument(parser, DEFAULT_MEMORY)
    parser.set_defaults(port=[], show_secrets=False, password_file=None, rsa_key=None)
    parser.add_argument("capture", metavar="CAPTURE", help="pcap or pcapng, also gz, zst or lz4; - is stdin")
    parser.add_argument("truth", metavar="TRUTH.json", help="as handshark-client --truth writes it")
    parser.add_argument(
        "--keylog", type=Path, action="append", default=[], metavar="FILE", help="TLS keys, NSS key log (repeatable)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns its exit code."""
    truths = _read(arguments.truth)
    options = options_of(arguments, packets=0)
    if truths is None or options is None:
        return 3
    sources: Run[Connection] = Run(options, partial(Connections, connection_alone), 1, Console())
    connections: list[Connection] = []
    for _, found in sources.each([arguments.capture], merge=False):
        connections += found
    if sources.failed:
        return 3
    different = sum(_told(connections, truth) for truth in truths)
    sys.stdout.write(f"{len(truths)} {_plural('connection', len(truths))}, {different} different\n")
    return 1 if different else 0


def find(connections: Iterable[Connection], truth: Mapping[str, Any]) -> list[Connection]:
    """The connections that a truth may be about: by the server's number, else by addresses and ports.

    A truth that has neither is about any of them.
    """
    ends = [connection for connection in connections if _same_ends(connection, truth)]
    number = truth.get("connection_id")
    if number is None:
        return ends
    # Numbers begin again when a server does, and a port is used again: where both are known, both have to agree.
    return [each for each in ends if each.greeting is not None and each.greeting.connection_id == number] or (
        ends if truth.get("client") else []
    )


def _same_ends(connection: Connection, truth: Mapping[str, Any]) -> bool:
    for name, end in (("client", connection.client), ("server", connection.server)):
        known = truth.get(name) or {}
        if known.get("port", end.port) != end.port or known.get("address", end.address) != end.address:
            return False
    return True


def _told(connections: list[Connection], truth: dict[str, Any]) -> bool:
    """Prints what differs; whether anything does."""
    found = find(connections, truth)
    if not found:
        sys.stdout.write(f"{_name(truth)}: is not in the capture\n")
        return True
    if len(found) > 1:
        sys.stdout.write(f"{_name(truth)}: may be any of {len(found)} connections of the capture\n")
        return True
    differences = compare(msgspec.to_builtins(found[0]), truth)
    for line in differences:
        sys.stdout.write(terminal(f"{_name(truth)}: {line}") + "\n")
    return bool(differences)


def _name(truth: Mapping[str, Any]) -> str:
    client = truth.get("client") or {}
    parts = [f"connection {truth['connection_id']}" if truth.get("connection_id") is not None else "the connection"]
    if client.get("port") is not None:
        parts.append(f"from port {client['port']}")
    return terminal(" ".join(parts))


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"


def _read(path: str) -> list[dict[str, Any]] | None:
    """One truth, or a list of them; None (and a message) where the file has none."""
    try:
        with open(path, "rb") as file:
            content = msgspec.json.decode(file.read())
    except OSError as error:
        complain(f"{path}: {error.strerror}")
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        complain(f"{path}: no truth: {error}")
        return None
    truths = content if isinstance(content, list) else [content]
    wrong = _shape(truths)
    if wrong is not None:
        complain(f"{path}: no truth: {wrong}")
        return None
    return truths


def _shape(truths: list[Any]) -> str | None:
    """What is wrong with the parts that a connection is looked for by; None where nothing is."""
    if not truths:
        return "an empty list"
    for truth in truths:
        if not isinstance(truth, dict):
            return "a JSON object is due, or a list of them"
        for name in ("client", "server"):
            if not isinstance(truth.get(name), dict | None):
                return f"{name} is no object"
    return None

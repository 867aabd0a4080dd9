"""Command lines that show the same as the screen, to copy or to run."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple

from analyzer.analysis.model.connection import Connection

PROGRAM: Final = "handshark"


class CommandLine(NamedTuple):
    """How the captures are read: their names, and the switches of all commands that read captures.

    filter  -Y of the command line, None where there is none
    merged  several captures are one, and numbered so
    """

    captures: Sequence[str]
    switches: Sequence[str] = ()
    filter: str | None = None
    merged: bool = False

    def words(self, command: str, keep: str | None, *more: str) -> list[str]:
        """The arguments of `handshark COMMAND` for the captures. `keep`: a display filter beside that of the start."""
        both = [one for one in (self.filter, keep) if one]
        text = both[0] if len(both) == 1 else " and ".join(f"({one})" for one in both)
        display = ["-Y", text] if both else []
        captures = [name if not name.startswith("-") or name == "-" else f"./{name}" for name in self.captures]
        return [command, *captures, *self.switches, *display, *more]

    def text(self, command: str, keep: str | None, *more: str) -> str:
        """The same as a line for a shell."""
        return shlex.join([PROGRAM, *self.words(command, keep, *more)])

    def process(self, command: str, keep: str | None, *more: str) -> list[str]:
        """The same as a program to run, with the Python that runs this one."""
        return [sys.executable, "-m", "analyzer", *self.words(command, keep, *more)]


def filter_by_ends(connections: Sequence[Connection]) -> str:
    """A display filter for the addresses and ports of these connections: the same however they are numbered."""
    ports: dict[tuple[str, str, int], set[int]] = {}
    for one in connections:
        ports.setdefault((one.client.address, one.server.address, one.server.port), set()).add(one.client.port)
    parts = [
        f"handshark.client == {client} and handshark.server == {server} and handshark.server_port == {port} and "
        f"handshark.client_port in {{{', '.join(map(str, sorted(numbers)))}}}"
        for (client, server, port), numbers in ports.items()
    ]
    return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)


def filter_for(connections: Sequence[Connection], several: bool) -> str:
    """A display filter for these connections. `several`: there are several captures."""
    by_capture: dict[str, list[int]] = {}
    for connection in connections:
        by_capture.setdefault(connection.capture, []).append(connection.stream)
    parts = []
    for capture, streams in by_capture.items():
        numbers = sorted(set(streams))
        part = (
            f"tcp.stream == {numbers[0]}" if len(numbers) == 1 else f"tcp.stream in {{{', '.join(map(str, numbers))}}}"
        )
        if several:
            name = capture.replace("\\", "\\\\").replace('"', '\\"')
            part = f'handshark.capture == "{name}" and {part}'
        parts.append(f"({part})" if several and len(by_capture) > 1 else part)
    return " or ".join(parts)

"""How much of a capture goes the fast ways, and what a frame and a connection cost.

Counted by the analysis itself, in one process that nobody measures: a fast way that is never taken is seen here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.commands.tracker import CommandTracker
from analyzer.analysis.conversation.observer import Observer
from analyzer.net.tcp.reassembly import TcpConnection
from tests.reading import read_through


@dataclass(frozen=True)
class Shares:
    """What one capture holds, and of that how much was taken the fast ways; `listed`: where somebody lists commands."""

    frames: int
    connections: int
    commands: int
    fast_frames: int
    fast_commands: int
    listed: int
    known_logins: int
    known_sessions: int
    sealed: int = 0
    tls: int = 0

    def line(self) -> str:
        """In words."""
        found = [f"{self.fast_frames / max(self.frames, 1):.1%} of {self.frames:,} frames"]
        if self.commands:
            listed = f"({self.listed / self.commands:.1%} where they are listed)"
            found.append(f"{self.fast_commands / self.commands:.1%} of {self.commands:,} commands {listed}")
        known, whole = (each / max(self.connections, 1) for each in (self.known_logins, self.known_sessions))
        found.append(f"{known:.1%} of the logins of {self.connections:,} connections, up to TLS, and {whole:.1%} whole")
        if self.tls:
            found.append(f"{self.sealed / self.tls:.1%} of {self.tls:,} TLS sessions, opened where there are keys")
        return f"Taken the fast way: {', '.join(found)}."


def shares_of(path: Path, keylog: Path | None = None) -> Shares:
    """Analyses a capture and asks what was taken how."""
    options = AnalysisOptions(keylogs=(keylog.read_bytes(),) if keylog else ())
    analysis, listing = (Analysis(str(path), each) for each in (options, replace(options, observe=(_listed,))))
    commands = sessions = 0
    for connection, _ in read_through(analysis, path):
        commands += sum(connection.commands.values())
        sessions += connection.tls is not None
    deque(read_through(listing, path), 0)
    totals = analysis.totals
    fast_frames = totals.frames - totals.slow_frames
    shapes = analysis.shapes
    known, whole = (0, 0) if shapes is None else (shapes.found, shapes.whole)
    return Shares(
        *(totals.frames, totals.mysql_connections, commands, fast_frames, totals.turns, listing.totals.turns),
        *(known, whole, totals.sealed, sessions),
    )


def _listed(tcp: TcpConnection) -> Observer:
    """Who lists the commands of a connection, for nobody."""
    return CommandTracker(tcp, [])

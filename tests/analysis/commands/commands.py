"""Commands as the tracker makes them."""

from __future__ import annotations

from analyzer.analysis.model.command import Command, CommandError
from tests.wire.script import START


def command(
    statement: str | None = "SELECT 1",
    *,
    kind: str = "query",
    code: int | None = None,
    response: str = "ok",
    complete: bool | None = True,
    latency_ns: int | None = 1000,
    time_ns: int = START,
    stream: int = 0,
) -> Command:
    """A command as the tracker makes it; all that is not asked for is absent."""
    error = None if code is None else CommandError(code, "42000", f"message of {code}")
    response = "error" if code is not None else response
    return Command(
        *("made.pcap", stream, 0, 7, 8, time_ns, latency_ns, latency_ns, kind, statement, None, None, None, response),
        *(None, None, None, None, None, None, None, None),
        error=error,
        bytes_request=10,
        bytes_response=10,
        complete=complete,
    )

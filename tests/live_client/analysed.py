"""What the analyzer says of a recorded capture, opened with the keys inside it, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.capture import open_capture
from analyzer.cli.parallel import add_secrets


def analyse(path: Path) -> list[dict[str, Any]]:
    """The connections of a capture, in the keys of the contract."""
    found = []
    with open_capture(str(path)) as capture:
        analysis = Analysis(path.name, AnalysisOptions())
        taken = 0
        for batch in capture:
            taken = add_secrets(analysis, capture, taken)
            found += [connection for connection, _ in analysis.feed(batch)]
        found += [connection for connection, _ in analysis.finish(capture.cut_short)]
    return [msgspec.to_builtins(connection) for connection in found]


def plain(data: dict[str, Any]) -> dict[str, Any]:
    """A truth as it is after a way through a file."""
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(data))
    return decoded

"""Runs the analysis over captures in tests: whole connections, and what they look like as JSON."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from analyzer.analysis import AnalysisOptions, Connection, ConnectionDetail
from analyzer.report.jsonl import encode
from tests.reading import results_of

Json = dict[str, Any]
Result = tuple[Connection, ConnectionDetail | None]


def analyse_file(path: Path, options: AnalysisOptions | None = None, batch_bytes: int = 4 << 20) -> list[Result]:
    """All MySQL connections of a capture file, without the keys inside it."""
    return results_of(path, options, keys=False, batch_bytes=batch_bytes)


@cache
def rows_of(path: Path, port: int = 3306) -> list[Json]:
    """The connections of a capture file as `analyze --format jsonl` writes them. Not to be changed."""
    found = analyse_file(path, AnalysisOptions(ports=frozenset({3306, port})))
    return [json.loads(encode(connection)) for connection, _ in found]


def codes(row: Json | Connection) -> set[str]:
    """The codes of a connection's findings."""
    if isinstance(row, Connection):
        return {finding.code for finding in row.findings}
    return {finding["code"] for finding in row["findings"]}

"""What the tests of findings share."""

from __future__ import annotations

from analyzer.analysis import Connection
from analyzer.analysis.model.connection import Finding


def found(connection: Connection, code: str) -> list[Finding]:
    return [finding for finding in connection.findings if finding.code == code]

"""CSV: a header and one flat row for each connection, for spreadsheets and `LOAD DATA`.

A column is named after its key in the JSON (`login_user` is `login.user`). Lists are joined with ";". Text is escaped,
so that a row is always one line and never a formula.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from operator import attrgetter

from analyzer.analysis.model.connection import Connection, Finding
from analyzer.report.escape import csv_cell

# Parts of a connection that may be missing as a whole, and what of each becomes a column.
_PARTS = {
    "tcp": (
        *("syn", "fin_from", "rst_from", "retransmissions", "out_of_order", "gaps"),
        *("bytes_from_client", "bytes_from_server"),
    ),
    "error": ("code", "sqlstate", "message", "frame", "phase"),
    "greeting": (
        *("protocol_version", "server_version", "flavor", "connection_id", "auth_plugin", "capabilities"),
        *("collation", "status_flags", "frame"),
    ),
    "login": (
        *("user", "database", "auth_plugin", "capabilities", "max_packet_size", "collation", "attributes"),
        *("zstd_level", "frame"),
    ),
    "tls": ("requested_frame", "version", "cipher_suite", "server_name", "resumed", "decrypted"),
    "authentication": ("plugin", "path", "password_protection"),
    "timing": ("tcp_connect_ns", "greeting_ns", "tls_ns", "login_ns", "authentication_ns", "total_ns"),
    "driver": ("name", "version", "evidence", "confidence"),
}
_LEADING = (
    *("capture", "stream", "client.address", "client.port", "server.address", "server.port"),
    *("first_frame", "last_frame", "start_time_ns", "end_time_ns", "phase_reached", "outcome", "compression"),
)
_TRAILING = ("fingerprint", "commands")
# Behind each line (RFC 4180).
_END = b"\r\n"
_FINDINGS = {"findings": "code", "finding_severities": "severity"}
COLUMNS = (
    *(name.replace(".", "_") for name in _LEADING),
    *(f"{part}_{name}" for part, names in _PARTS.items() for name in names),
    *_TRAILING,
    *_FINDINGS,
)
_leading = attrgetter(*_LEADING)
_trailing = attrgetter(*_TRAILING)


def _cell(value: object) -> str | int | None:
    if isinstance(value, str):
        return csv_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, list):
        return csv_cell(";".join(value))
    if isinstance(value, dict):
        return csv_cell(";".join(f"{key}={item}" for key, item in value.items()))
    return csv_cell(str(value))


class _Echo:
    """Gives back what is written: a row is its own file."""

    def write(self, text: str) -> str:
        return text


_row = csv.writer(_Echo()).writerow


def line(cells: Sequence[object]) -> str:
    """Cells that are escaped, as one line with its CRLF (RFC 4180)."""
    written: str = _row(cells)
    return written


def header() -> str:
    """The names of the columns, as one line with its CRLF (RFC 4180)."""
    return line(COLUMNS)


def encode(connection: Connection) -> bytes:
    """The connection as one line with its CRLF."""
    values: list[object] = list(_leading(connection))
    for part, names in _PARTS.items():
        whole = getattr(connection, part)
        values.extend(None if whole is None else getattr(whole, name) for name in names)
    values.extend(_trailing(connection))
    return line([_cell(value) for value in values + _told(connection.findings)]).encode()


def findings(found: Sequence[Finding]) -> bytes:
    """What stands of findings at the end of a line, without its CRLF."""
    return line([_cell(value) for value in _told(found)]).encode().removesuffix(_END)


def split(without: bytes) -> tuple[bytes, bytes]:
    """A line without findings: what stands before them, and behind."""
    end = len(without) - len(findings([])) - len(_END)
    return without[:end], without[-len(_END) :]


def _told(found: Sequence[Finding]) -> list[object]:
    return [[getattr(finding, key) for finding in found] for key in _FINDINGS.values()]

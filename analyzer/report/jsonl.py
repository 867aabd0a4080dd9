"""JSON: one object for each connection or command, with the keys of the contract in its order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from analyzer.analysis.model.connection import Connection
from analyzer.report.escape import json_safe

NO_FINDINGS: Final = b'"findings":[]'


def _safe(value: object) -> object:
    if isinstance(value, str):
        return json_safe(value)
    if isinstance(value, dict):
        return {_safe(key): _safe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_safe(item) for item in value]
    return value


def value(connection: object) -> bytes:
    """A connection, a text, any value as JSON."""
    try:
        return msgspec.json.encode(connection)
    except UnicodeEncodeError:  # bytes that are not UTF-8 somewhere: rare, so only then is every string looked at
        return msgspec.json.encode(_safe(msgspec.to_builtins(connection)))


def split(line: bytes) -> tuple[bytes, bytes]:
    """A line without findings: what stands before them, and behind."""
    # No text holds quotes that are not escaped, and behind the findings there is no list.
    at = line.rindex(NO_FINDINGS) + len(NO_FINDINGS) - 2
    return line[:at], line[at + 2 :]


def encode(connection: msgspec.Struct) -> bytes:
    """The connection (or the exchange) as one line of JSON, with its newline."""
    return value(connection) + b"\n"


def encode_array(connections: Iterable[Connection]) -> Iterator[bytes]:
    """All connections as one JSON array, piece by piece, to be written in order: nothing is held back."""
    lead = b"[\n"
    for connection in connections:
        yield lead + value(connection)
        lead = b",\n"
    yield b"[]\n" if lead == b"[\n" else b"\n]\n"

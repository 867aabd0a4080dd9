"""What the analyzer says of a recorded capture, opened with the keys inside it, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tests.reading import connections_of


def analyse(path: Path) -> list[dict[str, Any]]:
    """The connections of a capture, in the keys of the contract."""
    return [msgspec.to_builtins(connection) for connection in connections_of(path)]


def plain(data: dict[str, Any]) -> dict[str, Any]:
    """A truth as it is after a way through a file."""
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(data))
    return decoded

"""What was said and answered in the command phase, as the client knows it: the keys of `handshark commands`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer.errors import ServerError
from analyzer.protocol.tables.commands import COMMANDS
from live_client.results import Result

MISSING = "missing"


@dataclass
class CommandLogEntry:
    """One command and what came of it. `parameters` and `attributes` are what the caller gave, not what was sent."""

    code: int
    statement: str | None = None
    parameters: Sequence[Any] | None = None
    attributes: Mapping[str, Any] | None = None
    response: str = MISSING
    columns: int | None = None
    rows: int | None = None
    affected_rows: int | None = None
    last_insert_id: int | None = None
    results: list[Result] = field(default_factory=list)
    error: ServerError | None = None

    def result(self, result: Result) -> None:
        """One more result is complete."""
        self.results.append(result)
        if result.columns or self.columns is not None:
            self.response = "resultset"
            self.affected_rows = self.last_insert_id = None
            if result.columns:
                self.columns = len(result.columns) if self.columns is None else self.columns
                self.rows = (self.rows or 0) + result.count
            return
        if self.response == MISSING:
            self.response = "ok"
        self.affected_rows, self.last_insert_id = result.affected_rows, result.last_insert_id

    def failed(self, error: ServerError) -> None:
        self.response = "error"
        self.error = error

    def truth(self) -> dict[str, Any]:
        """As plain data, in the keys and words of `handshark commands`; a key that is missing says nothing."""
        error = self.error
        truth: dict[str, Any] = {
            "command": COMMANDS.get(self.code, f"0x{self.code:02x}"),
            "parameters": None if self.parameters is None else [plain(value) for value in self.parameters],
            "attributes": {name: plain(value) for name, value in self.attributes.items()} if self.attributes else None,
            "response": self.response,
            "error": None
            if error is None
            else {"code": error.code, "sqlstate": error.sqlstate, "message": error.message},
        }
        for key in ("statement", "columns", "rows", "affected_rows", "last_insert_id"):
            value = getattr(self, key)
            if value is not None:
                truth[key] = value
        return truth


def plain(value: Any) -> Any:
    """A value as JSON has it; a row of a bulk execute as the list of its values."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool):
        return int(value)
    return value

"""The commands of prepared statements that carry no parameters.

Source: MySQL source documentation, "COM_STMT_EXECUTE", "COM_STMT_CLOSE".
"""

from __future__ import annotations

from typing import Self

from analyzer.errors import BadValue
from analyzer.protocol.capabilities import CLIENT_QUERY_ATTRIBUTES
from analyzer.protocol.commands import COM_STMT_CLOSE, COM_STMT_EXECUTE
from analyzer.protocol.context import Context
from analyzer.protocol.reader import Reader, Writer
from analyzer.protocol.records.base import Record

PARAMETER_COUNT_AVAILABLE = 0x08


class ComStmtExecute(Record, frozen=True):
    """COM_STMT_EXECUTE. `parameters` is all that stands behind the iteration count, undecoded."""

    statement_id: int
    flags: int = 0
    iteration_count: int = 1
    parameters: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ComStmtExecute"
        _command(r, COM_STMT_EXECUTE)
        return cls(r.uint("statement_id", 4), r.u8("flags"), r.uint("iteration_count", 4), r.rest("parameters"))

    @classmethod
    def without_parameters(cls, statement_id: int, ctx: Context) -> Self:
        """An execute of a statement that has no parameters. With CLIENT_QUERY_ATTRIBUTES their number may be said."""
        if ctx.in_force & CLIENT_QUERY_ATTRIBUTES:
            return cls(statement_id, PARAMETER_COUNT_AVAILABLE, 1, b"\x00")
        return cls(statement_id)

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(COM_STMT_EXECUTE)
        w.uint(self.statement_id, 4)
        w.u8(self.flags)
        w.uint(self.iteration_count, 4)
        w.raw(self.parameters)

    def summary(self) -> str:
        return f"statement {self.statement_id}"


class ComStmtClose(Record, frozen=True):
    """COM_STMT_CLOSE: no server answers it."""

    statement_id: int

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "ComStmtClose"
        _command(r, COM_STMT_CLOSE)
        return cls(r.uint("statement_id", 4))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(COM_STMT_CLOSE)
        w.uint(self.statement_id, 4)

    def summary(self) -> str:
        return f"statement {self.statement_id}"


def _command(r: Reader, expected: int) -> None:
    found = r.u8("command")
    if found != expected:
        raise BadValue(r.record, "command", 0, f"0x{expected:02x} expected, 0x{found:02x} found")

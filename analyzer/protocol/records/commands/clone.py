"""What a recipient and a donor say once COM_CLONE was answered with OK.

The recipient asks (INIT, ATTACH, REINIT, EXECUTE, ACK, EXIT), the donor answers in as many packets as it takes and ends
them with COMPLETE or ERROR. All packets have the sequence id 0. What EXIT gets ends COM_CLONE.

Source: MySQL source documentation, "Clone Plugin", plugin/clone (Command_RPC, Command_Response).
"""

from __future__ import annotations

from typing import Final, Self

from analyzer.protocol.context import Context
from analyzer.protocol.records.base import Record
from analyzer.protocol.tables.commands import CLONE_COMMANDS, CLONE_RESPONSES
from analyzer.protocol.wire.reader import Reader, Writer

CLONE_EXIT: Final = 6
CLONE_DATA: Final = 3
CLONE_COMPLETE: Final = 99
CLONE_ERROR: Final = 100


class CloneCommand(Record, frozen=True):
    """What the recipient asks for; `data` are places and states of storage engines."""

    command_code: int
    data: bytes = b""

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "CloneCommand"
        return cls(r.u8("command_code"), r.rest("data"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.command_code)
        w.raw(self.data)

    def summary(self) -> str:
        name = CLONE_COMMANDS.get(self.command_code, hex(self.command_code))
        return f"{name}, {len(self.data)} bytes" if self.data else name


class CloneResponse(Record, frozen=True):
    """What the donor answers with: a plugin, a setting, a collation, a place, blocks of files; `length` bytes of it.

    `data` is what was kept of them.
    """

    response_code: int
    data: bytes = b""
    length: int = 0

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "CloneResponse"
        code, data = r.u8("response_code"), r.rest("data")
        return cls(code, data, len(data))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(self.response_code)
        w.raw(self.data)

    def summary(self) -> str:
        name = CLONE_RESPONSES.get(self.response_code, hex(self.response_code))
        return f"{name}, {self.length} bytes" if self.length else name


class CloneError(Record, frozen=True):
    """The donor can not do what it was asked for, and why."""

    error_code: int
    error_message: str

    @classmethod
    def decode(cls, r: Reader, ctx: Context) -> Self:
        r.record = "CloneError"
        r.u8("response_code")
        return cls(r.uint("error_code", 4), r.rest_text("error_message"))

    def encode(self, w: Writer, ctx: Context) -> None:
        w.u8(CLONE_ERROR)
        w.uint(self.error_code, 4)
        w.raw(self.error_message)

    def summary(self) -> str:
        return f"{CLONE_RESPONSES[CLONE_ERROR]} {self.error_code}: {self.error_message}"

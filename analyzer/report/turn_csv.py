"""CSV of commands, where most are plain turns: as their JSON lines, of the same templates with other text around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from analyzer.analysis.conversation.plain_turn import ExecutePlan as Plan  # the .pxd has its type by its name
from analyzer.analysis.line_buffer import DIGITS
from analyzer.analysis.model.command import Command, CommandError
from analyzer.analysis.model.connection import Endpoint
from analyzer.report.csv import line
from analyzer.report.escape import FORMULA_SIGNS
from analyzer.report.text.commands import COLUMNS, cell_of, csv_cells, csv_line
from analyzer.report.turn_lines import ALWAYS, BARE, FOLLOWING, MADE, QUOTED, SLOTS, Template, TurnLines
from analyzer.report.turn_values import VALUE, put_listed

# Columns that stand where the first of their command's part does, told of with it.
_PARTS: Final = {"error_code": "error", "client_address": "client"}
_WITH_IT: Final = frozenset(
    (
        *(name for name in FOLLOWING if name != "server"),
        *("error_sqlstate", "error_message", "client_port", "server_address", "server_port"),
    )
)
_CRLF: Final = "\r\n"
_BETWEEN: Final = b";"
# In front of values there is room for a quote, and for what keeps them from being a formula.
_LEAD: Final = 2
_BLANK, _LAST, _QUOTE, _COMMA, _APOSTROPHE = b" ~\",'"
_FORMULA: Final = FORMULA_SIGNS
_MADE: Final = MADE
_BARE: Final = BARE
_QUOTED: Final = QUOTED


class TurnCsv(TurnLines):
    """Writes CSV of the commands of one capture. Without `mask` secrets are shown."""

    __slots__ = ()

    def command(self, command: Command) -> bytes:
        """The line of any command."""
        return csv_line(command).encode()

    def stands(self, data: bytes, begin: int) -> int:
        end, found = len(data), _BARE
        if begin >= end or data[begin] in _FORMULA:
            return _MADE
        for place in range(begin, end):
            byte = data[place]
            if byte < _BLANK or byte > _LAST or byte == _QUOTE:
                return _MADE
            if byte == _COMMA:
                found = _QUOTED
        return found

    def made(self, text: str) -> bytes:
        return self.cell(text)

    def cell(self, what: object) -> bytes:
        return _written(what if what is None or type(what) is int else cell_of(what))

    def values(self, plan: Plan, data: bytes) -> int:
        if not plan.plain:
            return self.made_values(plan, data)
        self.make_room(len(data) + VALUE * len(plan.kinds) + _LEAD + 1)
        line, begin = self.line, _LEAD
        end = put_listed(line, begin, plan, data, len(data), _BETWEEN)
        if end < 0:
            return self.made_values(plan, data)
        if end > begin and line[begin] in _FORMULA:
            begin -= 1
            line[begin] = _APOSTROPHE
        for place in range(begin, end):
            if line[place] == _COMMA:
                begin -= 1
                line[begin] = line[end] = _QUOTE
                end += 1
                break
        self.begin = begin
        return end - begin

    def acknowledged(self, says: Sequence[object]) -> bytes:
        return b",".join(map(self.cell, says))

    def ends_of(self, ends: Sequence[Endpoint | None]) -> bytes:
        parts = [(None, None) if end is None else (end.address, end.port) for end in ends]
        return self.acknowledged([part for pair in parts for part in pair])

    def failed(self, error: CommandError | None) -> bytes:
        says = (None, None, None) if error is None else (error.code, error.sqlstate, error.message)
        return self.acknowledged(says)

    def template(self, command: Command) -> Template:
        literals, slots, text = [], [], ""
        for place, (name, cell) in enumerate(zip(COLUMNS, csv_cells(command), strict=True)):
            if name in _WITH_IT:
                continue
            slot = _PARTS.get(name, name)
            text += "," if place else ""
            if slot in SLOTS and (slot in ALWAYS or getattr(command, slot) is not None):
                literals.append(text.encode())
                slots.append(SLOTS.index(slot))
                text = ""
            else:
                text += _written(cell).decode()
                text += ",," if slot == "error" else ""
        literals.append((text + _CRLF).encode())
        return tuple(literals), bytes(slots), sum(map(len, literals)) + DIGITS * len(slots)


def _written(cell: object) -> bytes:
    """A cell of a line; one that is empty is nothing."""
    return b"" if cell is None or cell == "" else line([cell]).removesuffix(_CRLF).encode()

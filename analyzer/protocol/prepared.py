"""The prepared statements of one connection: what COM_STMT_EXECUTE and binary rows can not be read without.

Filled by the state machine: an entry when COM_STMT_PREPARE goes out, its number and sizes with the server's answer, the
types of its parameters with each execute that sends them. Bounded in entries and bytes: the oldest goes first, and what
names it afterwards is as if its prepare had not been captured.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.protocol.columns import Columns
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.wire.reader import ENCODING_ERRORS

MOST_STATEMENTS: Final = 4096
MOST_BYTES: Final = 8 << 20
MOST_FORGOTTEN: Final = 1 << 16  # of which the size is remembered
# Bytes of one parameter's long data that are kept; what is over is counted.
LONGEST_LONG_DATA: Final = 1 << 14
MOST_LONG_DATA: Final = 256  # parameters of one statement that have some
# What an entry takes beside its bytes.
ENTRY: Final = 400
# MariaDB: "the statement prepared last", also while its answer is on the way.
LAST_PREPARED: Final = 0xFFFF_FFFF


class LongData(msgspec.Struct, frozen=True):
    """What COM_STMT_SEND_LONG_DATA sent for one parameter: its head, and how much it was."""

    head: bytes = b""
    length: int = 0


_NO_LONG_DATA: Final[dict[int, LongData]] = {}  # never written to


class Bound(msgspec.Struct, frozen=True):
    """What an execute can not be decoded without, as it was when the execute came."""

    num_params: int | None = None
    types: tuple[int, ...] | None = None
    long_data: dict[int, LongData] = {}


class PreparedStatement(msgspec.Struct, eq=False):
    """One prepared statement. None where the capture does not tell: its prepare is missing, or not answered yet.

    `types` are those of the last execute that sent them (column type, 0x8000 for unsigned). `columns` are the
    definitions of its result set, from the prepare's answer or a later one; `parameters` those of its parameters.
    """

    statement_id: int | None = None
    query: str | None = None
    num_params: int | None = None
    num_columns: int | None = None
    types: tuple[int, ...] | None = None
    parameters: Columns = ()
    columns: Columns = ()
    long_data: dict[int, LongData] = {}
    cut: int = 0  # bytes of the text that are missing, or were forgotten
    executed: bool = False  # the long data was used: the next of it begins anew
    plan: ExecutePlan | None = None  # how its plain executes are read

    def add_long_data(self, parameter: int, data: bytes, length: int) -> None:
        """Notes `length` bytes, of which `data` was kept."""
        self.renew()
        found = self.long_data.get(parameter)
        if found is None:
            if len(self.long_data) >= MOST_LONG_DATA:
                return
            found = LongData()
        head = found.head
        # A head without holes: nothing is added behind bytes that are missing.
        if found.length == len(head):
            head += data[: LONGEST_LONG_DATA - len(head)]
        self.long_data[parameter] = LongData(head, found.length + length)

    def bound(self) -> Bound:
        """What is known now: a copy, for later changes do not matter to the command in hand."""
        return Bound(self.num_params, self.types, dict(self.long_data) if self.long_data else _NO_LONG_DATA)

    def renew(self) -> None:
        """Forgets the long data of an execute that is over."""
        if self.executed:
            self.long_data.clear()
            self.executed = False

    def reset(self) -> None:
        """COM_STMT_RESET: the long data is gone, the types are not."""
        self.long_data.clear()
        self.executed = False


class PreparedStatements:
    """Statement id -> Statement. `dropped` counts those that were forgotten to keep within bounds."""

    __slots__ = ("_by_id", "_bytes", "_forgotten", "dropped", "last")

    def __init__(self) -> None:
        self._by_id: dict[int, PreparedStatement] = {}
        self._bytes = 0
        self._forgotten: dict[int, int] = {}  # id -> bytes of its text
        self.dropped = 0
        self.last: PreparedStatement | None = None

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, statement_id: int) -> bool:
        return self.get(statement_id) is not None

    def __getitem__(self, statement_id: int) -> PreparedStatement:
        found = self.get(statement_id)
        if found is None:
            raise KeyError(statement_id)
        return found

    def get(self, statement_id: int) -> PreparedStatement | None:
        """The statement of a number, None where it is not known. LAST_PREPARED is the one prepared last."""
        if statement_id == LAST_PREPARED:
            return self.last
        return self._by_id.get(statement_id)

    def begin(self, query: str | None, cut: int = 0) -> PreparedStatement:
        """COM_STMT_PREPARE went out; `query` is None where it could not be read, `cut` bytes of it are not there."""
        statement = self.last = PreparedStatement(query=query, cut=cut)
        return statement

    def prepared(self, statement: PreparedStatement, statement_id: int, num_params: int, num_columns: int) -> None:
        """The server's answer to the prepare of `statement`."""
        statement.statement_id = statement_id
        statement.num_params = num_params
        statement.num_columns = num_columns
        self._replace(statement_id, statement)

    def add(self, query: str, statement_id: int, num_params: int, num_columns: int) -> PreparedStatement:
        """A prepare and its answer, both at once."""
        statement = self.last = PreparedStatement(statement_id, query, num_params, num_columns)
        self._replace(statement_id, statement)
        return statement

    def failed(self, statement: PreparedStatement) -> None:
        """The server refused to prepare `statement`."""
        if self.last is statement:
            self.last = None

    def found(self, statement_id: int) -> PreparedStatement:
        """The statement of a number; an entry that knows nothing where its prepare was not captured."""
        known = self.get(statement_id)
        if known is None:
            known = PreparedStatement(statement_id, cut=self._forgotten.get(statement_id, 0))
            if statement_id != LAST_PREPARED:
                self._keep(statement_id, known)
        return known

    def drop(self, statement_id: int) -> None:
        """COM_STMT_CLOSE."""
        gone = self.last if statement_id == LAST_PREPARED else self._by_id.get(statement_id)
        if gone is None:
            return
        if gone is self.last:
            self.last = None
        if gone.statement_id is not None and self._by_id.get(gone.statement_id) is gone:
            del self._by_id[gone.statement_id]
            self._bytes -= len(gone.query or "")

    def clear(self) -> None:
        """COM_RESET_CONNECTION, COM_CHANGE_USER: the server has forgotten all of them."""
        self._by_id.clear()
        self._forgotten.clear()
        self._bytes = 0
        self.last = None

    @property
    def held(self) -> int:
        """Bytes of memory that the statements and their long data take; their definitions are counted elsewhere."""
        long_data = sum(
            len(value.head) + ENTRY for statement in self._by_id.values() for value in statement.long_data.values()
        )
        return self._bytes + ENTRY * len(self._by_id) + long_data

    def forget_definitions(self) -> None:
        """Columns and parameters of all statements: they are not bounded here."""
        for statement in (*self._by_id.values(), *([self.last] if self.last is not None else [])):
            statement.columns = statement.parameters = ()

    def _replace(self, statement_id: int, statement: PreparedStatement) -> None:
        """A number is that of a statement from now on."""
        self.drop(statement_id)
        self._forgotten.pop(statement_id, None)
        self._keep(statement_id, statement)

    def _keep(self, statement_id: int, statement: PreparedStatement) -> None:
        self._by_id[statement_id] = statement
        self._bytes += len(statement.query or "")
        while len(self._by_id) > MOST_STATEMENTS or self._bytes > MOST_BYTES:
            oldest = next(iter(self._by_id))
            gone = self._by_id.pop(oldest)
            self._bytes -= len(gone.query or "")
            self.dropped += 1
            if gone.query is not None and len(self._forgotten) < MOST_FORGOTTEN:
                self._forgotten[oldest] = len(gone.query.encode("utf-8", ENCODING_ERRORS)) + gone.cut

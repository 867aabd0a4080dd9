"""Prepared statements: parameters of every type, cursors, long data, and MariaDB's ways of doing it in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from analyzer.protocol.prepared import LAST_PREPARED
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.statement import (
    CURSOR_TYPE_READ_ONLY,
    SEND_TYPES_TO_SERVER,
    SEND_UNIT_RESULTS,
    ComStmtBulkExecute,
    ComStmtClose,
    ComStmtExecute,
    ComStmtFetch,
    ComStmtReset,
    ComStmtSendLongData,
)
from analyzer.protocol.records.commands.text import ComStmtPrepare
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.column_types import MYSQL_TYPE_BLOB, MYSQL_TYPE_VAR_STRING
from analyzer.protocol.wire.values import Bindable
from live_client.command_phase import CommandPhase
from live_client.results import Result

Bound = Bindable | Parameter


def parameters_of(values: Iterable[Bound]) -> list[Parameter]:
    """Values as parameters, each of the type that its Python type suggests; a Parameter stays as it is."""
    return [value if isinstance(value, Parameter) else Parameter.of(value) for value in values]


class Prepared:
    """A statement that the server has prepared. Raises ServerError where it refuses."""

    def __init__(self, statements: CommandPhase, sql: str) -> None:
        self._statements = statements
        self.sql = sql
        statements.listener.step(f"prepare: {sql}")
        said = statements.command(com.COM_STMT_PREPARE, ComStmtPrepare(sql), statement=sql)
        head = statements.prepared_ok(said)
        self.statement_id = head.statement_id
        self.num_params = head.num_params
        self.num_columns = head.num_columns
        self._columns: list[str] = []
        self._epoch: int | None = statements.epoch
        self._long: dict[int, tuple[int, bytes]] = {}  # parameter -> type, and what was sent of it

    @property
    def _said(self) -> str | None:
        """Its text, while the server knows it."""
        return self.sql if self._epoch == self._statements.epoch else None

    def execute(
        self,
        *values: Bound,
        attributes: Mapping[str, Bindable] | None = None,
        cursor: bool = False,
        types: bool = True,
    ) -> list[Result]:
        """The results. With `cursor` the rows wait on the server for `fetch`; without `types` it remembers the last.

        A parameter that `send_long_data` was called for is left out: None stands in its place. Raises ValueError
        where there are more or fewer values than parameters.
        """
        if len(values) != self.num_params:
            raise ValueError(f"{len(values)} values for {self.num_params} parameters")
        statements = self._statements
        context = statements.channel.machine.context
        bound = parameters_of(values)
        for index, (kind, sent) in self._long.items():
            bound[index] = Parameter(kind, "", None, sent if kind == MYSQL_TYPE_BLOB else sent.decode(), len(sent))
        self._long = {}
        named = [Parameter.of(value, name) for name, value in (attributes or {}).items()]
        record = ComStmtExecute.bind(
            self.statement_id, [*bound, *named], context, flags=CURSOR_TYPE_READ_ONLY if cursor else 0, types=types
        )
        statements.listener.step(f"execute statement {self.statement_id}")
        said = statements.command(
            com.COM_STMT_EXECUTE,
            record,
            statement=self._said,
            parameters=[parameter.value for parameter in bound],
            attributes={parameter.name: parameter.value for parameter in named},
        )
        results = statements.results(said)
        self._columns = results[-1].columns if results else []
        return results

    def fetch(self, rows: int) -> Result:
        """The next rows of the cursor; `last` in the result says that there are no more."""
        statements = self._statements
        statements.listener.step(f"fetch {rows} rows of statement {self.statement_id}")
        said = statements.command(com.COM_STMT_FETCH, ComStmtFetch(self.statement_id, rows), statement=self._said)
        (result,) = statements.results(said, columns=self._columns)
        # The definitions were sent with the execute.
        said.columns = None
        return result

    def send_long_data(self, parameter: int, data: bytes, *, text: bool = False) -> None:
        """A piece of a parameter, ahead of the execute. The server does not answer."""
        kind = MYSQL_TYPE_VAR_STRING if text else MYSQL_TYPE_BLOB
        self._long[parameter] = kind, self._long.get(parameter, (kind, b""))[1] + data
        record = ComStmtSendLongData(self.statement_id, parameter, data)
        self._statements.command(com.COM_STMT_SEND_LONG_DATA, record)

    def reset(self) -> None:
        """Closes the cursor, forgets long data."""
        self._long = {}
        record = ComStmtReset(self.statement_id)
        self._statements.listener.step(f"reset statement {self.statement_id}")
        self._statements.verdict(self._statements.command(com.COM_STMT_RESET, record, statement=self._said))

    def execute_many(
        self, rows: Sequence[Sequence[Bindable]], *, unit_results: bool = False, types: bool = True
    ) -> list[Result]:
        """The statement once for each row, in one packet (MariaDB's COM_STMT_BULK_EXECUTE)."""
        statements = self._statements
        flags = (SEND_TYPES_TO_SERVER if types else 0) | (SEND_UNIT_RESULTS if unit_results else 0)
        record = ComStmtBulkExecute.bind(self.statement_id, rows, flags=flags)
        statements.listener.step(f"execute statement {self.statement_id} for {len(rows)} rows")
        said = statements.command(com.COM_STMT_BULK_EXECUTE, record, statement=self._said, parameters=rows)
        return statements.results(said)

    def close(self) -> None:
        """The server forgets the statement, without an answer."""
        record = ComStmtClose(self.statement_id)
        self._statements.command(com.COM_STMT_CLOSE, record)
        self._epoch = None


def run_prepared(statements: CommandPhase, sql: str) -> list[Result]:
    """Prepares a statement, executes it if it has no parameters, closes it."""
    prepared = Prepared(statements, sql)
    results = []
    if prepared.num_params:
        statements.listener.step(f"the statement has {prepared.num_params} parameters: it is not executed")
    else:
        results = prepared.execute()
    prepared.close()
    return results


def execute_at_once(statements: CommandPhase, sql: str, values: Sequence[Bound]) -> list[Result]:
    """Prepare and execute before the server has answered the first: MariaDB's name for the statement prepared last."""
    statements.listener.step(f"prepare and execute: {sql}")
    bound = parameters_of(values)
    record = ComStmtExecute.bind(LAST_PREPARED, bound, statements.channel.machine.context)
    prepare = statements.command(com.COM_STMT_PREPARE, ComStmtPrepare(sql), statement=sql)
    execute = statements.command(
        com.COM_STMT_EXECUTE, record, statement=sql, parameters=[parameter.value for parameter in bound]
    )
    head = statements.prepared_ok(prepare)
    results = statements.results(execute)
    statements.command(com.COM_STMT_CLOSE, ComStmtClose(head.statement_id))
    return results

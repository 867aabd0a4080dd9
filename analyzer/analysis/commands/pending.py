"""A command while its response goes on, and what is said of it when that is complete."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import (
    ENCRYPTED,
    ERROR,
    MISSING,
    NONE,
    OK,
    PREPARE_OK,
    RESULTSET,
    Command,
    CommandError,
    ResultSet,
)
from analyzer.analysis.model.connection import Endpoint
from analyzer.analysis.packets.masking import NAMING, hides_attribute, is_command
from analyzer.analysis.packets.statement_mask import MASK, OPEN_ATTRIBUTES, StatementMask
from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.execute_fast_path import record_of
from analyzer.protocol.machine.machine import AnyRecord
from analyzer.protocol.prepared import LAST_PREPARED, PreparedStatement
from analyzer.protocol.records.commands.admin import (
    ComCreateDb,
    ComDropDb,
    ComFieldList,
    ComProcessKill,
    ComRefresh,
    ComSetOption,
    ComShutdown,
)
from analyzer.protocol.records.commands.replication import (
    ComBinlogDump,
    ComBinlogDumpGtid,
    ComRegisterSlave,
    ComTableDump,
)
from analyzer.protocol.records.commands.statement import ComStmtBulkExecute, ComStmtExecute
from analyzer.protocol.records.commands.table import COMMAND_RECORDS, CutCommand
from analyzer.protocol.records.commands.text import ComChangeUser, ComInitDb, ComQuery
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.tables.capabilities import (
    STATUS_FLAGS,
    flag_names,
)
from analyzer.protocol.tables.commands import (
    COM_QUERY,
    COM_QUIT,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
    COM_STMT_SEND_LONG_DATA,
    COMMAND_NAMES,
)
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.protocol.wire.text import in_charset
from analyzer.protocol.wire.values import Plain

# Bytes of a binary parameter that are shown.
LONGEST_BYTES: Final = 256
# Commands with a statement, their own or a prepared one; the others that name one are about it.
_WITH_STATEMENT: Final = frozenset({COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE})
_OF_STATEMENT: Final = frozenset({COM_STMT_FETCH, COM_STMT_RESET, COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA})
# Commands whose one-line summary is what they are about.
_SUMMARISED: Final = (
    *(ComInitDb, ComCreateDb, ComDropDb, ComRefresh, ComShutdown, ComSetOption, ComTableDump, ComRegisterSlave),
)


class Request(msgspec.Struct, gc=False):
    """A command as it was sent, and what was in force then: of packets, the last one's frame and time."""

    frame: int
    time_ns: int
    code: int
    statement: str | None = None
    record: AnyRecord | None = None  # None: taken without one; `text` holds a query's statement, or an execute's packet
    length: int = 0  # bytes of its packets with their headers, those of a file that it sends too
    num_params: int | None = None
    database: str | None = None
    user: str | None = None
    text: bytes = b""
    plan: ExecutePlan | None = None  # how a plain execute is read
    prepared: PreparedStatement | None = None  # the statement that it makes or uses
    codecs: tuple[str | None, str | None] | None = None  # of both sides' text, where one is not UTF-8
    stray: bool = False  # its id is not 0: it may be no command at all


class PendingCommand(msgspec.Struct, gc=False):
    """A command while its response goes on. `columns`, `rows` and `ok` are those of its last result so far."""

    number: int
    request: Request
    response: str = MISSING
    response_frame: int | None = None
    first_ns: int = 0
    last_ns: int = 0
    last_frame: int = 0
    bytes_response: int = 0
    answered: bool = False  # a result has begun
    ok: OKPacket | EOFPacket | None = None
    error: ErrPacket | None = None
    columns: int | None = None
    rows: int | None = None
    ended: bool = False  # the end of its response was seen
    torn: bool = False  # bytes of it are missing
    missing_bytes: int = 0  # so many of them, as far as is known
    before: list[ResultSet] | None = None  # results that are complete, where there are several

    def without_answer(self) -> PendingCommand:
        """The same command: what was taken to be its answer is that of another."""
        return PendingCommand(self.number, self.request, torn=True)


def pending_of(turn: PlainTurn, codecs: tuple[str | None, str | None] | None) -> PendingCommand:
    """A plain command that was counted, with its whole response."""
    request, statement, code, columns = turn.request, turn.statement, turn.code, turn.columns
    asked = Request(turn.frame, turn.time_ns, code, length=len(request), plan=turn.plan, prepared=statement)
    asked.database, asked.user = turn.session
    if statement is not None:
        asked.statement, asked.num_params = statement.query, statement.num_params
    if code == COM_QUERY:
        asked.text = turn.text
    elif code == COM_STMT_EXECUTE:
        asked.text = request
    elif code != COM_QUIT:
        asked.record = COMMAND_RECORDS[code].from_bytes(request[HEADER:], Context())
    if code == COM_STMT_PREPARE:
        asked.num_params = 0
    pending = PendingCommand(turn.number, asked, NONE, last_frame=turn.last_frame, ended=True)
    if code in (COM_STMT_CLOSE, COM_QUIT):
        return pending
    asked.codecs = codecs
    pending.response_frame, pending.first_ns, pending.last_ns = turn.response_frame, turn.first_ns, turn.last_ns
    pending.bytes_response = turn.length
    if isinstance(turn.end, ErrPacket):
        pending.response, pending.error = ERROR, turn.end
        return pending
    pending.response = PREPARE_OK if turn.end is None else OK if columns is None else RESULTSET
    pending.answered, pending.ok = True, turn.end
    pending.columns, pending.rows = columns, turn.rows if pending.response == RESULTSET else None
    return pending


def result_of(pending: PendingCommand) -> ResultSet:
    """What the result in hand has come to."""
    affected = pending.ok.affected_rows if pending.columns is None and isinstance(pending.ok, OKPacket) else None
    return ResultSet(pending.columns, pending.rows, affected)


def text_of(raw: bytes) -> str:
    """A statement's bytes as text."""
    return raw.decode("utf-8", ENCODING_ERRORS)


class _Bound(NamedTuple):
    """What an execute binds: shown values, query attributes by name, and which values are hidden, as text."""

    values: list[Any] | None = None
    attributes: dict[str, Any] | None = None
    secret: tuple[str, ...] = ()


_UNBOUND: Final = _Bound()


def _bound(request: Request, statement: str | None, mask: StatementMask | None) -> _Bound:
    """Bound values, and query attributes by name, without secrets."""
    bound, named = _parameters(request)
    if mask is None or request.code == COM_QUERY:
        if mask is not None and named is not None and isinstance(request.record, ComQuery):
            shown = zip(request.record.attributes, named.items(), strict=False)
            named = {name: MASK if hides_attribute(one) else value for one, (name, value) in shown}
        return _Bound(bound, named)
    if named is not None:
        named = {
            name: MASK if isinstance(value, str) and name.lower() not in OPEN_ATTRIBUTES else value
            for name, value in named.items()
        }
    if not bound:
        return _Bound(bound, named)
    rows: list[list[Any]] = bound if isinstance(request.record, ComStmtBulkExecute) else [bound]
    if statement is not None and mask.is_whole(statement, len(rows[0])):
        return _Bound(bound, named)
    secret: list[str] = []
    for row in rows:
        for number, value in enumerate(row):
            if value is not None and mask.hides_parameter(statement, number, value):
                secret.append(str(value))
                row[number] = MASK
    return _Bound(bound, named, tuple(secret))


def plain_values(plan: ExecutePlan, packet: bytes) -> list[Any] | None:
    """The values of a plain execute as they are shown; None where they are not whole."""
    values = plan.values(packet)
    if values is None:
        return None
    return [_shown(value) for value in values] if plan.integers is None else values


def _parameters(request: Request) -> tuple[list[Any] | None, dict[str, Any] | None]:
    """Bound values, and query attributes by name. Of a bulk execute: a list of values for each row."""
    record = request.record
    if record is None:
        plan = request.plan
        if plan is None:
            return None, None
        bound = plain_values(plan, request.text)
        if bound is not None:
            return bound, None
        record = record_of(plan, request.text)
    if isinstance(record, ComStmtBulkExecute):
        return [[_shown(value.value) for value in row] for row in record.rows], None
    if isinstance(record, ComQuery):
        attributes = record.attributes
        return None, {each.name: _shown(each.value) for each in attributes} if attributes else None
    if not isinstance(record, ComStmtExecute):
        return None, None
    count = request.num_params
    if count is None:
        count = sum(not each.name for each in record.parameters)
    if record.undecoded and not record.parameters:
        return None, None  # its prepare, or the execute that sent the types, is not in the capture
    bound = [_shown(each.value) for each in record.parameters[:count]]
    named = {each.name: _shown(each.value) for each in record.parameters[count:]}
    return bound, named or None


def _shown(value: Plain) -> int | float | str | None:
    """A value as JSON has it. Bytes that are no text are hexadecimal, as SQL writes them."""
    if isinstance(value, bytes):
        text = "0x" + value[:LONGEST_BYTES].hex()
        return text if len(value) <= LONGEST_BYTES else f"{text}… ({len(value)} bytes)"
    return value


def _statement_id(request: Request) -> int | None:
    """The number of the prepared statement that a command makes or names, None for other commands."""
    prepared, record = request.prepared, request.record
    if prepared is not None and prepared.statement_id is not None:
        found = prepared.statement_id
    elif isinstance(record, CutCommand):
        found = dict(record.partial).get("statement_id", LAST_PREPARED)
    else:
        found = getattr(record, "statement_id", LAST_PREPARED)
    return found if found != LAST_PREPARED else None


def _cut(request: Request) -> int:
    """Bytes of the statement that are not there."""
    cut: int = getattr(request.record, "cut", 0)
    prepared = request.prepared
    return cut or prepared.cut if prepared is not None and request.code in _WITH_STATEMENT else cut


def _argument(record: AnyRecord | None) -> str | None:
    """What a command without a statement is about."""
    if isinstance(record, ComChangeUser):
        return record.user
    if isinstance(record, ComFieldList):
        return record.table
    if isinstance(record, ComProcessKill):
        return str(record.connection_id)
    if isinstance(record, ComBinlogDump | ComBinlogDumpGtid) and record.binlog_filename:
        return f"{record.binlog_filename}:{record.binlog_pos}"
    if isinstance(record, ComBinlogDumpGtid):
        return record.gtid_set
    return record.summary() if isinstance(record, _SUMMARISED) else None


@lru_cache(4096)
def _status_names(flags: int) -> list[str]:
    """Two bytes: few of them occur. Nobody changes the list."""
    return flag_names(flags, STATUS_FLAGS)


def _error(
    error: ErrPacket, request: Request, statement: str | None, bound: _Bound, mask: StatementMask | None
) -> CommandError:
    """The error that answers a command, without what it quotes of the command's secrets."""
    message = error.error_message
    if request.codecs is not None:
        message = in_charset(message, request.codecs[1])
    if mask is not None:
        cut = bool(getattr(request.record, "cut", 0))
        if statement is None and isinstance(request.record, NAMING):
            statement = request.record.summary()
        message = mask.message(message, error.error_code, statement, bound.secret, cut)
    return CommandError(error.error_code, error.sql_state, message)


def plain_error(error: ErrPacket, mask: StatementMask | None) -> CommandError:
    """The error that answers a statement without secrets: it may quote another, of a procedure."""
    message = error.error_message
    if mask is not None:
        message = mask.message(message, error.error_code, "")
    return CommandError(error.error_code, error.sql_state, message)


def shown_name(name: str | None, mask: StatementMask | None) -> str | None:
    """The name of a schema or a user, in whose place a statement may stand."""
    return name if mask is None or name is None else mask.statement(name)


def shown_statement(request: Request, statement: str, mask: StatementMask) -> str:
    """The statement without its secrets."""
    record = request.record
    if record is None and request.code == COM_QUERY and mask.is_plain(request.text):
        return statement
    if request.stray and record is not None and not is_command(record):
        return MASK
    return mask.statement(statement)


def _results(pending: PendingCommand) -> tuple[int | None, int | None, list[ResultSet] | None]:
    """Columns and rows, and the results where there are several."""
    if pending.before is None:
        return pending.columns, pending.rows, None
    results = [*pending.before, result_of(pending)]
    counts = [each.rows for each in results if each.rows is not None]
    columns = next((each.columns for each in results if each.columns is not None), None)
    return columns, sum(counts) if counts else None, results


# Affected rows, last insert id, warnings, status flags, info.
_Acknowledged = tuple[int | None, int | None, int | None, list[str] | None, str | None]


def said_by(ok: OKPacket | EOFPacket | ErrPacket | None, of_rows: bool) -> _Acknowledged:
    """What the OK or EOF says that answers a command; `of_rows`: it ends a result set."""
    if ok is None or isinstance(ok, ErrPacket):
        return None, None, None, None, None
    status = None if ok.status_flags is None else _status_names(ok.status_flags)
    if not isinstance(ok, OKPacket):
        return None, None, ok.warnings, status, None
    info = None if ok.proves_certificate else ok.info or None
    if of_rows:
        return None, None, ok.warnings, status, info
    return ok.affected_rows, ok.last_insert_id, ok.warnings, status, info


def asked_statement(request: Request) -> str | None:
    """The statement, as the server reads it: a second byte of a character may be a quote or a backslash."""
    asked = text_of(request.text) if request.record is None and request.code == COM_QUERY else request.statement
    return asked if asked is None or request.codecs is None else in_charset(asked, request.codecs[0])


def command_of(
    capture: str,
    stream: int,
    client: Endpoint,
    server: Endpoint,
    pending: PendingCommand,
    mask: StatementMask | None = None,
) -> Command:
    """What the reports show of a command that is over. Without `mask` its secrets are shown."""
    request = pending.request
    record, code, time_ns = request.record, request.code, request.time_ns
    answered = pending.response_frame is not None
    columns, rows, results = _results(pending)
    affected, insert_id, warnings, status, info = said_by(pending.ok, pending.response == RESULTSET)
    acknowledged = results is None and pending.response == OK and isinstance(pending.ok, OKPacket)
    if acknowledged and st.AWAITED.get(code) == st.RESULT:
        columns = rows = 0  # a result without a result set
    asked = asked_statement(request)
    bound = _bound(request, asked, mask) if record is not None or request.plan is not None else _UNBOUND
    statement = asked if mask is None or asked is None else shown_statement(request, asked, mask)
    if mask is not None and info is not None and statement is not asked:
        info = mask.message(info, 0, asked)
    argument = statement if record is not None and code in _OF_STATEMENT else _argument(record)
    if mask is not None and argument is not None and code not in _OF_STATEMENT:
        argument = mask.statement(argument)
    return Command(
        capture,
        stream,
        pending.number,
        request.frame,
        pending.response_frame,
        time_ns,
        pending.first_ns - time_ns if answered and pending.first_ns >= time_ns else None,  # a clock may go back
        pending.last_ns - time_ns if answered and pending.last_ns >= time_ns else None,
        COMMAND_NAMES[code],
        statement if code in _WITH_STATEMENT else None,
        bound.values,
        bound.attributes,
        shown_name(request.database, mask),
        pending.response,
        affected,
        insert_id,
        warnings,
        status,
        info,
        columns,
        rows,
        results,
        None if pending.error is None else _error(pending.error, request, asked, bound, mask),
        request.length,
        pending.bytes_response,
        None if pending.response == ENCRYPTED else pending.ended and not pending.torn,
        pending.missing_bytes,
        None if record is None and request.prepared is None else _cut(request) or None,
        None if record is None and request.prepared is None else _statement_id(request),
        argument,
        client,
        server,
        shown_name(request.user, mask),
    )

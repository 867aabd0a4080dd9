"""The server's side: one decoder for each state, from a payload to a record and the event that moves on.

Each raises DecodeError. `length` is the packet's, of which `payload` may be the beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from analyzer.errors import BadValue
from analyzer.protocol.machine import resultset
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import EOF_LONGEST, ConnectionState
from analyzer.protocol.machine.state import Event
from analyzer.protocol.machine.terminators import EOF_LENGTH, end_of
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.clone import CLONE_COMPLETE, CLONE_ERROR, CloneError, CloneResponse
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, begins_greeting, flavor_of
from analyzer.protocol.records.response import (
    METADATA_FLAG,
    ColumnCount,
    Data,
    LocalInfileRequest,
    StmtPrepareOK,
)
from analyzer.protocol.tables.capabilities import (
    CLIENT_COMPRESS,
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_PROTOCOL_41,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    MARIADB_CLIENT_CACHE_METADATA,
    MULTI_FACTOR_AUTHENTICATION,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_PS_OUT_PARAMS,
    SERVER_SESSION_STATE_CHANGED,
    SERVER_STATUS_CURSOR_EXISTS,
)
from analyzer.protocol.tables.commands import COM_STMT_FETCH
from analyzer.protocol.wire.compression import ZLIB, ZSTD
from analyzer.protocol.wire.reader import Reader

# Bytes of COM_STMT_PREPARE's OK where it says whether definitions follow.
PREPARE_OK_FLAGGED: Final = 13


def _greeting(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    ctx = c.context
    first = payload[0] if payload else -1
    if first == 0xFF:
        return ErrPacket.from_bytes(payload, ctx), "err"
    if first == 9:
        old = HandshakeV9.from_bytes(payload, ctx)
        ctx.server = 0
        ctx.nonce = old.scramble
        ctx.flavor = flavor_of(old)
        return old, "greeting"
    greeting = HandshakeV10.from_bytes(payload, ctx)
    ctx.server = greeting.capability_flags
    ctx.nonce = greeting.auth_plugin_data
    ctx.flavor = flavor_of(greeting)
    return greeting, "greeting"


def _late_greeting(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    """The greeting behind the login: what the login was read without is known now."""
    ctx, auth = c.context, c.auth
    record, event = _greeting(c, payload, length)
    old = not ctx.in_force & CLIENT_PROTOCOL_41
    ctx.assumed = False
    ctx.negotiate()
    if old:
        ctx.in_force &= ~CLIENT_PROTOCOL_41
    if auth.plugin_name is not None and auth.response is not None:
        # The client could not know the nonce: what it sent is checked against it all the same.
        c.begin_auth(auth.plugin_name, ctx.nonce)
        auth.first_response(auth.response)
        auth.response = auth.detail = None
    c.at.took(None)
    return record, event


def _error_only(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    """A server packet where the client is due: an error nobody asked for is the only one there is."""
    if payload[:1] == b"\xff":
        return ErrPacket.from_bytes(payload, c.context), "err"
    if c.at.quitting and c.at.name == st.COMMAND:
        # The manual lets a server say OK to COM_QUIT; only proxies do.
        return _response(c, payload, length)[0], ""
    raise BadValue("ServerPacket", "header", 0, f"no packet is due in state {c.at.name}")


def _authentication(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    ctx = c.context
    first = payload[0] if payload else -1
    if first in (9, 10) and not c.at.greeted and not c.auth.login_done and begins_greeting(payload):
        return _late_greeting(c, payload, length)
    if first == 0x00:
        ok = end_of(payload, ctx, c.ends)
        if not c.auth.login_done:
            c.auth.login_done = True
            # Without the client's flags nobody knows whether it asked for compression.
            c.compression = compression_of(ctx.in_force) if ctx.client is not None else None
        return ok, "ok"
    if first == 0xFF:
        return ErrPacket.from_bytes(payload, ctx), "change_user_err" if c.auth.login_done else "err"
    if first == 0xFE:
        if len(payload) == 1:
            old = OldAuthSwitchRequest.from_bytes(payload, ctx)
            c.begin_auth("mysql_old_password", ctx.nonce)
            return old, ""
        switch = AuthSwitchRequest.from_bytes(payload, ctx)
        c.begin_auth(switch.plugin_name, switch.plugin_provided_data)
        return switch, ""
    if first == 0x02 and ctx.in_force & MULTI_FACTOR_AUTHENTICATION:
        factor = AuthNextFactor.from_bytes(payload, ctx)
        c.begin_auth(factor.plugin_name, factor.plugin_provided_data)
        return factor, ""
    more = AuthMoreData.from_bytes(payload, ctx)
    if c.auth.exchange is not None:
        c.auth.detail = c.auth.exchange.server(Reader(more.authentication_method_data, "AuthMoreData"))
    return more, ""


def _end(c: ConnectionState, payload: bytes) -> tuple[Record, Event]:
    """An OK, or where something ends an EOF."""
    end = end_of(payload, c.context, c.ends)
    if (end.status_flags or 0) & SERVER_SESSION_STATE_CHANGED and isinstance(end, OKPacket):
        c.note_session(end.session_state_info or ())
    return end, "ok_more" if (end.status_flags or 0) & SERVER_MORE_RESULTS_EXISTS else "ok"


def _err(c: ConnectionState, payload: bytes) -> tuple[Record, Event]:
    if payload[1:3] == b"\xff\xff":
        return ProgressReport.from_bytes(payload, c.context), ""
    return ErrPacket.from_bytes(payload, c.context), "err"


def _response(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    first = payload[0] if payload else -1
    if first == 0xFF:
        return _err(c, payload)
    return _end(c, payload)


def _result(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    first = payload[0] if payload else -1
    if first == 0x00:
        return _end(c, payload)
    if first == 0xFF:
        return _err(c, payload)
    if first == 0xFB:
        return LocalInfileRequest.from_bytes(payload, c.context), "local_infile"
    if first == 0xFE and len(payload) <= 5:
        return _end(c, payload)
    if c.context.assumed:
        _metadata_shows(c, payload)
    head = ColumnCount.from_bytes(payload, c.context)
    c.result.left = c.result.columns = head.column_count
    c.result.out_parameters = c.result.rows_begun = False
    resultset.begin_result(c, head)
    if head.metadata_follows == 0:
        return head, "rows" if _no_eof(c) else "no_metadata"
    return head, "columns"


def _metadata_shows(c: ConnectionState, payload: bytes) -> None:
    """Whether a byte behind the count says if definitions follow shows itself where the login was not captured."""
    context = c.context
    if context.client is not None and context.server is not None:
        return
    sizes = {0xFC: 3, 0xFD: 4}
    follows = len(payload) == sizes.get(payload[0], 1) + 1 and payload[-1] <= 1
    if not follows:
        context.found(METADATA_FLAG, False)
    elif not context.in_force & METADATA_FLAG:
        # MySQL's form shows itself in the answer to a prepare too.
        mysql = context.flavor == "mysql"
        context.found(CLIENT_OPTIONAL_RESULTSET_METADATA if mysql else MARIADB_CLIENT_CACHE_METADATA, True)


def _no_eof(c: ConnectionState) -> bool:
    context = c.context
    known = not context.assumed or context.worked_out & CLIENT_DEPRECATE_EOF
    return bool(context.in_force & CLIENT_DEPRECATE_EOF and known)


def _columns(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    if payload[:1] == b"\xff":
        return _err(c, payload)
    c.result.left -= 1
    event: Event = ""
    if c.result.left <= 0:
        event = "rows" if _no_eof(c) else "columns_end"
    record = resultset.definition(c, payload, length, "column")
    if event:
        resultset.definitions_done(c, c.result.columns)
    return record, event


def _columns_eof(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    first = payload[0] if payload else -1
    if first == 0xFF:
        return _err(c, payload)
    if first == 0xFE and length <= 5:
        eof = _between(c, payload)
        status = eof.status_flags or 0
        if status & SERVER_STATUS_CURSOR_EXISTS:
            return eof, "cursor"
        c.result.out_parameters = bool(status & SERVER_PS_OUT_PARAMS)
        return eof, "eof"
    if not c.context.assumed:
        # A proxy answers from its cache, with what a server told a client that had agreed on something else.
        record, event = _row(c, payload, length)
        return record, event or "row_for_eof"
    # The login was not captured: without an EOF here, CLIENT_DEPRECATE_EOF is in force.
    c.context.found(CLIENT_DEPRECATE_EOF, True)
    record, event = _row(c, payload, length)
    return record, event or "rows"


def _row(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    first = payload[0] if payload else -1
    if first == 0xFF:
        return _err(c, payload)
    result = c.result
    begun, result.rows_begun = result.rows_begun, True
    if first == 0xFE:
        if not begun and length == EOF_LENGTH and _no_eof(c) and result.columns and not _fetching(c):
            # As long as an OK that ends rows is at least: an EOF is here in spite of what was agreed on.
            eof = EOFPacket.from_bytes(payload, c.context)
            status = eof.status_flags or 0
            if status & SERVER_STATUS_CURSOR_EXISTS:
                return eof, "ok"
            result.out_parameters = bool(status & SERVER_PS_OUT_PARAMS)
            return eof, "eof_for_row"
        # A text row whose first value takes eight bytes to count; a binary row never begins so.
        as_ok = c.context.in_force & CLIENT_DEPRECATE_EOF or result.departure is not None
        limit = 0xFF_FFFF if as_ok else EOF_LONGEST
        if length < limit or c.binary_rows:
            record, event = _end(c, payload)
            # MySQL's EOF behind OUT parameters does not say that an OK follows, though it always does.
            return record, "ok_more" if c.result.out_parameters else event
    return resultset.row_record(c, payload, length), ""


def _fetching(c: ConnectionState) -> bool:
    """Whether the rows are a cursor's: no head and no definitions stand in front of them."""
    return c.at.command is not None and c.at.command.code == COM_STMT_FETCH


def _local_infile(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    # A server may give up before the file has ended; the client may be in the middle of it, or have yet to begin.
    record, event = _response(c, payload, length)
    at = c.at
    if event and at.file_sequence is None and at.sequence is not None:
        at.file_goes_on((at.sequence - 1) & 0xFF)
    return record, event


def _prepare(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    statement = c.statement
    if payload[:1] == b"\xff":
        if statement is not None and c.prepared.statements is not None:
            c.prepared.statements.failed(statement)
        return _err(c, payload)
    if c.context.assumed and len(payload) == PREPARE_OK_FLAGGED:
        c.context.found(CLIENT_OPTIONAL_RESULTSET_METADATA, True)
    ok = StmtPrepareOK.from_bytes(payload, c.context)
    if statement is not None and c.prepared.statements is not None:
        c.prepared.statements.prepared(statement, ok.statement_id, ok.num_params, ok.num_columns)
    c.prepared.more_columns = c.result.columns = ok.num_columns
    c.prepared.parameters = ok.num_params
    c.result.begin_definitions()
    if ok.metadata_follows == 0:
        c.result.left = ok.num_params
        return ok, "ok" if _no_eof(c) else _next_eof(ok.num_params, ok.num_columns)
    if ok.num_params:
        c.result.left = ok.num_params
        return ok, "params"
    c.result.left = ok.num_columns
    return ok, "columns" if ok.num_columns else "ok"


def _next_eof(params: int, columns: int) -> Event:
    """Where definitions are left out (metadata_follows is 0), the EOF packets behind them are not."""
    return "params_end" if params else "columns_end" if columns else "ok"


def _after_params(c: ConnectionState) -> Event:
    if not c.prepared.more_columns:
        return "ok"
    c.result.left = c.prepared.more_columns
    return "columns"


def _prepare_params(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    if payload[:1] == b"\xff":
        return _err(c, payload)
    c.result.left -= 1
    record = resultset.definition(c, payload, length, "parameter")
    if c.result.left > 0:
        return record, ""
    resultset.definitions_done(c, c.prepared.parameters, parameters=True)
    return record, _after_params(c) if _no_eof(c) else "params_end"


def _prepare_params_eof(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    if payload[:1] == b"\xff":
        return _err(c, payload)
    if payload[:1] == b"\xfe":
        eof = _between(c, payload)
        return eof, _next_eof(0, c.prepared.more_columns) if c.result.left else _after_params(c)
    if not c.context.assumed or not c.prepared.more_columns:
        raise BadValue("EOFPacket", "header", 0, "0xfe expected")
    c.context.found(CLIENT_DEPRECATE_EOF, True)
    c.move("columns")
    c.result.left = c.prepared.more_columns
    return _prepare_columns(c, payload, length)


def _prepare_columns(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    if payload[:1] == b"\xff":
        return _err(c, payload)
    c.result.left -= 1
    event: Event = ""
    if c.result.left <= 0:
        event = "ok" if _no_eof(c) else "columns_end"
    record = resultset.definition(c, payload, length, "column")
    if event:
        resultset.definitions_done(c, c.result.columns)
    return record, event


def _prepare_columns_eof(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    if payload[:1] == b"\xff":
        return _err(c, payload)
    return _between(c, payload), "ok"


def _between(c: ConnectionState, payload: bytes) -> EOFPacket:
    """The EOF that CLIENT_DEPRECATE_EOF leaves out."""
    eof = EOFPacket.from_bytes(payload, c.context)
    if c.context.assumed:
        c.context.found(CLIENT_DEPRECATE_EOF, False)
    return eof


def _field_list(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    first = payload[0] if payload else -1
    if first == 0xFF:
        return _err(c, payload)
    # No definition begins with 0xFE; an OK in its place is of any length, with what the session tracks.
    if first == 0xFE:
        end, _ = _end(c, payload)
        return end, "ok"  # whatever its flags say, nothing follows
    return resultset.definition(c, payload, length, "column"), ""


def _statistics(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    if payload[:1] == b"\xff":
        return _err(c, payload)
    return resultset.statistics_record(c, payload, length), "ok"


def _stream(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    first = payload[0] if payload else -1
    if first == 0xFF:
        return _err(c, payload)
    if first == 0xFE:
        return _end(c, payload)[0], "ok"  # whatever its flags say, no results follow a stream
    return resultset.binlog_event(c, payload, length), ""


def _clone(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    """A donor's packet; the OK that COM_CLONE itself gets is the first."""
    first = payload[0] if payload else -1
    if first == 0xFF:
        return _err(c, payload)
    if first == 0x00:
        return OKPacket.from_bytes(payload, c.context), ""
    end: Event = "ok" if c.at.clone_leaves and first in (CLONE_COMPLETE, CLONE_ERROR) else ""
    if first == CLONE_ERROR:
        return CloneError.from_bytes(payload, c.context), end
    if length > len(payload):
        return CloneResponse(first, payload[1:], length - 1), end
    return CloneResponse.from_bytes(payload, c.context), end


def _skipped(c: ConnectionState, payload: bytes, length: int) -> tuple[Record, Event]:
    return Data("skipped", payload), ""


def compression_of(in_force: int) -> str | None:
    """The algorithm both sides set; zlib where both are set, as both servers and libmysqlclient choose."""
    if in_force & CLIENT_COMPRESS:
        return ZLIB
    return ZSTD if in_force & CLIENT_ZSTD_COMPRESSION_ALGORITHM else None


# Events of results whose EOF packets are not what was agreed on.
DEPARTURES: Final = frozenset({"eof_for_row", "row_for_eof"})

Decoder = Callable[[ConnectionState, bytes, int], tuple[Record, Event]]

DECODERS: Final[dict[st.StateName, Decoder]] = {
    st.GREETING: _greeting,
    st.LOGIN: _error_only,
    st.TLS_HANDSHAKE: _error_only,
    st.SECURE_LOGIN: _error_only,
    st.AUTHENTICATION: _authentication,
    st.COMMAND: _error_only,
    st.RESPONSE: _response,
    st.RESULT: _result,
    st.COLUMNS: _columns,
    st.COLUMNS_EOF: _columns_eof,
    st.ROWS: _row,
    st.LOCAL_INFILE: _local_infile,
    st.PREPARE: _prepare,
    st.PREPARE_PARAMS: _prepare_params,
    st.PREPARE_PARAMS_EOF: _prepare_params_eof,
    st.PREPARE_COLUMNS: _prepare_columns,
    st.PREPARE_COLUMNS_EOF: _prepare_columns_eof,
    st.FIELD_LIST: _field_list,
    st.STATISTICS: _statistics,
    st.STREAM: _stream,
    st.CLONE: _clone,
    st.HANDOVER: _response,
    st.OTHER_PROTOCOL: _skipped,
    st.CLOSED: _error_only,
    st.DESYNCHRONISED: _skipped,
}

"""What the server says: one decoder for each state, from a payload to a record and the event that moves on."""

from __future__ import annotations

from typing import Final

from analyzer.errors import BadValue
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import EOF_LONGEST
from analyzer.protocol.machine.resultset import Results
from analyzer.protocol.machine.terminators import end_of
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, flavor_of
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
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    MARIADB_CLIENT_CACHE_METADATA,
    MULTI_FACTOR_AUTHENTICATION,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_PS_OUT_PARAMS,
    SERVER_STATUS_CURSOR_EXISTS,
)
from analyzer.protocol.wire.compression import ZLIB, ZSTD
from analyzer.protocol.wire.reader import Reader

# Bytes of COM_STMT_PREPARE's OK where it says whether definitions follow.
PREPARE_OK_FLAGGED: Final = 13


class Answers(Results):
    """The server's side of the machine. Each decoder returns (record, event); "" moves nowhere. Raises DecodeError."""

    def _greeting(self, payload: bytes, length: int) -> tuple[Record, str]:
        ctx = self.context
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

    def _error_only(self, payload: bytes, length: int) -> tuple[Record, str]:
        """A server packet where the client is due: an error nobody asked for is the only one there is."""
        if payload[:1] == b"\xff":
            return ErrPacket.from_bytes(payload, self.context), "err"
        if self.quitting and self.state == st.COMMAND:
            # The manual lets a server say OK to COM_QUIT; only proxies do.
            return self._response(payload, length)[0], ""
        raise BadValue("ServerPacket", "header", 0, f"no packet is due in state {self.state}")

    def _authentication(self, payload: bytes, length: int) -> tuple[Record, str]:
        ctx = self.context
        first = payload[0] if payload else -1
        if first == 0x00:
            ok = end_of(payload, ctx, self.ends)
            if not self.login_done:
                self.login_done = True
                # Without the client's flags nobody knows whether it asked for compression.
                self.compression = compression_of(ctx.in_force) if ctx.client is not None else None
            return ok, "ok"
        if first == 0xFF:
            return ErrPacket.from_bytes(payload, ctx), "change_user_err" if self.login_done else "err"
        if first == 0xFE:
            if len(payload) == 1:
                old = OldAuthSwitchRequest.from_bytes(payload, ctx)
                self._begin_auth("mysql_old_password", ctx.nonce)
                return old, ""
            switch = AuthSwitchRequest.from_bytes(payload, ctx)
            self._begin_auth(switch.plugin_name, switch.plugin_provided_data)
            return switch, ""
        if first == 0x02 and ctx.in_force & MULTI_FACTOR_AUTHENTICATION:
            factor = AuthNextFactor.from_bytes(payload, ctx)
            self._begin_auth(factor.plugin_name, factor.plugin_provided_data)
            return factor, ""
        more = AuthMoreData.from_bytes(payload, ctx)
        if self.exchange is not None:
            self.detail = self.exchange.server(Reader(more.authentication_method_data, "AuthMoreData"))
        return more, ""

    def _end(self, payload: bytes) -> tuple[Record, str]:
        """An OK, or where something ends an EOF."""
        end = end_of(payload, self.context, self.ends)
        return end, "ok_more" if (end.status_flags or 0) & SERVER_MORE_RESULTS_EXISTS else "ok"

    def _err(self, payload: bytes) -> tuple[Record, str]:
        if payload[1:3] == b"\xff\xff":
            return ProgressReport.from_bytes(payload, self.context), ""
        return ErrPacket.from_bytes(payload, self.context), "err"

    def _response(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        return self._end(payload)

    def _result(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0x00:
            return self._end(payload)
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFB:
            return LocalInfileRequest.from_bytes(payload, self.context), "local_infile"
        if first == 0xFE and len(payload) <= 5:
            return self._end(payload)
        if self.context.assumed:
            self._metadata_shows(payload)
        head = ColumnCount.from_bytes(payload, self.context)
        self.left = self.columns = head.column_count
        self.out_parameters = False
        self._begin_result(head)
        if head.metadata_follows == 0:
            return head, "rows" if self._no_eof() else "no_metadata"
        return head, "columns"

    def _metadata_shows(self, payload: bytes) -> None:
        """Whether a byte behind the count says if definitions follow shows itself where the login was not captured."""
        context = self.context
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

    def _no_eof(self) -> bool:
        context = self.context
        known = not context.assumed or context.worked_out & CLIENT_DEPRECATE_EOF
        return bool(context.in_force & CLIENT_DEPRECATE_EOF and known)

    def _columns(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        self.left -= 1
        event = ""
        if self.left <= 0:
            event = "rows" if self._no_eof() else "columns_end"
        record = self._definition(payload, length, "column")
        if event:
            self._definitions_done(self.columns)
        return record, event

    def _columns_eof(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE and length <= 5:
            eof = self._between(payload)
            status = eof.status_flags or 0
            if status & SERVER_STATUS_CURSOR_EXISTS:
                return eof, "cursor"
            self.out_parameters = bool(status & SERVER_PS_OUT_PARAMS)
            return eof, "eof"
        if not self.context.assumed:
            raise BadValue("EOFPacket", "header", 0, f"0xfe expected, 0x{first & 0xFF:02x} found")
        # The login was not captured: without an EOF here, CLIENT_DEPRECATE_EOF is in force.
        self.context.found(CLIENT_DEPRECATE_EOF, True)
        record, event = self._row(payload, length)
        return record, event or "rows"

    def _row(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE:
            # A text row whose first value takes eight bytes to count; a binary row never begins so.
            limit = 0xFF_FFFF if self.context.in_force & CLIENT_DEPRECATE_EOF else EOF_LONGEST
            if length < limit or self.binary_rows:
                record, event = self._end(payload)
                # MySQL's EOF behind OUT parameters does not say that an OK follows, though it always does.
                return record, "ok_more" if self.out_parameters else event
        return self._row_record(payload, length), ""

    def _local_infile(self, payload: bytes, length: int) -> tuple[Record, str]:
        # A server may give up before the file has ended; the client may be in the middle of it, or have yet to begin.
        record, event = self._response(payload, length)
        if event and self.file_sequence is None and self.sequence is not None:
            self.file_sequence = (self.sequence - 1) & 0xFF
        return record, event

    def _prepare(self, payload: bytes, length: int) -> tuple[Record, str]:
        statement = self.command.statement if self.command is not None else None
        if payload[:1] == b"\xff":
            if statement is not None and self.statements is not None:
                self.statements.failed(statement)
            return self._err(payload)
        if self.context.assumed and len(payload) == PREPARE_OK_FLAGGED:
            self.context.found(CLIENT_OPTIONAL_RESULTSET_METADATA, True)
        ok = StmtPrepareOK.from_bytes(payload, self.context)
        if statement is not None and self.statements is not None:
            self.statements.prepared(statement, ok.statement_id, ok.num_params, ok.num_columns)
        self.more_columns = self.columns = ok.num_columns
        self.parameters = ok.num_params
        self._begin_definitions()
        if ok.metadata_follows == 0:
            self.left = ok.num_params
            return ok, "ok" if self._no_eof() else self._next_eof(ok.num_params, ok.num_columns)
        if ok.num_params:
            self.left = ok.num_params
            return ok, "params"
        self.left = ok.num_columns
        return ok, "columns" if ok.num_columns else "ok"

    @staticmethod
    def _next_eof(params: int, columns: int) -> str:
        """Where definitions are left out (metadata_follows is 0), the EOF packets behind them are not."""
        return "params_end" if params else "columns_end" if columns else "ok"

    def _after_params(self) -> str:
        if not self.more_columns:
            return "ok"
        self.left = self.more_columns
        return "columns"

    def _prepare_params(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        self.left -= 1
        record = self._definition(payload, length, "parameter")
        if self.left > 0:
            return record, ""
        self._definitions_done(self.parameters, parameters=True)
        return record, self._after_params() if self._no_eof() else "params_end"

    def _prepare_params_eof(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        if payload[:1] == b"\xfe":
            eof = self._between(payload)
            return eof, self._next_eof(0, self.more_columns) if self.left else self._after_params()
        if not self.context.assumed or not self.more_columns:
            raise BadValue("EOFPacket", "header", 0, "0xfe expected")
        self.context.found(CLIENT_DEPRECATE_EOF, True)
        self.state = st.PREPARE_COLUMNS
        self.left = self.more_columns
        return self._prepare_columns(payload, length)

    def _prepare_columns(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        self.left -= 1
        event = ""
        if self.left <= 0:
            event = "ok" if self._no_eof() else "columns_end"
        record = self._definition(payload, length, "column")
        if event:
            self._definitions_done(self.columns)
        return record, event

    def _prepare_columns_eof(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        return self._between(payload), "ok"

    def _between(self, payload: bytes) -> EOFPacket:
        """The EOF that CLIENT_DEPRECATE_EOF leaves out."""
        eof = EOFPacket.from_bytes(payload, self.context)
        if self.context.assumed:
            self.context.found(CLIENT_DEPRECATE_EOF, False)
        return eof

    def _field_list(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        # No definition begins with 0xFE; an OK in its place is of any length, with what the session tracks.
        if first == 0xFE:
            return self._end(payload)
        return self._definition(payload, length, "column"), ""

    def _statistics(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        return self._statistics_record(payload, length), "ok"

    def _stream(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE:
            return self._end(payload)
        return self._event(payload, length), ""

    def _skipped(self, payload: bytes, length: int) -> tuple[Record, str]:
        return Data("skipped", payload), ""


def compression_of(in_force: int) -> str | None:
    """The algorithm both sides set; zlib where both are set, as both servers and libmysqlclient choose."""
    if in_force & CLIENT_COMPRESS:
        return ZLIB
    return ZSTD if in_force & CLIENT_ZSTD_COMPRESSION_ALGORITHM else None

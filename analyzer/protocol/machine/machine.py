"""The state machine of a connection: a packet and who sent it go in, a record comes out.

Only (sender, state) picks the decoder. A packet that is not what the state awaits becomes `Malformed`; the machine goes
on, and says through `sequence_error` and `DESYNCHRONISED` where it can no longer be sure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import (
    CLIENT,
    MAX_PIPELINED,
    NO_ATTRIBUTES,
    SERVER,
    UNREAD,
    AnyRecord,
    AwaitedCommand,
    SequenceError,
)
from analyzer.protocol.machine.server import Answers, compression_of
from analyzer.protocol.prepared import PreparedStatement, PreparedStatements
from analyzer.protocol.records.authentication import (
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
)
from analyzer.protocol.records.base import Malformed, Record, malformed
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.commands.replication import SEMI_SYNC_MAGIC, SemiSyncAck
from analyzer.protocol.records.commands.statement import (
    PARAMETER_COUNT_AVAILABLE,
    ComStmtBulkExecute,
    ComStmtExecute,
    ComStmtSendLongData,
)
from analyzer.protocol.records.commands.table import COMMAND_RECORDS, CutCommand
from analyzer.protocol.records.commands.text import ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.response import ColumnCount, Data, Statistics, StmtPrepareOK
from analyzer.protocol.records.resultset import BinaryRow, ColumnDefinition41, ColumnDefinition320, TextRow
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
)
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import Reader, TracingReader

__all__ = [
    "CLIENT",
    "SERVER",
    "AnyRecord",
    "AwaitedCommand",
    "Machine",
    "SequenceError",
    "compression_of",
]

# Commands that name a prepared statement: its number stands behind the command's byte.
_NAMES_STATEMENT: Final = frozenset(
    {
        com.COM_STMT_EXECUTE,
        com.COM_STMT_BULK_EXECUTE,
        com.COM_STMT_FETCH,
        com.COM_STMT_RESET,
        com.COM_STMT_CLOSE,
        com.COM_STMT_SEND_LONG_DATA,
    }
)
_EXECUTES: Final = frozenset({com.COM_STMT_EXECUTE, com.COM_STMT_BULK_EXECUTE})
# Commands that nobody needs to see the inside of in a lean machine, and how many bytes they have at least: one that has
# them is never malformed, so that both kinds of machine find the same.
_UNREAD: Final[dict[int, int]] = {
    com.COM_PING: 1,
    com.COM_STMT_PREPARE: 1,
    com.COM_STMT_EXECUTE: 10,
    com.COM_STMT_SEND_LONG_DATA: 7,
    com.COM_STMT_CLOSE: 5,
    com.COM_STMT_RESET: 5,
    com.COM_STMT_FETCH: 9,
    com.COM_STMT_BULK_EXECUTE: 7,
}
_NEVER: Final = 1 << 32  # bytes that no packet has
# After these the connection is the server's alone, in another protocol.
_OTHER_PROTOCOL: Final = frozenset({com.COM_CLONE, com.COM_SUBSCRIBE_GROUP_REPLICATION_STREAM})


class Machine(Answers):
    """One connection's protocol state."""

    def feed(self, sender: int, packet: RawPacket) -> AnyRecord:
        """Decodes the packet and moves. Never raises for bad bytes."""
        self.detail = None
        self.finished = None
        self.sequence_error = None
        if sender == CLIENT:
            return self._client(packet)
        self._check_sequence(SERVER, packet)
        if not packet.length and self.state != st.DESYNCHRONISED:
            return malformed("ServerPacket", BadValue("ServerPacket", "header", 0, "an empty packet"), b"")
        handler = _SERVER[self.state]
        try:
            record, event = handler(self, packet.payload, packet.length)
        except DecodeError as error:
            return self._malformed(error, packet.payload)
        self._move(event)
        return record

    def whole_command(self, data: bytes) -> bool:
        """Whether `data` is one command in one packet, where one is due and nothing is assumed."""
        if self.state != st.COMMAND or len(data) < 5 or self.context.assumed or self.one_sided:
            return False
        if self.file_sequence is not None:  # it may be the rest of a file
            return False
        return not data[3] and (data[0] | data[1] << 8 | data[2] << 16) == len(data) - 4

    def plain_command(self, data: bytes) -> bool:
        """Takes a COM_QUERY or COM_QUIT that can not be malformed, without decoding it; False for all else.

        `data` is a `whole_command`.
        """
        code = data[4]
        if code == com.COM_QUERY:
            if self.context.in_force & CLIENT_QUERY_ATTRIBUTES and data[5:7] != NO_ATTRIBUTES:
                return False
            self._await(AwaitedCommand(code, UNREAD, 0))
            return True
        if code == com.COM_QUIT:
            self.sequence = 0
            self.quitting = True
            return True
        return False

    def answered(self, sequence: int) -> None:
        """The current command's whole response has come; its last packet had the id `sequence`."""
        self.sequence = sequence
        self.detail = None
        self.sequence_error = None
        self._move("ok")

    @property
    def may_pass(self) -> int:
        """How many packets of the server may be passed over undecoded: rows without end, all definitions but the last.

        They have to be in sequence, and of the kind that `PacketFramer.skip_rows` passes over.
        """
        if self.sequence is None or self.decode_rows:
            return 0
        if self.state == st.ROWS:
            return 1 << 62
        return self.left - 1 if self.state in st.DEFINITIONS else 0

    def passed(self, count: int, sequence: int) -> None:
        """Notes `count` packets that were passed over; `sequence` is the id that would come next."""
        if count:
            self.sequence = (sequence - 1) & 0xFF
            if self.state != st.ROWS:
                self.left -= count

    def _malformed(self, error: DecodeError, payload: bytes) -> Malformed:
        record_type = error.record or "Packet"
        kind = _RECORD_TYPES.get(record_type)
        if kind is None:
            return malformed(record_type, error, payload)
        # Decoded a second time with a reader that notes the fields: only bad packets pay for it.
        reader = TracingReader(payload, record_type)
        try:
            kind.decode(reader, self.context)
        except DecodeError as again:
            return malformed(record_type, again, payload, reader)
        return malformed(record_type, error, payload, reader)

    def _client(self, packet: RawPacket) -> AnyRecord:
        state = self.state
        payload = packet.payload
        try:
            if state == st.AUTHENTICATION and not (packet.first_sequence_id == 0 and self._command_due()):
                self._check_sequence(CLIENT, packet)
                return self._auth_response(payload)
            if state == st.LOCAL_INFILE:
                self._check_sequence(CLIENT, packet)
                self.file_sequence = packet.sequence_id if payload else None
                if not payload:
                    self._move("file_end")
                return Data("file", payload)
            if self.file_sequence is not None and state == st.COMMAND:
                if packet.first_sequence_id == (self.file_sequence + 1) & 0xFF:
                    # The rest of a file that the server has given up on.
                    self.file_sequence = packet.sequence_id if payload else None
                    return Data("file", payload)
                self.file_sequence = None
            if state in (st.LOGIN, st.SECURE_LOGIN, st.GREETING, st.TLS_HANDSHAKE):
                self._check_sequence(CLIENT, packet)
                return self._login(payload)
        except DecodeError as error:
            return self._malformed(error, payload)
        if state == st.CLOSED or (state == st.DESYNCHRONISED and packet.first_sequence_id != 0):
            return Data("skipped", payload)
        return self._command(packet)

    def _command_due(self) -> bool:
        """Whether a packet with id 0 can not belong to the auth exchange: it begins a command.

        The client gave up a COM_CHANGE_USER, or what came between was not captured.
        """
        if self.one_sided:
            return True
        return self.login_done and self.sequence is not None and self.sequence != 0xFF

    def _login(self, payload: bytes) -> Record:
        ctx = self.context
        if len(payload) == 32 and self.state != st.SECURE_LOGIN and payload[1] & 0x0A == 0x0A:
            request = SSLRequest.from_bytes(payload, ctx)
            ctx.client = request.capability_flags
            ctx.negotiate()
            self._move("ssl_request")
            return request
        if len(payload) == 5 and self.state != st.SECURE_LOGIN and payload[1] & 0x0A == 0x08:
            short = SSLRequest320.from_bytes(payload, ctx)
            self._move("ssl_request")
            return short
        if len(payload) > 1 and not payload[1] & 0x02:
            return self._login_320(payload)
        try:
            record = HandshakeResponse41.decode(Reader(payload), ctx)
        except Truncated:
            record = HandshakeResponse41.decode(Reader(payload), ctx, open_end=True)
        ctx.client = record.capability_flags
        ctx.negotiate()
        name = record.client_plugin_name
        if name is None or not record.layout & CLIENT_PLUGIN_AUTH:
            name = "mysql_native_password" if record.layout & CLIENT_SECURE_CONNECTION else "mysql_old_password"
        self._begin_auth(name, ctx.nonce)
        self._move("login")
        self._first_response(record.auth_response)
        return record

    def _login_320(self, payload: bytes) -> Record:
        ctx = self.context
        record = HandshakeResponse320.from_bytes(payload, ctx)
        ctx.client = record.capability_flags
        ctx.negotiate()
        ctx.in_force &= ~CLIENT_PROTOCOL_41
        self._begin_auth("mysql_old_password", ctx.nonce)
        self._move("login")
        self._first_response(record.auth_response)
        return record

    def _auth_response(self, payload: bytes) -> Record:
        record = AuthResponse(payload)
        if self.exchange is not None and not self.one_sided:
            self.detail = self.exchange.client(Reader(payload, "AuthResponse"))
        return record

    def _command(self, packet: RawPacket) -> AnyRecord:
        payload = packet.payload
        if packet.first_sequence_id != 0 and self.state != st.STREAM:
            self.sequence_error = SequenceError(CLIENT, 0, packet.first_sequence_id)
        elif self.state == st.AUTHENTICATION and self.sequence is not None and not self.one_sided:
            self.sequence_error = SequenceError(CLIENT, (self.sequence + 1) & 0xFF, 0)
        if not payload:
            return malformed(
                "Command",
                BadValue("Command", "command", 0, "an empty packet where a command is due"),
                b"",
            )
        code = payload[0]
        if self.context.assumed and self._only_eof_due():
            # The client goes on without the EOF: CLIENT_DEPRECATE_EOF is in force, and the response was complete.
            self.context.in_force |= CLIENT_DEPRECATE_EOF
            self._move("ok")
        if self.state == st.STREAM and (code != com.COM_QUIT or self._in_other_protocol()):
            return self._streamed(payload)
        if self.context.assumed and len(payload) > 2:
            self._attributes_show(code, payload)
        statement = None
        if self.lean:
            record = self._lean_record(code, packet)
        else:
            if code in _NAMES_STATEMENT:
                statement = self._named_statement(code, payload)
            record = self._command_record(code, packet)
            statement = self._noted_statement(code, record, packet, statement)
        if code == com.COM_QUIT:
            self.quitting = True
            if self.state == st.COMMAND:
                self.sequence = packet.sequence_id
        if code in st.UNANSWERED:
            if self.state == st.DESYNCHRONISED:
                self.state = st.COMMAND
            return record
        if self.one_sided:
            self.state = st.DESYNCHRONISED
            return record
        command = AwaitedCommand(code, record, packet.sequence_id, statement)
        if self.state in (st.COMMAND, st.DESYNCHRONISED, st.CLOSED, st.STREAM):
            self._await(command)
        elif len(self.queue) < MAX_PIPELINED:
            self.queue.append(command)
        else:
            # Nobody pipelines so much: the answers went another way.
            self.desynchronise()
        return record

    def _lean_record(self, code: int, packet: RawPacket) -> AnyRecord:
        """The record of a command where nobody looks at statements."""
        payload = packet.payload
        if code == com.COM_QUERY:
            if not self.context.in_force & CLIENT_QUERY_ATTRIBUTES or payload[1:3] == NO_ATTRIBUTES:
                return UNREAD
        elif len(payload) >= _UNREAD.get(code, _NEVER):
            return UNREAD
        return self._command_record(code, packet)

    def _command_record(self, code: int, packet: RawPacket) -> AnyRecord:
        """The record of a command. Of one that was not kept whole: statements as far as they go, else its head."""
        payload = packet.payload
        kind = COMMAND_RECORDS.get(code, ComOther)
        cut = packet.length - len(payload)
        try:
            if not cut:
                return kind.from_bytes(payload, self.context)
            if kind not in (ComQuery, ComStmtPrepare):
                return CutCommand.of(kind, payload, packet.length, self.context)
            return msgspec.structs.replace(kind.from_bytes(payload, self.context), cut=cut)
        except DecodeError as error:
            return self._malformed(error, payload)

    def _in_other_protocol(self) -> bool:
        return self.command is not None and self.command.code in _OTHER_PROTOCOL

    def _streamed(self, payload: bytes) -> AnyRecord:
        """A client's packet while the server streams: what it has, or its part of another protocol."""
        if self._in_other_protocol():
            return Data("clone", payload)
        if payload[0] != SEMI_SYNC_MAGIC:
            return Data("acknowledgement", payload)
        try:
            return SemiSyncAck.from_bytes(payload, self.context)
        except DecodeError as error:
            return self._malformed(error, payload)

    def _attributes_show(self, code: int, payload: bytes) -> None:
        """Whether CLIENT_QUERY_ATTRIBUTES is in force shows itself where it was not captured.

        Behind the number of attributes stands that of their sets, always 1: no statement has that byte there.
        """
        ctx = self.context
        if code == com.COM_QUERY:
            wide = payload[1] == 0xFC and len(payload) > 4
            ctx.found(CLIENT_QUERY_ATTRIBUTES, payload[4 if wide else 2] == 1)
        elif code == com.COM_STMT_EXECUTE and len(payload) > 5 and payload[5] & PARAMETER_COUNT_AVAILABLE:
            ctx.found(CLIENT_QUERY_ATTRIBUTES, True)

    # -- prepared statements ----------------------------------------------------------------------------------------

    def _named_statement(self, code: int, payload: bytes) -> PreparedStatement | None:
        """The statement that a command names; an execute is decoded with what is known of it."""
        number = int.from_bytes(payload[1:5], "little")
        if self.statements is None:
            self.statements = PreparedStatements()
        if code not in _EXECUTES and code != com.COM_STMT_SEND_LONG_DATA:
            return self.statements.get(number)
        statement = self.statements.found(number)
        if code in _EXECUTES:
            statement.renew()
            self.context.bound = statement.bound()
        return statement

    def _noted_statement(
        self, code: int, record: AnyRecord, packet: RawPacket, statement: PreparedStatement | None
    ) -> PreparedStatement | None:
        """Takes what a command says of prepared statements; gives the one that it makes or uses."""
        if code == com.COM_STMT_PREPARE:
            if self.statements is None:
                self.statements = PreparedStatements()
            return self.statements.begin(record.query if isinstance(record, ComStmtPrepare) else None)
        if code in (com.COM_RESET_CONNECTION, com.COM_CHANGE_USER):
            if self.statements is not None:
                self.statements.clear()
        elif statement is not None:
            if code in _EXECUTES:
                statement.executed = True
                self._note_types(record, statement)
            elif code == com.COM_STMT_SEND_LONG_DATA:
                if isinstance(record, ComStmtSendLongData | CutCommand) and len(packet.payload) > 7:
                    parameter = int.from_bytes(packet.payload[5:7], "little")
                    statement.add_long_data(parameter, packet.payload[7:], packet.length - 7)
            elif code == com.COM_STMT_RESET:
                statement.reset()
            elif code == com.COM_STMT_CLOSE and self.statements is not None:
                self.statements.drop(int.from_bytes(packet.payload[1:5], "little"))
        return statement

    @staticmethod
    def _note_types(record: AnyRecord, statement: PreparedStatement) -> None:
        if isinstance(record, ComStmtExecute) and record.new_params_bind_flag and record.parameters:
            types = tuple([parameter.type for parameter in record.parameters])
            if types != statement.types:
                statement.types = types
        elif isinstance(record, ComStmtBulkExecute) and record.types:
            statement.types = record.types

    def _only_eof_due(self) -> bool:
        """Whether nothing of a prepared statement's response is missing but an EOF, which may never come."""
        if self.state == st.PREPARE_PARAMS_EOF:
            return not self.more_columns
        return self.state == st.PREPARE_COLUMNS_EOF


Handler = Callable[[Answers, bytes, int], tuple[Record, str]]

_SERVER: Final[dict[str, Handler]] = {
    st.GREETING: Answers._greeting,
    st.LOGIN: Answers._error_only,
    st.TLS_HANDSHAKE: Answers._error_only,
    st.SECURE_LOGIN: Answers._error_only,
    st.AUTHENTICATION: Answers._authentication,
    st.COMMAND: Answers._error_only,
    st.RESPONSE: Answers._response,
    st.RESULT: Answers._result,
    st.COLUMNS: Answers._columns,
    st.COLUMNS_EOF: Answers._columns_eof,
    st.ROWS: Answers._row,
    st.LOCAL_INFILE: Answers._local_infile,
    st.PREPARE: Answers._prepare,
    st.PREPARE_PARAMS: Answers._prepare_params,
    st.PREPARE_PARAMS_EOF: Answers._prepare_params_eof,
    st.PREPARE_COLUMNS: Answers._prepare_columns,
    st.PREPARE_COLUMNS_EOF: Answers._prepare_columns_eof,
    st.FIELD_LIST: Answers._field_list,
    st.STATISTICS: Answers._statistics,
    st.STREAM: Answers._stream,
    st.CLOSED: Answers._error_only,
    st.DESYNCHRONISED: Answers._skipped,
}

_OTHER_RECORDS: Final[tuple[type[Record], ...]] = (
    HandshakeV10,
    HandshakeV9,
    SSLRequest,
    SSLRequest320,
    HandshakeResponse41,
    HandshakeResponse320,
    AuthSwitchRequest,
    AuthNextFactor,
    OKPacket,
    ErrPacket,
    ProgressReport,
    EOFPacket,
    ColumnCount,
    StmtPrepareOK,
    SemiSyncAck,
    Statistics,
    ColumnDefinition41,
    ColumnDefinition320,
    TextRow,
    BinaryRow,
    BinlogEvent,
)
_RECORD_TYPES: Final[dict[str, type[Record]]] = {
    kind.__name__: kind for kind in (*_OTHER_RECORDS, *COMMAND_RECORDS.values())
}

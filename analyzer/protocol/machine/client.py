"""The client's side: its part of the connection phase, its commands, and what it says while the server streams."""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.errors import BadValue, DecodeError, Truncated
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.connection_state import NO_ATTRIBUTES, UNREAD, AnyRecord, ConnectionState
from analyzer.protocol.machine.malformed import malformed_record
from analyzer.protocol.machine.state import CLIENT, AwaitedCommand
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.authentication import (
    AuthResponse,
)
from analyzer.protocol.records.base import Record, malformed
from analyzer.protocol.records.commands.admin import ComQuit
from analyzer.protocol.records.commands.clone import CLONE_EXIT, CloneCommand
from analyzer.protocol.records.commands.local_infile import LONGEST
from analyzer.protocol.records.commands.replication import SEMI_SYNC_MAGIC, SemiSyncAck
from analyzer.protocol.records.commands.statement import (
    PARAMETER_COUNT_AVAILABLE,
    ComStmtBulkExecute,
    ComStmtExecute,
    ComStmtSendLongData,
)
from analyzer.protocol.records.commands.table import COMMAND_RECORDS, CutCommand
from analyzer.protocol.records.commands.text import ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
)
from analyzer.protocol.tables.collations import codec_of
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import Reader

# Bytes of an SSLRequest.
SSL_REQUEST: Final = 32
# COM_QUIT alone.
GOODBYE: Final = b"\x01"
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


def received(c: ConnectionState, packet: RawPacket) -> AnyRecord:
    state = c.at.name
    payload = packet.payload
    try:
        if state == st.AUTHENTICATION and not c.auth.login_done and payload == GOODBYE and not packet.first_sequence_id:
            # Sent with the login, by a client that only wants to see the server answer.
            c.at.quit()
            return ComQuit()
        if state == st.AUTHENTICATION and not (packet.first_sequence_id == 0 and _command_due(c)):
            c.check_sequence(CLIENT, packet)
            return _auth_response(c, payload)
        if state == st.LOCAL_INFILE:
            c.check_sequence(CLIENT, packet)
            c.at.file_goes_on(packet.sequence_id if payload else None)
            if not payload:
                c.move("file_end")
            return Data("file", payload)
        if c.at.file_sequence is not None and state == st.COMMAND:
            if packet.first_sequence_id == (c.at.file_sequence + 1) & 0xFF:
                # The rest of a file that the server has given up on.
                c.at.file_goes_on(packet.sequence_id if payload else None)
                return Data("file", payload)
            c.at.file_goes_on(None)
        ignores = state == st.CLOSED and c.at.greeted and not c.auth.login_done and _is_ssl_request(payload)
        if ignores or state in (st.LOGIN, st.SECURE_LOGIN, st.GREETING, st.TLS_HANDSHAKE):
            if ignores and packet.first_sequence_id == 1:
                # It answers the greeting: the error behind that was on its way.
                c.at.took(packet.sequence_id)
            else:
                c.check_sequence(CLIENT, packet)
            return _login(c, payload)
    except DecodeError as error:
        return malformed_record(error, payload, c.context)
    if state == st.CLOSED or (state == st.DESYNCHRONISED and packet.first_sequence_id != 0):
        return Data("skipped", payload)
    return _command(c, packet)


def _is_ssl_request(payload: bytes) -> bool:
    """The head of a login alone, with CLIENT_SSL and CLIENT_PROTOCOL_41."""
    return len(payload) == SSL_REQUEST and payload[1] & 0x0A == 0x0A


def _command_due(c: ConnectionState) -> bool:
    """Whether a packet with id 0 can not belong to the auth exchange: it begins a command.

    The client gave up a COM_CHANGE_USER, or what came between was not captured.
    """
    if c.one_sided:
        return True
    return c.auth.login_done and c.at.sequence is not None and c.at.sequence != 0xFF


def _ask_for_tls(c: ConnectionState) -> None:
    """An SSLRequest; a second one changes nothing."""
    if c.at.name != st.TLS_HANDSHAKE:
        c.move("ssl_request")


def _login(c: ConnectionState, payload: bytes) -> Record:
    ctx = c.context
    if c.at.name != st.SECURE_LOGIN and _is_ssl_request(payload):
        request = SSLRequest.from_bytes(payload, ctx)
        ctx.client = request.capability_flags
        ctx.negotiate()
        _ask_for_tls(c)
        return request
    if len(payload) == 5 and c.at.name != st.SECURE_LOGIN and payload[1] & 0x0A == 0x08:
        short = SSLRequest320.from_bytes(payload, ctx)
        _ask_for_tls(c)
        return short
    if len(payload) > 1 and not payload[1] & 0x02:
        return _login_320(c, payload)
    try:
        record = HandshakeResponse41.decode(Reader(payload), ctx)
    except Truncated:
        record = HandshakeResponse41.decode(Reader(payload), ctx, open_end=True)
    ctx.client = record.capability_flags
    ctx.negotiate()
    ctx.speak(codec_of(record.collation_id, ctx.mariadb))
    name = record.client_plugin_name
    if name is None or not record.layout & CLIENT_PLUGIN_AUTH:
        name = "mysql_native_password" if record.layout & CLIENT_SECURE_CONNECTION else "mysql_old_password"
    c.begin_auth(name, ctx.nonce)
    c.move("login")
    c.auth.first_response(record.auth_response)
    c.auth.response = None if c.at.greeted else record.auth_response
    return record


def _login_320(c: ConnectionState, payload: bytes) -> Record:
    ctx = c.context
    record = HandshakeResponse320.from_bytes(payload, ctx)
    ctx.client = record.capability_flags
    ctx.negotiate()
    ctx.in_force &= ~CLIENT_PROTOCOL_41
    c.begin_auth("mysql_old_password", ctx.nonce)
    c.move("login")
    c.auth.first_response(record.auth_response)
    c.auth.response = None if c.at.greeted else record.auth_response
    return record


def _auth_response(c: ConnectionState, payload: bytes) -> Record:
    record = AuthResponse(payload)
    if c.auth.exchange is not None and not c.one_sided:
        c.auth.detail = c.auth.exchange.client(Reader(payload, "AuthResponse"))
    return record


def _command(c: ConnectionState, packet: RawPacket) -> AnyRecord:
    payload = packet.payload
    if packet.first_sequence_id != 0 and c.at.name != st.STREAM:
        c.at.wrong_sequence(0, packet.first_sequence_id)
    elif c.at.name == st.AUTHENTICATION and c.at.sequence is not None and not c.one_sided:
        c.at.wrong_sequence((c.at.sequence + 1) & 0xFF, 0)
    if not payload:
        return malformed(
            "Command",
            BadValue("Command", "command", 0, "an empty packet where a command is due"),
            b"",
        )
    code = payload[0]
    if c.context.assumed and _only_eof_due(c):
        # The client goes on without the EOF: CLIENT_DEPRECATE_EOF is in force, and the response was complete.
        c.context.in_force |= CLIENT_DEPRECATE_EOF
        c.move("ok")
    if c.at.name == st.CLONE and payload != GOODBYE:
        return _cloned(c, packet)
    if c.at.name == st.STREAM and code != com.COM_QUIT:
        return _streamed(c, payload)
    if c.context.assumed and len(payload) > 2:
        _attributes_show(c, code, payload)
    statement = None
    if c.lean:
        record = _lean_record(c, code, packet)
    else:
        if code in _NAMES_STATEMENT:
            statement = _named_statement(c, code, payload)
        record = _command_record(c, code, packet)
        statement = _noted_statement(c, code, record, packet, statement)
    if code == com.COM_QUIT:
        c.at.quit()
        if c.at.name == st.COMMAND:
            c.at.took(packet.sequence_id)
    if c.unpaired:
        return record
    if code in st.UNANSWERED:
        if c.at.name == st.DESYNCHRONISED:
            c.at.assume(st.COMMAND)
        return record
    if c.one_sided:
        c.at.assume(st.DESYNCHRONISED)
        return record
    command = AwaitedCommand(code, record, packet.sequence_id, statement, payload[:LONGEST])
    if c.at.name in (st.COMMAND, st.DESYNCHRONISED, st.CLOSED, st.STREAM, st.CLONE):
        c.await_response(command)
    elif not c.at.pipeline(command):
        # Nobody pipelines so much: the answers went another way.
        c.at.desynchronise()
    return record


def _lean_record(c: ConnectionState, code: int, packet: RawPacket) -> AnyRecord:
    """The record of a command where nobody looks at statements."""
    payload = packet.payload
    if code == com.COM_QUERY:
        if not c.context.in_force & CLIENT_QUERY_ATTRIBUTES or payload[1:3] == NO_ATTRIBUTES:
            return UNREAD
    elif len(payload) >= _UNREAD.get(code, _NEVER):
        return UNREAD
    return _command_record(c, code, packet)


def _command_record(c: ConnectionState, code: int, packet: RawPacket) -> AnyRecord:
    """The record of a command. Of one that was not kept whole: statements as far as they go, else its head."""
    payload = packet.payload
    kind = COMMAND_RECORDS.get(code, ComOther)
    cut = packet.length - len(payload)
    try:
        if not cut:
            return kind.from_bytes(payload, c.context)
        if kind not in (ComQuery, ComStmtPrepare):
            return CutCommand.of(kind, payload, packet.length, c.context)
        return msgspec.structs.replace(kind.from_bytes(payload, c.context), cut=cut)
    except DecodeError as error:
        return malformed_record(error, payload, c.context)


def _streamed(c: ConnectionState, payload: bytes) -> AnyRecord:
    """A client's packet while the server streams: what it has."""
    if payload[0] != SEMI_SYNC_MAGIC:
        return Data("acknowledgement", payload)
    try:
        return SemiSyncAck.from_bytes(payload, c.context)
    except DecodeError as error:
        return malformed_record(error, payload, c.context)


def _cloned(c: ConnectionState, packet: RawPacket) -> CloneCommand:
    """What a recipient asks its donor for."""
    c.at.took(packet.sequence_id)
    record = CloneCommand.from_bytes(packet.payload, c.context)
    c.at.cloning(leaves=record.command_code == CLONE_EXIT)
    return record


def _attributes_show(c: ConnectionState, code: int, payload: bytes) -> None:
    """Whether CLIENT_QUERY_ATTRIBUTES is in force shows itself where it was not captured.

    Behind the number of attributes stands that of their sets, always 1: no statement has that byte there.
    """
    ctx = c.context
    if code == com.COM_QUERY:
        wide = payload[1] == 0xFC and len(payload) > 4
        ctx.found(CLIENT_QUERY_ATTRIBUTES, payload[4 if wide else 2] == 1)
    elif code == com.COM_STMT_EXECUTE and len(payload) > 5 and payload[5] & PARAMETER_COUNT_AVAILABLE:
        ctx.found(CLIENT_QUERY_ATTRIBUTES, True)


# -- prepared statements ----------------------------------------------------------------------------------------


def _named_statement(c: ConnectionState, code: int, payload: bytes) -> PreparedStatement | None:
    """The statement that a command names; an execute is decoded with what is known of it."""
    if len(payload) < 5:
        return None  # its number is not there
    number = int.from_bytes(payload[1:5], "little")
    statements = c.prepared.known
    if code not in _EXECUTES and code != com.COM_STMT_SEND_LONG_DATA:
        return statements.get(number)
    statement = statements.found(number)
    if code in _EXECUTES:
        statement.renew()
        c.context.bound = statement.bound()
    return statement


def _noted_statement(
    c: ConnectionState, code: int, record: AnyRecord, packet: RawPacket, statement: PreparedStatement | None
) -> PreparedStatement | None:
    """Takes what a command says of prepared statements; gives the one that it makes or uses."""
    if code == com.COM_STMT_PREPARE:
        if isinstance(record, ComStmtPrepare):
            return c.prepared.known.begin(record.query, record.cut)
        return c.prepared.known.begin(None)
    if code in (com.COM_RESET_CONNECTION, com.COM_CHANGE_USER):
        if c.prepared.statements is not None:
            c.prepared.statements.clear()
    elif statement is not None:
        if code in _EXECUTES:
            statement.executed = True
            _note_types(record, statement)
        elif code == com.COM_STMT_SEND_LONG_DATA:
            if isinstance(record, ComStmtSendLongData | CutCommand) and len(packet.payload) > 7:
                parameter = int.from_bytes(packet.payload[5:7], "little")
                statement.add_long_data(parameter, packet.payload[7:], packet.length - 7)
        elif code == com.COM_STMT_RESET:
            statement.reset()
        elif code == com.COM_STMT_CLOSE and c.prepared.statements is not None:
            c.prepared.statements.drop(int.from_bytes(packet.payload[1:5], "little"))
    return statement


def _note_types(record: AnyRecord, statement: PreparedStatement) -> None:
    if isinstance(record, ComStmtExecute) and record.new_params_bind_flag and record.parameters:
        types = tuple([parameter.type for parameter in record.parameters])
        if types != statement.types:
            statement.types = types
    elif isinstance(record, ComStmtBulkExecute) and record.types:
        statement.types = record.types


def _only_eof_due(c: ConnectionState) -> bool:
    """Whether nothing of a prepared statement's response is missing but an EOF, which may never come."""
    if c.at.name == st.PREPARE_PARAMS_EOF:
        return not c.prepared.more_columns
    return c.at.name == st.PREPARE_COLUMNS_EOF

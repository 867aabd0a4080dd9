"""The state machine of a connection: a packet and who sent it go in, a record comes out.

Only (sender, state) picks the decoder. A packet that is not what the state awaits becomes `Malformed`; the machine goes
on, and says through `sequence_error` and `DESYNCHRONISED` where it can no longer be sure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from analyzer.errors import BadValue, DecodeError
from analyzer.protocol import commands as com
from analyzer.protocol import state as st
from analyzer.protocol.auth import plugin as find_plugin
from analyzer.protocol.auth.base import AuthRecord, Exchange, Plugin
from analyzer.protocol.capabilities import (
    CLIENT_COMPRESS,
    CLIENT_DEPRECATE_EOF,
    CLIENT_PLUGIN_AUTH,
    CLIENT_PROTOCOL_41,
    CLIENT_QUERY_ATTRIBUTES,
    CLIENT_SECURE_CONNECTION,
    CLIENT_ZSTD_COMPRESSION_ALGORITHM,
    MULTI_FACTOR_AUTHENTICATION,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_STATUS_CURSOR_EXISTS,
)
from analyzer.protocol.compression import ZLIB, ZSTD
from analyzer.protocol.context import Context
from analyzer.protocol.framing import Packet
from analyzer.protocol.reader import Reader, TracingReader
from analyzer.protocol.records.authentication import (
    AuthMoreData,
    AuthNextFactor,
    AuthResponse,
    AuthSwitchRequest,
    OldAuthSwitchRequest,
)
from analyzer.protocol.records.base import Malformed, Record, malformed
from analyzer.protocol.records.command import (
    ComChangeUser,
    ComInitDb,
    ComOther,
    ComQuery,
    ComStmtPrepare,
)
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket, ProgressReport
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10, flavor_of
from analyzer.protocol.records.login import (
    HandshakeResponse41,
    HandshakeResponse320,
    SSLRequest,
    SSLRequest320,
)
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest, StmtPrepareOK

CLIENT: Final = 0
SERVER: Final = 1
EOF_LONGEST: Final = 9  # an 0xFE packet of this length or more is a row (or OK under CLIENT_DEPRECATE_EOF)

MAX_PIPELINED: Final = 4096

AnyRecord = Record | Malformed


class SequenceError(msgspec.Struct, frozen=True):
    sender: int
    expected: int
    found: int


class Command(msgspec.Struct):
    """A command that awaits its response. `sequence` is the id of its last packet."""

    code: int
    record: AnyRecord
    sequence: int


_COMMAND_RECORDS: Final[dict[int, type[Record]]] = {
    com.COM_QUERY: ComQuery,
    com.COM_INIT_DB: ComInitDb,
    com.COM_STMT_PREPARE: ComStmtPrepare,
    com.COM_CHANGE_USER: ComChangeUser,
}


class Machine:
    """One connection's protocol state.

    After each `feed`: `detail` is the auth plugin's record inside the packet (or None), `sequence_error` says whether
    its sequence id was wrong, `finished` is the command whose response this packet completed (or None).
    """

    __slots__ = (
        "command",
        "compression",
        "context",
        "detail",
        "exchange",
        "finished",
        "left",
        "login_done",
        "more_columns",
        "one_sided",
        "plugin",
        "plugin_name",
        "queue",
        "sequence",
        "sequence_error",
        "state",
    )

    def __init__(self, context: Context | None = None, state: str = st.GREETING) -> None:
        self.context = context if context is not None else Context()
        self.state = state
        self.command: Command | None = None  # whose response is awaited
        self.queue: deque[Command] = deque()  # pipelined behind it
        self.finished: Command | None = None
        self.sequence: int | None = None  # of the last packet of the current exchange; None: any may follow
        self.sequence_error: SequenceError | None = None
        self.plugin: Plugin | None = None
        self.plugin_name: str | None = None  # as on the wire, also of a plugin nobody here knows
        self.exchange: Exchange | None = None
        self.detail: AuthRecord | None = None
        self.compression: str | None = None  # in force from the packet after the login's OK
        self.login_done = state not in st.CONNECTION_PHASE
        self.one_sided = False  # the other direction is not in the capture: nothing answers, ids have holes
        self.left = 0  # definitions still to come
        self.more_columns = 0  # columns whose definitions come after the parameters'

    # -- in ---------------------------------------------------------------------------------------------------------

    def feed(self, sender: int, packet: Packet) -> AnyRecord:
        """Decodes the packet and moves. Never raises for bad bytes."""
        self.detail = None
        self.finished = None
        self.sequence_error = None
        if sender == CLIENT:
            return self._client(packet)
        self._check_sequence(SERVER, packet)
        handler = _SERVER[self.state]
        try:
            record, event = handler(self, packet.payload, packet.length)
        except DecodeError as error:
            return self._malformed(error, packet.payload)
        self._move(event)
        return record

    def rows(self, count: int, sequence: int) -> None:
        """Notes `count` rows that the framer passed over; `sequence` is the id that would come next."""
        if count:
            self.sequence = (sequence - 1) & 0xFF

    @property
    def next_sequence(self) -> int:
        """The id the next packet of this exchange has to have, -1 where any may follow."""
        return -1 if self.sequence is None else (self.sequence + 1) & 0xFF

    def secured(self) -> None:
        """TLS is on: what comes next is the handshake response inside it."""
        self.context.secure = True
        self._move("secure")

    def desynchronise(self) -> None:
        """Bytes are missing: waits for the next client packet that must be a command."""
        self.state = st.DESYNCHRONISED
        self.command = None
        self.queue.clear()
        self.sequence = None

    def lose_exchange(self) -> None:
        """Part of the auth exchange is missing: what follows of it is not the plugin's any more."""
        self.exchange = None
        self.plugin = None

    # -- moves ------------------------------------------------------------------------------------------------------

    def _move(self, event: str) -> None:
        if not event:
            return
        target = st.TRANSITIONS.get((self.state, event))
        if target is None:
            return
        if target != st.FINISHED:
            self.state = target
            return
        self.finished = self.command
        self.exchange = None
        self.command = None
        if self.queue:
            self._await(self.queue.popleft())
        else:
            self.state = st.COMMAND

    def _await(self, command: Command) -> None:
        self.command = command
        self.sequence = command.sequence
        self.state = st.AWAITED.get(command.code, st.RESPONSE)

    def _check_sequence(self, sender: int, packet: Packet) -> None:
        last = self.sequence
        found = packet.first_sequence_id
        if last is not None and not self.one_sided:
            expected = (last + 1) & 0xFF
            # An error that nobody asked for (shutdown, wait_timeout) starts at 0 whatever came before.
            unasked = sender == SERVER and self.state == st.COMMAND and found == 0
            if found != expected and not unasked:
                self.sequence_error = SequenceError(sender, expected, found)
        self.sequence = packet.sequence_id

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

    # -- client -----------------------------------------------------------------------------------------------------

    def _client(self, packet: Packet) -> AnyRecord:
        state = self.state
        payload = packet.payload
        try:
            if state == st.AUTHENTICATION and not (packet.first_sequence_id == 0 and self._command_due()):
                self._check_sequence(CLIENT, packet)
                return self._auth_response(payload)
            if state == st.LOCAL_INFILE:
                self._check_sequence(CLIENT, packet)
                if not payload:
                    self._move("file_end")
                return Data("file", payload)
            if state in (st.LOGIN, st.SECURE_LOGIN, st.GREETING):
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
            self.state = st.TLS_HANDSHAKE
            return request
        if len(payload) == 5 and self.state != st.SECURE_LOGIN and payload[1] & 0x0A == 0x08:
            short = SSLRequest320.from_bytes(payload, ctx)
            self.state = st.TLS_HANDSHAKE
            return short
        if len(payload) > 1 and not payload[1] & 0x02:
            return self._login_320(payload)
        r = Reader(payload, "HandshakeResponse41")
        record = HandshakeResponse41.decode(r, ctx)
        ctx.client = record.capability_flags
        ctx.negotiate()
        name = record.client_plugin_name
        if name is None or not record.layout & CLIENT_PLUGIN_AUTH:
            name = "mysql_native_password" if record.layout & CLIENT_SECURE_CONNECTION else "mysql_old_password"
        self._begin_auth(name, ctx.nonce)
        self.state = st.AUTHENTICATION
        self._first_response(record.auth_response)
        return record

    def _login_320(self, payload: bytes) -> Record:
        ctx = self.context
        record = HandshakeResponse320.from_bytes(payload, ctx)
        ctx.client = record.capability_flags
        ctx.negotiate()
        ctx.in_force &= ~CLIENT_PROTOCOL_41
        self._begin_auth("mysql_old_password", ctx.nonce)
        self.state = st.AUTHENTICATION
        self._first_response(record.auth_response)
        return record

    def _begin_auth(self, name: str, nonce: bytes) -> None:
        self.plugin = find_plugin(name)
        self.plugin_name = name
        self.exchange = self.plugin.exchange(nonce, self.context.secure)

    def _first_response(self, response: bytes) -> None:
        """The response inside a login: a wrong one is the exchange's business, not the login's."""
        if self.exchange is None:
            return
        try:
            self.detail = self.exchange.client(Reader(response, "AuthResponse"))
        except DecodeError:
            self.detail = None

    def _auth_response(self, payload: bytes) -> Record:
        record = AuthResponse(payload)
        if self.exchange is not None and not self.one_sided:
            self.detail = self.exchange.client(Reader(payload, "AuthResponse"))
        return record

    def _command(self, packet: Packet) -> AnyRecord:
        payload = packet.payload
        if packet.first_sequence_id != 0 and self.state != st.STREAM:
            self.sequence_error = SequenceError(CLIENT, 0, packet.first_sequence_id)
        elif self.state == st.AUTHENTICATION and self.sequence is not None and not self.one_sided:
            self.sequence_error = SequenceError(CLIENT, (self.sequence + 1) & 0xFF, 0)
        if not payload:
            return malformed("Command", BadValue("Command", "command", 0, "an empty packet where a command is due"), b"")
        code = payload[0]
        if self.state == st.STREAM and code not in (com.COM_QUIT,):
            return Data("acknowledgement", payload)
        ctx = self.context
        if ctx.assumed and code == com.COM_QUERY:
            # Which of the two forms it is shows itself: no statement begins with a NUL.
            known = ctx.client is not None or ctx.server is not None
            if payload[1:3] == b"\x00\x01":
                ctx.in_force |= CLIENT_QUERY_ATTRIBUTES
            elif not known:
                ctx.in_force &= ~CLIENT_QUERY_ATTRIBUTES
        record: AnyRecord
        kind = _COMMAND_RECORDS.get(code, ComOther)
        try:
            if packet.length > len(payload) and kind is not ComQuery:
                record = Data("command", payload)
            else:
                record = kind.decode(Reader(payload), ctx)
        except DecodeError as error:
            record = self._malformed(error, payload)
        if code in st.UNANSWERED:
            if self.state == st.DESYNCHRONISED:
                self.state = st.COMMAND
            return record
        if self.one_sided:
            self.state = st.DESYNCHRONISED
            return record
        command = Command(code, record, packet.sequence_id)
        if self.state in (st.COMMAND, st.DESYNCHRONISED, st.CLOSED, st.STREAM):
            self._await(command)
            if isinstance(record, ComChangeUser):
                self._change_user(record)
        elif len(self.queue) < MAX_PIPELINED:
            self.queue.append(command)
        else:
            # Nobody pipelines so much: the answers went another way.
            self.desynchronise()
        return record

    def _change_user(self, record: ComChangeUser) -> None:
        name = record.auth_plugin_name
        if name is None:
            name = "mysql_native_password" if record.counted else "mysql_old_password"
        self._begin_auth(name, self.context.nonce)
        self._first_response(record.auth_response)

    # -- server -----------------------------------------------------------------------------------------------------

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
        raise BadValue("ServerPacket", "header", 0, f"no packet is due in state {self.state}")

    def _authentication(self, payload: bytes, length: int) -> tuple[Record, str]:
        ctx = self.context
        first = payload[0] if payload else -1
        if first == 0x00:
            ok = OKPacket.from_bytes(payload, ctx)
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

    def _ok(self, payload: bytes) -> tuple[Record, str]:
        ok = OKPacket.from_bytes(payload, self.context)
        return ok, "ok_more" if (ok.status_flags or 0) & SERVER_MORE_RESULTS_EXISTS else "ok"

    def _err(self, payload: bytes) -> tuple[Record, str]:
        if payload[1:3] == b"\xff\xff":
            return ProgressReport.from_bytes(payload, self.context), ""
        return ErrPacket.from_bytes(payload, self.context), "err"

    def _end(self, payload: bytes) -> tuple[Record, str]:
        """0xFE where something ends: EOF (at most 5 bytes) or the OK that replaces it (7 and more)."""
        if len(payload) <= 5:
            eof = EOFPacket.from_bytes(payload, self.context)
            return eof, "ok_more" if (eof.status_flags or 0) & SERVER_MORE_RESULTS_EXISTS else "ok"
        return self._ok(payload)

    def _response(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE:
            return self._end(payload)
        return self._ok(payload)

    def _result(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0x00:
            return self._ok(payload)
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFB:
            return LocalInfileRequest.from_bytes(payload, self.context), "local_infile"
        if first == 0xFE and len(payload) <= 5:
            return self._end(payload)
        head = ColumnCount.from_bytes(payload, self.context)
        self.left = head.column_count
        if head.metadata_follows == 0:
            return head, "rows" if self._no_eof() else "no_metadata"
        return head, "columns"

    def _no_eof(self) -> bool:
        return bool(self.context.in_force & CLIENT_DEPRECATE_EOF) and not self.context.assumed

    def _columns(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        self.left -= 1
        event = ""
        if self.left <= 0:
            event = "rows" if self._no_eof() else "columns_end"
        return Data("column", payload), event

    def _columns_eof(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE and length <= 5:
            eof = EOFPacket.from_bytes(payload, self.context)
            if self.context.assumed:
                self.context.in_force &= ~CLIENT_DEPRECATE_EOF
            if (eof.status_flags or 0) & SERVER_STATUS_CURSOR_EXISTS:
                return eof, "cursor"
            return eof, "eof"
        if not self.context.assumed:
            raise BadValue("EOFPacket", "header", 0, f"0xfe expected, 0x{first & 0xFF:02x} found")
        # The login was not captured: without an EOF here, CLIENT_DEPRECATE_EOF is in force.
        self.context.in_force |= CLIENT_DEPRECATE_EOF
        record, event = self._row(payload, length)
        return record, event or "rows"

    def _row(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE:
            limit = 0xFF_FFFF if self.context.in_force & CLIENT_DEPRECATE_EOF else EOF_LONGEST
            if length < limit:
                return self._end(payload)
        return Data("row", payload), ""

    def _local_infile(self, payload: bytes, length: int) -> tuple[Record, str]:
        # A server may give up before the file has ended.
        return self._response(payload, length)

    def _prepare(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        ok = StmtPrepareOK.from_bytes(payload, self.context)
        if ok.metadata_follows == 0:
            return ok, "ok"
        self.more_columns = ok.num_columns
        if ok.num_params:
            self.left = ok.num_params
            return ok, "params"
        self.left = ok.num_columns
        return ok, "columns" if ok.num_columns else "ok"

    def _after_params(self) -> str:
        if not self.more_columns:
            return "ok"
        self.left = self.more_columns
        return "columns"

    def _prepare_params(self, payload: bytes, length: int) -> tuple[Record, str]:
        self.left -= 1
        if self.left > 0:
            return Data("parameter", payload), ""
        if self.context.in_force & CLIENT_DEPRECATE_EOF:
            return Data("parameter", payload), self._after_params()
        return Data("parameter", payload), "params_end"

    def _prepare_params_eof(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xfe":
            return EOFPacket.from_bytes(payload, self.context), self._after_params()
        if not self.context.assumed or not self.more_columns:
            raise BadValue("EOFPacket", "header", 0, "0xfe expected")
        self.context.in_force |= CLIENT_DEPRECATE_EOF
        self.state = st.PREPARE_COLUMNS
        self.left = self.more_columns
        return self._prepare_columns(payload, length)

    def _prepare_columns(self, payload: bytes, length: int) -> tuple[Record, str]:
        self.left -= 1
        event = ""
        if self.left <= 0:
            event = "ok" if self.context.in_force & CLIENT_DEPRECATE_EOF else "columns_end"
        return Data("column", payload), event

    def _prepare_columns_eof(self, payload: bytes, length: int) -> tuple[Record, str]:
        return EOFPacket.from_bytes(payload, self.context), "ok"

    def _field_list(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE and length < EOF_LONGEST:
            return self._end(payload)
        return Data("column", payload), ""

    def _statistics(self, payload: bytes, length: int) -> tuple[Record, str]:
        if payload[:1] == b"\xff":
            return self._err(payload)
        return Data("statistics", payload), "ok"

    def _stream(self, payload: bytes, length: int) -> tuple[Record, str]:
        first = payload[0] if payload else -1
        if first == 0xFF:
            return self._err(payload)
        if first == 0xFE and length < EOF_LONGEST:
            return self._end(payload)
        return Data("event", payload), ""

    def _skipped(self, payload: bytes, length: int) -> tuple[Record, str]:
        return Data("skipped", payload), ""


def compression_of(in_force: int) -> str | None:
    """The algorithm both sides set; zlib where both are set, as both servers and libmysqlclient choose."""
    if in_force & CLIENT_COMPRESS:
        return ZLIB
    return ZSTD if in_force & CLIENT_ZSTD_COMPRESSION_ALGORITHM else None


Handler = Callable[[Machine, bytes, int], tuple[Record, str]]

_SERVER: Final[dict[str, Handler]] = {
    st.GREETING: Machine._greeting,
    st.LOGIN: Machine._error_only,
    st.TLS_HANDSHAKE: Machine._error_only,
    st.SECURE_LOGIN: Machine._error_only,
    st.AUTHENTICATION: Machine._authentication,
    st.COMMAND: Machine._error_only,
    st.RESPONSE: Machine._response,
    st.RESULT: Machine._result,
    st.COLUMNS: Machine._columns,
    st.COLUMNS_EOF: Machine._columns_eof,
    st.ROWS: Machine._row,
    st.LOCAL_INFILE: Machine._local_infile,
    st.PREPARE: Machine._prepare,
    st.PREPARE_PARAMS: Machine._prepare_params,
    st.PREPARE_PARAMS_EOF: Machine._prepare_params_eof,
    st.PREPARE_COLUMNS: Machine._prepare_columns,
    st.PREPARE_COLUMNS_EOF: Machine._prepare_columns_eof,
    st.FIELD_LIST: Machine._field_list,
    st.STATISTICS: Machine._statistics,
    st.STREAM: Machine._stream,
    st.CLOSED: Machine._error_only,
    st.DESYNCHRONISED: Machine._skipped,
}

_RECORD_TYPES: Final[dict[str, type[Record]]] = {
    kind.__name__: kind
    for kind in (
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
        ComQuery,
        ComChangeUser,
        ColumnCount,
        StmtPrepareOK,
    )
}

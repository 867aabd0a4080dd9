"""What a connection's state machine remembers: where it stands, and how far authentication, result and prepare are."""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.errors import DecodeError
from analyzer.protocol.auth import plugin as find_plugin
from analyzer.protocol.auth.base import AuthRecord, Exchange, Plugin
from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.state import AwaitedCommand, Event, State
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.prepared import PreparedStatement, PreparedStatements
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.set_charset import UNCHANGED, charset_change, codec_named, may_set
from analyzer.protocol.records.commands.text import ComChangeUser
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.records.response import Data
from analyzer.protocol.records.session_track import SessionChange, SystemVariable
from analyzer.protocol.tables import commands as com
from analyzer.protocol.tables.capabilities import SERVER_SESSION_STATE_CHANGED
from analyzer.protocol.tables.collations import codec_of
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import Reader

DEFINITION: Final = 400  # bytes that a definition takes beside its texts
EOF_LONGEST: Final = 9  # an 0xFE packet of this length or more is a row (or OK under CLIENT_DEPRECATE_EOF)
# The head of a COM_QUERY without query attributes, where they are in force: none, in one set.
NO_ATTRIBUTES: Final = b"\x00\x01"
UNREAD: Final = Data("command", b"")
BINARY_RESULTS: Final = frozenset({com.COM_STMT_EXECUTE, com.COM_STMT_BULK_EXECUTE, com.COM_STMT_FETCH})
DUMPS: Final = frozenset({com.COM_BINLOG_DUMP, com.COM_BINLOG_DUMP_GTID})

AnyRecord = Record  # Malformed is one too


class AuthProgress(msgspec.Struct):
    """How far the authentication is.

    plugin_name   as on the wire, also of a plugin nobody here knows
    response      the login's, as long as the greeting has not come
    detail        the plugin's record inside the packet in hand, or None
    login_done    the login's OK has come, what follows is COM_CHANGE_USER's
    """

    plugin: Plugin | None = None
    plugin_name: str | None = None
    response: bytes | None = None
    exchange: Exchange | None = None
    detail: AuthRecord | None = None
    login_done: bool = False

    def begin(self, name: str, nonce: bytes, secure: bool) -> None:
        """The plugin's exchange begins."""
        self.plugin = find_plugin(name)
        self.plugin_name = name
        self.exchange = self.plugin.exchange(nonce, secure)

    def first_response(self, response: bytes) -> None:
        """The response inside a login: a wrong one is the exchange's business, not the login's."""
        if self.exchange is None:
            return
        try:
            self.detail = self.exchange.client(Reader(response, "AuthResponse"))
        except DecodeError:
            self.detail = None

    def lose(self) -> None:
        """Part of the exchange is missing: what follows of it is not the plugin's any more."""
        self.exchange = None
        self.plugin = None


class ResultSetProgress(msgspec.Struct):
    """How far the list of definitions is, of a result set or of a statement that is prepared.

    left             definitions still to come
    columns          of the list that comes
    out_parameters   the result set holds a procedure's OUT parameters: an OK follows it
    rows_begun       a row, or what may stand in front of the first, has come
    departure        (event, frame) of the first result whose EOF packets are not what was agreed on
    definitions, definition_bytes   those that came, and their bytes on the wire: kept where somebody looks at rows
    """

    left: int = 0
    columns: int = 0
    out_parameters: bool = False
    rows_begun: bool = False
    departure: tuple[str, int] | None = None
    definitions: list[ResultColumn] = []
    definition_bytes: int = 0

    @property
    def held(self) -> int:
        """Bytes of memory that the definitions take."""
        return DEFINITION * len(self.definitions) + self.definition_bytes

    def begin_definitions(self) -> None:
        self.definitions = []
        self.definition_bytes = 0


class PreparedProgress(msgspec.Struct):
    """The prepared statements, and how far the answer to a prepare is.

    statements       None while there are none, and in a lean machine
    parameters       of the statement that is prepared
    more_columns     columns whose definitions come after the parameters'
    kept_columns, kept_bytes   definitions that statements hold, and their bytes
    plans            how executes are read that send these types (`execute_fast_path`)
    """

    statements: PreparedStatements | None = None
    plans: dict[bytes, ExecutePlan] = {}
    parameters: int = 0
    more_columns: int = 0
    kept_columns: int = 0
    kept_bytes: int = 0

    @property
    def held(self) -> int:
        """Bytes of memory that the statements and their definitions take."""
        statements = self.statements.held if self.statements is not None else 0
        return statements + self.kept_bytes + DEFINITION * self.kept_columns

    @property
    def known(self) -> PreparedStatements:
        """The statements, an empty list where there were none."""
        if self.statements is None:
            self.statements = PreparedStatements()
        return self.statements


class ConnectionState(msgspec.Struct):
    """All of one connection.

    compression   in force from the packet after the login's OK
    ends          decoded ones, of all connections (`terminators`)
    one_sided     the other direction is not in the capture: nothing answers, ids have holes
    unpaired      bytes are missing, and which answer is a command's can not be told: none awaits one
    lean          nobody looks at statements: those that can not be malformed are not decoded
    decode_rows   somebody looks at rows, definitions and binlog events: they are decoded (`resultset`), else `Data`
    """

    context: Context
    at: State
    auth: AuthProgress
    result: ResultSetProgress
    prepared: PreparedProgress
    compression: str | None = None
    ends: Ends = msgspec.field(default_factory=dict)
    one_sided: bool = False
    unpaired: bool = False
    lean: bool = False
    decode_rows: bool = False

    @property
    def binary_rows(self) -> bool:
        """Whether the rows of the current command are of the binary protocol."""
        command = self.at.command
        return command is not None and command.code in BINARY_RESULTS

    @property
    def statement(self) -> PreparedStatement | None:
        """The prepared statement that the current command makes or uses."""
        command = self.at.command
        return command.statement if command is not None else None

    def again(self, nonce: bytes) -> ConnectionState:
        """Another connection's state, whose login went as this one's did, and is decided or goes into TLS."""
        context, at, auth = self.context, self.at, self.auth
        return ConnectionState(
            Context(
                context.server,
                context.client,
                context.in_force,
                context.flavor,
                nonce,
                client_codec=context.client_codec,
                results_codec=context.results_codec,
            ),
            State(at.name, sequence=at.sequence, quitting=at.quitting, greeted=at.greeted),
            AuthProgress(auth.plugin, auth.plugin_name, login_done=auth.login_done),
            ResultSetProgress(),
            PreparedProgress(),
            self.compression,
            self.ends,
            lean=self.lean,
        )

    def move(self, event: Event) -> None:
        """Goes along the table, and on to the next pipelined command where one has its whole response."""
        at = self.at
        if at.move(event):
            self.auth.exchange = None
            finished = at.finished
            if event == "ok" and finished is not None and finished.code == com.COM_QUERY:
                self.note_statement(finished.head)
            if at.queue:
                self.await_next()

    def await_response(self, command: AwaitedCommand) -> None:
        """A command was sent: its response is what comes."""
        self.at.await_response(command)
        record = command.record
        if isinstance(record, ComChangeUser):
            name = record.auth_plugin_name
            if name is None:
                name = "mysql_native_password" if record.counted else "mysql_old_password"
            self.begin_auth(name, self.context.nonce)
            self.auth.first_response(record.auth_response)
            if record.character_set is not None:
                self.context.speak(codec_of(record.character_set, self.context.mariadb))
        if not self.decode_rows:
            return
        if command.code == com.COM_STMT_FETCH:
            # Answered with rows alone: their definitions came with the execute.
            self.context.columns = command.statement.columns if command.statement is not None else ()
        elif command.code in DUMPS:
            self.context.binlog = None

    def await_next(self) -> None:
        """Goes on to the next pipelined command."""
        detail = self.auth.detail
        self.await_response(self.at.next_command())
        self.auth.detail = detail  # that of the packet in hand

    def check_sequence(self, sender: int, packet: RawPacket) -> None:
        """Notes a wrong sequence id, and takes up the packet's."""
        at = self.at
        # Inside compressed frames the ids say nothing: both servers take up the frame's id at each flush.
        if not self.one_sided and self.compression is None and at.check_sequence(sender, packet.first_sequence_id):
            self.await_next()
        at.took(packet.sequence_id)

    def note_statement(self, head: bytes) -> None:
        """A COM_QUERY was answered with OK: `head` is its payload, which may set the session's character sets."""
        text = head[3:] if head[1:3] == NO_ATTRIBUTES else head[1:]
        if not may_set(text):
            return
        change = charset_change(text)
        if change is not None:
            context = self.context
            if change.client != UNCHANGED:
                context.client_codec = change.client
            if change.results != UNCHANGED:
                context.results_codec = change.results

    def note_ok(self, head: bytes, end: OKPacket | EOFPacket) -> None:
        """A command that begins with `head` was answered with an OK: it, or the server, may say what is in force.

        `head` may be left out where the command is no COM_QUERY.
        """
        if head and head[0] == com.COM_QUERY:
            self.note_statement(head)
        if (end.status_flags or 0) & SERVER_SESSION_STATE_CHANGED and isinstance(end, OKPacket):
            self.note_session(end.session_state_info or ())

    def note_session(self, changes: tuple[SessionChange, ...]) -> None:
        """The server says what has changed in the session: its character sets may be among it."""
        for change in changes:
            if isinstance(change, SystemVariable):
                if change.name == "character_set_client":
                    self.context.client_codec = codec_named(change.value)
                elif change.name == "character_set_results":
                    self.context.results_codec = codec_named(change.value)

    def begin_auth(self, name: str, nonce: bytes) -> None:
        """A plugin's exchange begins on what the server gave it."""
        self.auth.begin(name, nonce, self.context.secure)


def new_connection(context: Context | None, name: st.StateName) -> ConnectionState:
    """A connection that stands at a state."""
    auth = AuthProgress(login_done=name not in st.CONNECTION_PHASE)
    return ConnectionState(context or Context(), State(name), auth, ResultSetProgress(), PreparedProgress())

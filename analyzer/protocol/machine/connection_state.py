"""What a connection's state machine remembers, and its moves along `state.TRANSITIONS`."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from analyzer.errors import DecodeError
from analyzer.protocol.auth import plugin as find_plugin
from analyzer.protocol.auth.base import AuthRecord, Exchange, Plugin
from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.prepared import PreparedStatement, PreparedStatements
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.commands.text import ComChangeUser
from analyzer.protocol.records.response import Data
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import Reader

CLIENT: Final = 0
SERVER: Final = 1
EOF_LONGEST: Final = 9  # an 0xFE packet of this length or more is a row (or OK under CLIENT_DEPRECATE_EOF)

MAX_PIPELINED: Final = 4096
# The head of a COM_QUERY without query attributes, where they are in force: none, in one set.
NO_ATTRIBUTES: Final = b"\x00\x01"
UNREAD: Final = Data("command", b"")

AnyRecord = Record  # Malformed is one too


class SequenceError(msgspec.Struct, frozen=True):
    sender: int
    expected: int
    found: int


class AwaitedCommand(msgspec.Struct):
    """A command that awaits its response. `sequence` is the id of its last packet.

    `statement` is the prepared statement that it makes or uses; None for other commands, and in a lean machine.
    """

    code: int
    record: AnyRecord
    sequence: int
    statement: PreparedStatement | None = None


class Moves(msgspec.Struct):
    """One connection's protocol state.

    After each `feed`: `detail` is the auth plugin's record inside the packet (or None), `sequence_error` says whether
    its sequence id was wrong, `finished` is the command whose response this packet completed (or None).
    """

    context: Context = msgspec.field(default_factory=Context)
    state: str = st.GREETING
    command: AwaitedCommand | None = None  # whose response is awaited
    queue: deque[AwaitedCommand] = msgspec.field(default_factory=deque)  # pipelined behind it
    finished: AwaitedCommand | None = None
    sequence: int | None = None  # of the last packet of the current exchange; None: any may follow
    sequence_error: SequenceError | None = None
    plugin: Plugin | None = None
    plugin_name: str | None = None  # as on the wire, also of a plugin nobody here knows
    exchange: Exchange | None = None
    detail: AuthRecord | None = None
    compression: str | None = None  # in force from the packet after the login's OK
    ends: Ends = msgspec.field(default_factory=dict)  # decoded ones, of all connections
    one_sided: bool = False  # the other direction is not in the capture: nothing answers, ids have holes
    # Nobody looks at statements: those that can not be malformed are not decoded.
    lean: bool = False
    statements: PreparedStatements | None = None  # prepared ones; None while there are none, and in a lean machine
    # The client has said goodbye: servers close, some proxies say OK.
    quitting: bool = False
    # Id of the client's last packet of a file that the server did not want to the end; None where there is none.
    file_sequence: int | None = None
    # Somebody looks at rows, definitions and binlog events: they are decoded (`results`). Else they are `Data`.
    decode_rows: bool = False
    definitions: list[ResultColumn] = []
    definition_bytes: int = 0
    kept_columns: int = 0  # definitions that prepared statements hold, and their bytes
    kept_bytes: int = 0
    left: int = 0  # definitions still to come
    columns: int = 0  # of the result set, or of the statement that is prepared, whose definitions come
    parameters: int = 0
    out_parameters: bool = False  # the result set holds a procedure's OUT parameters: an OK follows it
    more_columns: int = 0  # columns whose definitions come after the parameters'
    login_done: bool = False

    def __post_init__(self) -> None:
        self.login_done = self.state not in st.CONNECTION_PHASE

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
            self._await_next()
        else:
            self.state = st.COMMAND

    def _await(self, command: AwaitedCommand) -> None:
        self.command = command
        self.sequence = command.sequence
        self.state = st.AWAITED.get(command.code, st.RESPONSE)
        if isinstance(command.record, ComChangeUser):
            self._change_user(command.record)

    def _await_next(self) -> None:
        """Goes on to the next pipelined command."""
        detail = self.detail
        self._await(self.queue.popleft())
        self.detail = detail  # that of the packet in hand

    def _check_sequence(self, sender: int, packet: RawPacket) -> None:
        last = self.sequence
        found = packet.first_sequence_id
        # Inside compressed frames the ids say nothing: both servers take up the frame's id at each flush.
        if last is not None and not self.one_sided and self.compression is None:
            expected = (last + 1) & 0xFF
            # An error that nobody asked for (shutdown, wait_timeout) starts at 0 whatever came before.
            unasked = sender == SERVER and self.state == st.COMMAND and found == 0
            if found != expected and not unasked:
                self.sequence_error = SequenceError(sender, expected, found)
                if sender == SERVER and self.queue and found == (self.queue[0].sequence + 1) & 0xFF:
                    # The next response begins: this one was not understood to its end, and must not shift all others.
                    self._await_next()
        self.sequence = packet.sequence_id

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

    def _change_user(self, record: ComChangeUser) -> None:
        name = record.auth_plugin_name
        if name is None:
            name = "mysql_native_password" if record.counted else "mysql_old_password"
        self._begin_auth(name, self.context.nonce)
        self._first_response(record.auth_response)

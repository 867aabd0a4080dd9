"""Commands and their whole responses, one `PendingCommand` each: what was asked, what came back, and how long it took.

Rows and column definitions are counted, not decoded.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from functools import lru_cache
from typing import Final

from analyzer.analysis.commands.pending import PendingCommand, Request, command_of, pending_of, result_of, text_of
from analyzer.analysis.conversation.observer import GAP_UNSENT, TurnObserver
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import (
    BINLOG,
    ENCRYPTED,
    EOF,
    ERROR,
    LOCAL_INFILE,
    MISSING,
    NONE,
    OK,
    PREPARE_OK,
    RESULTSET,
    STATISTICS,
    Command,
)
from analyzer.analysis.model.connection import Endpoint
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.fast_path import Scanned
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.authentication import AuthResponse
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.commands.clone import CloneCommand, CloneError
from analyzer.protocol.records.commands.replication import SemiSyncAck
from analyzer.protocol.records.commands.text import ComChangeUser, ComInitDb, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.records.response import ColumnCount, Data, LocalInfileRequest, Statistics, StmtPrepareOK
from analyzer.protocol.records.resultset import BinaryRow, ColumnDefinition41, ColumnDefinition320, TextRow
from analyzer.protocol.records.session_track import Schema
from analyzer.protocol.tables.capabilities import (
    CLIENT_QUERY_ATTRIBUTES,
    SERVER_STATUS_CURSOR_EXISTS,
)
from analyzer.protocol.tables.collations import codec_of
from analyzer.protocol.tables.commands import (
    COM_BINLOG_DUMP,
    COM_BINLOG_DUMP_GTID,
    COM_FIELD_LIST,
    COM_PROCESS_INFO,
    COM_QUERY,
    COM_QUIT,
    COM_STATISTICS,
    COM_STMT_BULK_EXECUTE,
    COM_STMT_EXECUTE,
    COM_STMT_FETCH,
    COM_STMT_PREPARE,
)
from analyzer.protocol.wire.framing import HEADER, LONGEST, PacketFramer, RawPacket
from analyzer.protocol.wire.text import in_charset

# What a command has got of whose response only the end is there: those that are answered in one way alone, or with more
# than one packet.
REST_OF: Final[dict[int, str]] = {
    **dict.fromkeys((COM_QUERY, COM_STMT_EXECUTE, COM_STMT_BULK_EXECUTE, COM_STMT_FETCH, COM_PROCESS_INFO), RESULTSET),
    COM_FIELD_LIST: RESULTSET,
    COM_STMT_PREPARE: PREPARE_OK,
    COM_STATISTICS: STATISTICS,
    COM_BINLOG_DUMP: BINLOG,
    COM_BINLOG_DUMP_GTID: BINLOG,
}
# Commands that are held back at one time.
MOST_HELD: Final = 4096
# Result sets of one command that are listed; more are counted in `rows` alone.
MOST_RESULTS: Final = 256
# Bytes that a command takes beside its packets while it goes on.
COMMAND: Final = 1024

# How a USE may begin.
USE_BEGINS: Final = (b"u", b"U", b" ", b"\n", b"\t", b"\r")
_USE: Final = re.compile(r"\s*(?a:use)\s+(`(?:[^`]|``)+`|[^\s;`]+)\s*;?\s*\Z", re.IGNORECASE)
# Where an EOF stands between definitions and what follows them.
_BETWEEN: Final = frozenset({st.COLUMNS_EOF, st.PREPARE_PARAMS_EOF, st.PREPARE_COLUMNS_EOF})
# Where an OK ends rows instead of answering by itself.
_IN_ROWS: Final = frozenset({st.ROWS, st.COLUMNS_EOF, st.FIELD_LIST})


Sink = list[tuple[int, "CommandTracker", PendingCommand]]

# What is counted by its place, where somebody else looks on and has it decoded.
_DECODED: Final[dict[type[AnyRecord], str]] = {
    TextRow: "row",
    BinaryRow: "row",
    ColumnDefinition41: "column",
    ColumnDefinition320: "column",
    Statistics: "statistics",
    BinlogEvent: "event",
}


# Letters of a user and a database that are kept for logins that say the same.
LONGEST_KNOWN: Final = 256

# Commands that wait where none do: it takes nothing, and spares most connections a list of their own.
_NONE_WAIT: Final[deque[PendingCommand]] = deque(maxlen=0)

# (database, user): what is in force.
Session = tuple[str | None, str | None]
_NOBODY: Final[Session] = (None, None)


def bytes_of(packet: RawPacket) -> int:
    """A packet's bytes on the wire, headers of all its parts included."""
    return packet.length + HEADER * (1 + packet.length // LONGEST)


class CommandTracker(TurnObserver):
    """Observes one connection; a command that is over goes to `sink` as (frame of its last byte, tracker, command).

    `touched` is what the packet in hand belongs to, for whoever looks on after the log. `number` is that of the next
    command, `user` and `database` those in force.
    """

    __slots__ = (
        "_due",
        "_ends",
        "_held",
        "_session",
        "_sink",
        "_waiting",
        "certain",
        "client",
        "context",
        "database",
        "number",
        "tcp",
        "touched",
        "user",
    )

    def __init__(self, tcp: TcpConnection, sink: Sink) -> None:
        self.start(tcp, sink)

    def start(self, tcp: TcpConnection, sink: Sink) -> None:
        """As `__init__`, for who makes many."""
        self.tcp = tcp
        self.client = 0  # index of the client's endpoint
        self.touched: PendingCommand | None = None
        self._sink = sink
        self._waiting = _NONE_WAIT
        self._due = False
        # Commands whose answers may turn out to be those of others.
        self._held: list[PendingCommand] = []
        self.certain = True  # answers can not turn out to be those of other commands
        self._ends: tuple[Endpoint, Endpoint] | None = None
        self.number = 0
        self.user: str | None = None
        self.context: Context | None = None  # of the connection, as soon as a packet has come
        self.database: str | None = None
        self._session: Session = _NOBODY

    @property
    def ends(self) -> tuple[Endpoint, Endpoint]:
        """(client, server)."""
        if self._ends is None:
            a, b = (Endpoint(*endpoint) for endpoint in self.tcp.endpoints)
            self._ends = (b, a) if self.client else (a, b)
        return self._ends

    @property
    def held(self) -> int:
        touched = self.touched
        held = sum(COMMAND + command.request.length for command in self._waiting)
        return held + (touched.request.length if touched is not None and touched not in self._waiting else 0)

    # -- what is seen --------------------------------------------------------------------------------------------------

    def begin(self, client: int) -> None:
        self.client = client

    @property
    def logins(self) -> bool:
        return False

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        self.context = context = machine.context
        if record is not None:
            # What is in force behind the login may be another one.
            self._login(record, codec_of(record.collation_id, context.mariadb))

    def _login(self, record: HandshakeResponse41 | HandshakeResponse320, codec: str | None) -> None:
        database, user = record.database, record.username
        made = _known_session if len(user) + len(database or "") <= LONGEST_KNOWN else _session_of
        self._session = session = made(database, user, codec)
        self.database, self.user = session

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        waiting = self._waiting
        self.context = machine.context
        if role == CLIENT:
            self.touched = None
            self._client(packet, record, machine, before)
        elif waiting and self._due and before != st.DESYNCHRONISED:
            self.touched = pending = waiting[0]
            _server(pending, packet, record, before)
            if machine.finished is not None:
                pending.ended = True
                self.complete(waiting.popleft())
        else:
            self.touched = None
        self._due = machine.command is not None  # the login's verdict may be due before it, and answers no command
        if len(waiting) > 1 or not self._due:
            # The rest of a response is not in the capture, or went another way.
            awaited = len(machine.queue) + (machine.command is not None)
            while len(waiting) > awaited:
                self.complete(waiting.popleft())

    def _client(self, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if isinstance(record, Data) and record.kind != "command":
            if record.kind == "file" and self._waiting:
                self.touched = self._waiting[0]
                self.touched.request.length += bytes_of(packet)
            return
        if isinstance(record, CloneCommand) and self._waiting:
            # Part of COM_CLONE, and no command.
            self.touched = self._waiting[0]
            self.touched.request.length += bytes_of(packet)
            return
        if isinstance(record, AuthResponse | SemiSyncAck | CloneCommand):
            return
        if before in st.CONNECTION_PHASE and before != st.AUTHENTICATION:
            if isinstance(record, HandshakeResponse41 | HandshakeResponse320):
                self._login(record, machine.context.client_codec)
            return
        if not packet.payload:
            return
        code = packet.payload[0]
        request = Request(
            *(packet.frame, packet.time_ns, code, None, record, bytes_of(packet), None, self.database, self.user),
            prepared=_prepared(record, machine),
            codecs=_codecs(machine.context),
            stray=packet.first_sequence_id != 0,
        )
        request.statement, request.num_params = _statement(record, request.prepared)
        self.touched = pending = PendingCommand(self.number, request)
        if packet.missing:
            pending.torn = True
            pending.missing_bytes += packet.missing
        self.number += 1
        if code in st.UNANSWERED:
            pending.response = NONE
            pending.ended = True
            pending.last_frame = packet.frame
            self.complete(pending)
        elif machine.one_sided or machine.unpaired:
            pending.torn = machine.unpaired
            if machine.context.secure:
                pending.response = ENCRYPTED  # the keys open the client's side alone
            self.complete(pending)
        else:
            self._await(pending)

    def _await(self, pending: PendingCommand) -> None:
        """An answer to this command is to come."""
        if self._waiting is _NONE_WAIT:
            self._waiting = deque()
        self._waiting.append(pending)

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        if self._waiting:
            pending = self._waiting[0]
            if pending.response_frame is None:  # COM_STMT_FETCH: a row is the first packet of its response
                pending.response_frame, pending.first_ns = framer.start
            pending.last_frame, pending.last_ns = framer.mark
            pending.bytes_response += length + HEADER * count
            if before == st.ROWS:
                pending.rows = (pending.rows or 0) + count
                if pending.response == MISSING:
                    pending.response = RESULTSET  # COM_STMT_FETCH: nothing comes before the rows

    def end(self, role: int, kind: str, frame: int, time_ns: int) -> None:
        self.touched = None

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        if not self._waiting:
            return
        pending = self._waiting[0]
        if role == SERVER or reason == GAP_UNSENT or pending.response == LOCAL_INFILE:
            pending.torn = True
            pending.missing_bytes += length

    def skipped(self, role: int, data: bytes, frame: int, time_ns: int) -> None:
        # Not more than one command can have been waiting, or the bytes are not known to be of its answer.
        if role != SERVER or len(self._waiting) != 1 or not self._waiting[0].torn:
            return
        pending = self._waiting[0]
        if pending.response_frame is None:
            pending.response_frame = frame
            pending.first_ns = 0
        pending.last_frame = frame
        pending.last_ns = time_ns
        pending.bytes_response += len(data)
        if pending.response == MISSING:
            pending.response = REST_OF.get(pending.request.code, MISSING)

    def desynchronised(self) -> None:
        # The rest of an answer with a hole may follow; of all others nothing is known any more.
        open_end = [self._waiting.popleft()] if self._waiting and self._waiting[0].torn else []
        while self._waiting:
            self._waiting[0].torn = True
            self.complete(self._waiting.popleft())
        self._waiting.extend(open_end)
        for pending in self._released():
            self.put(pending.without_answer() if pending.response != NONE else pending)

    def taken_up(self) -> None:
        while self._waiting:
            self.complete(self._waiting.popleft())  # the client has all of an answer with a hole, and goes on
        self.proven()
        self.certain = False

    def proven(self) -> None:
        for pending in self._released():
            self.put(pending)

    def _released(self) -> list[PendingCommand]:
        """The commands that were held back: their answers are certain from now on."""
        held, self._held, self.certain = self._held, [], True
        return held

    @property
    def plain(self) -> bool:
        return self.full

    @property
    def turns(self) -> bool:
        return self.full and not self._waiting

    @property
    def executes(self) -> bool:
        return True

    @property
    def all_turns(self) -> bool:
        return True

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        self.count(turn)
        self.complete(pending_of(turn, _codecs(machine.context)))

    def count(self, turn: PlainTurn) -> None:
        """The turn is the next command."""
        turn.number = self.number
        self.number += 1
        session = self._session
        if session[0] is not self.database or session[1] is not self.user:
            session = self._session = self.database, self.user
        turn.session = session

    def request(
        self,
        data: bytes,
        statement: PreparedStatement | None,
        plan: ExecutePlan | None,
        in_force: int,
        frame: int,
        time_ns: int,
    ) -> None:
        query, count = (None, None) if statement is None else (statement.query, statement.num_params)
        code = data[HEADER]
        request = Request(frame, time_ns, code, query, None, len(data), count, self.database, self.user)
        pending = PendingCommand(self.number, request)
        self.number += 1
        if code == COM_QUIT:
            pending.response = NONE
            pending.ended = True
            self.complete(pending)
            return
        if self.context is not None:
            request.codecs = _codecs(self.context)
        if plan is not None:
            request.text = data
            request.plan = plan
            request.prepared = statement
        else:
            request.text = data[7:] if in_force & CLIENT_QUERY_ATTRIBUTES else data[5:]
        self._await(pending)
        self._due = True

    def response(
        self,
        found: Scanned,
        end: OKPacket | EOFPacket,
        length: int,
        ends: list[int],
        frames: list[int],
        times: list[int],
    ) -> None:
        self._due = False
        if not self._waiting:
            return
        pending = self._waiting.popleft()
        if pending.response_frame is None:
            pending.response_frame = frames[bisect_left(ends, found.first_stop)] if len(ends) > 1 else frames[0]
            pending.first_ns = times[0]
        pending.last_frame = frames[-1]
        pending.last_ns = times[-1]
        pending.bytes_response += length
        pending.ended = True
        _begin_result(pending, OK if found.columns is None else RESULTSET)
        pending.ok = end
        if found.columns is not None:
            pending.columns = found.columns
            pending.rows = found.rows
        self.complete(pending)

    def close(self) -> None:
        while self._waiting:
            self.complete(self._waiting.popleft())
        self.proven()

    # -- what is done with it ------------------------------------------------------------------------------------------

    def complete(self, pending: PendingCommand) -> None:
        """Takes a command that is over."""
        request = pending.request
        record = request.record
        if pending.response in (OK, EOF):
            if isinstance(record, ComInitDb):
                self.database = record.schema_name
            elif isinstance(record, ComChangeUser):
                self.user, self.database = record.user, record.database or None
            elif record is None:
                if request.code == COM_QUERY and request.text[:1] in USE_BEGINS:
                    self._use(text_of(request.text))
            elif isinstance(record, ComQuery):
                self._use(record.query)
        if isinstance(pending.ok, OKPacket):
            for change in pending.ok.session_state_info or ():
                if isinstance(change, Schema):
                    self.database = change.value or None
        if not self.certain and len(self._held) < MOST_HELD:
            self._held.append(pending)
        else:
            self.put(pending)

    def put(self, pending: PendingCommand) -> None:
        """Takes a command of which nothing changes any more."""
        self._sink.append((max(pending.last_frame, pending.request.frame), self, pending))

    def command(self, capture: str, pending: PendingCommand, mask: StatementMask | None = None) -> Command:
        """What the reports show of a command of this connection that is over. Without `mask` its secrets are shown."""
        return command_of(capture, self.tcp.number, *self.ends, pending, mask)

    def _use(self, statement: str) -> None:
        found = _USE.match(statement)
        if found is not None:
            codec = self.context.client_codec if self.context is not None else None
            self.database = in_charset(_unquoted(found[1]), codec)


def _session_of(database: str | None, user: str, codec: str | None) -> Session:
    """What is in force behind a login."""
    return in_charset(database or "", codec) or None, in_charset(user, codec)


# The same object for logins that say the same, as most do.
_known_session: Final = lru_cache(64)(_session_of)


def _codecs(context: Context) -> tuple[str | None, str | None] | None:
    """The codecs of both sides' text; None where both are UTF-8."""
    client, results = context.client_codec, context.results_codec
    return None if client is None and results is None else (client, results)


def _statement(record: AnyRecord, prepared: PreparedStatement | None) -> tuple[str | None, int | None]:
    """The text of a command's statement, and how many parameters it has (None: not known)."""
    if isinstance(record, ComQuery | ComStmtPrepare):
        return record.query, 0
    return (None, None) if prepared is None else (prepared.query, prepared.num_params)


def _prepared(record: AnyRecord, machine: Machine) -> PreparedStatement | None:
    """The prepared statement that the command in hand makes or uses."""
    command = machine.queue[-1] if machine.queue else machine.command
    return None if command is None or command.record is not record else command.statement


def _server(pending: PendingCommand, packet: RawPacket, record: AnyRecord, before: str) -> None:
    """Adds a packet of the response."""
    if pending.response_frame is None:
        pending.response_frame = packet.frame
        pending.first_ns = packet.start_ns
    pending.last_frame = packet.frame
    pending.last_ns = packet.time_ns
    pending.bytes_response += bytes_of(packet)
    if isinstance(record, OKPacket):
        if before not in _IN_ROWS:
            _begin_result(pending, OK)
        elif pending.response == MISSING:
            _no_rows(pending, before)
        pending.ok = record
    elif isinstance(record, ErrPacket):
        pending.response = ERROR
        pending.error = record
    elif isinstance(record, EOFPacket):
        if before in _BETWEEN:
            if (record.status_flags or 0) & SERVER_STATUS_CURSOR_EXISTS:
                pending.ok = record
            return
        if pending.response == MISSING:
            if before == st.ROWS:
                _no_rows(pending, before)
            else:
                _begin_result(pending, EOF)
        pending.ok = record
    elif isinstance(record, ColumnCount):
        _begin_result(pending, RESULTSET)
        pending.columns = record.column_count
        pending.rows = 0
    elif isinstance(record, Data):
        _data(pending, record.kind)
    elif isinstance(record, StmtPrepareOK):
        pending.response = PREPARE_OK
        pending.columns = record.num_columns
    elif isinstance(record, LocalInfileRequest):
        pending.response = LOCAL_INFILE
    elif isinstance(record, CloneError):
        pending.response = ERROR
        pending.error = ErrPacket(record.error_code, None, record.error_message)
    else:
        _data(pending, _DECODED.get(type(record), ""))


def _no_rows(pending: PendingCommand, before: str) -> None:
    """The end of rows or definitions of which there were none: COM_STMT_FETCH has no head in front of its rows."""
    _begin_result(pending, RESULTSET)
    if before == st.ROWS:
        pending.rows = 0


def _begin_result(pending: PendingCommand, response: str) -> None:
    """A result begins; what the one before it came to goes to the list."""
    if not pending.answered:
        pending.answered = True
        if pending.response == MISSING:
            pending.response = response
        return
    if pending.before is None:
        pending.before = []
    if len(pending.before) < MOST_RESULTS:
        pending.before.append(result_of(pending))
    pending.columns = pending.rows = None
    pending.ok = None
    if response == RESULTSET:
        pending.response = RESULTSET


def _data(pending: PendingCommand, what: str) -> None:
    """Counts what is passed over by its place."""
    if what == "row":
        pending.response = RESULTSET
        pending.rows = (pending.rows or 0) + 1
    elif what == "event":
        pending.response = BINLOG
        pending.rows = (pending.rows or 0) + 1
    elif what == "statistics":
        pending.response = STATISTICS
    elif what == "column" and pending.request.code == COM_FIELD_LIST:
        pending.response = RESULTSET
        pending.columns = (pending.columns or 0) + 1


def _unquoted(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name

"""What of a packet is secret: the one place that says so. Every output asks here before it shows a byte.

Secret is what a password, a token or a scramble can be made from. Masking fails closed: of a packet of the connection
phase, or a statement, that can not be decoded whole, all that follows what was decoded is hidden.

Positions are those of `field_spans`: bytes of the packet's payload.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from analyzer.analysis.packets.field_spans import spans_of
from analyzer.analysis.packets.sql_hints import has_hint
from analyzer.analysis.packets.sql_names import OPEN_VARIABLES, VALUES, shape_of
from analyzer.analysis.packets.sql_secrets import holds_secret, secrets_of, without
from analyzer.analysis.packets.statement_mask import (
    LONGEST_REMEMBERED,
    MASK,
    OPEN_ATTRIBUTES,
    StatementMask,
    make_room,
    secret_attribute,
    secret_name,
    shared_with,
)
from analyzer.errors import DecodeError
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.auth.dialog import Dialog, Question, is_ordinary
from analyzer.protocol.columns import Columns
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, AnyRecord, AwaitedCommand, Machine
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.authentication import AuthMoreData, AuthNextFactor, AuthResponse, AuthSwitchRequest
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.binlog import rows, statement
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.binlog.payload import TransactionPayload
from analyzer.protocol.records.commands.admin import ComCreateDb, ComDropDb, ComFieldList
from analyzer.protocol.records.commands.clone import CLONE_DATA, CloneResponse
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.replication import (
    ComBinlogDump,
    ComBinlogDumpGtid,
    ComRegisterSlave,
    ComTableDump,
)
from analyzer.protocol.records.commands.statement import ComStmtBulkExecute, ComStmtExecute, ComStmtSendLongData
from analyzer.protocol.records.commands.table import ComMulti, CutCommand
from analyzer.protocol.records.commands.text import ComChangeUser, ComInitDb, ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import ErrPacket, OKPacket
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.records.response import Data
from analyzer.protocol.records.resultset import BinaryRow, TextRow
from analyzer.protocol.records.session_track import SessionChange, SystemVariable
from analyzer.protocol.tables import commands as com
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Span

MASKED: Final = "(masked)"  # in the place of a whole value
FILL: Final = 0x2A  # *: in the place of each byte
CARRIERS: Final = (HandshakeResponse41, HandshakeResponse320, ComChangeUser)
SWITCHES: Final = (AuthSwitchRequest, AuthNextFactor)
STATEMENTS: Final = (ComQuery, ComStmtPrepare)
# Commands that name something, in whose place a statement may stand.
NAMING: Final = (
    *(ComInitDb, ComCreateDb, ComDropDb, ComFieldList, ComTableDump, ComRegisterSlave, ComBinlogDump),
    *(ComBinlogDumpGtid, ComChangeUser),
)
# Bytes of a login that come before its user, and so before any secret.
LOGIN_HEAD: Final = 32
LOGIN_HEAD_320: Final = 5
_HEADS: Final[dict[str, int]] = {"HandshakeResponse41": LOGIN_HEAD, "HandshakeResponse320": LOGIN_HEAD_320}
# Fields of a broken packet of the client that show nothing, beside its numbers.
_OPEN_PARTIAL: Final = frozenset({"username", "user", "filler"})
_SECRET_NUMBERS: Final = frozenset({"parameter_value"})
# System tables whose rows are passwords.
_SECRET_TABLES: Final = frozenset(
    {"mysql.user", "mysql.global_priv", "mysql.servers", "mysql.slave_master_info", "mysql.password_history"}
)
# Plugins whose servers answer with tokens of Kerberos and messages of SCRAM.
TOKEN_PLUGINS: Final = frozenset(
    {"auth_gssapi_client", "authentication_kerberos_client", "authentication_ldap_sasl_client"}
)
# Client's data by its place that may be seen.
_OPEN_DATA: Final = frozenset({"file"})
# Server's data by its place of which nobody knows what it is.
_CLOSED_DATA: Final = frozenset({"skipped", "event"})
# What a result holds whose statement asks for accounts: rows whose columns are not known are hidden whole.
_ACCOUNT_RESULTS: Final = ("SHOW GRANTS", "SHOW CREATE USER", "RANDOM PASSWORD")
_SETTING: Final = re.compile(r"[\x00-\x1f]?[\w.-]+")  # a value of a binlog may have its length before it
_VARIABLE: Final = re.compile(r"(?<![\w@.])@([\w$]+|`[^`]+`|'[^']+'|\"[^\"]+\")")
LONGEST_NAME: Final = 100  # bytes of a setting's name

Ranges = list[tuple[int, int]]


class PacketSurroundings(NamedTuple):
    """What masking has to know of a packet beside its own bytes.

    before    the state it came in
    open      fields of the plugin in force that may be shown
    command   the command that it answers
    prepared  the prepared statement that a client's command names
    stray     a client's packet with an id that begins no command, where one is due
    tokens    the plugin in force makes the server prove itself too, or may be another than is known: what the server
              sends for the plugin is made from the password or a ticket
    """

    role: int
    before: str
    open: frozenset[str] = frozenset()
    command: AwaitedCommand | None = None
    prepared: PreparedStatement | None = None
    stray: bool = False
    tokens: bool = False

    @classmethod
    def of(cls, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> PacketSurroundings:
        """As the machine has it when it took the packet."""
        if role != CLIENT:
            # Where the plugin is not known, or says nothing like it, it may be one of those.
            tokens = machine.plugin_name in TOKEN_PLUGINS or machine.detail is None
            return cls(role, before, command=machine.finished or machine.command, tokens=tokens)
        plugin = machine.plugin
        shown = plugin.open_fields if plugin is not None else frozenset()
        prepared = None
        if isinstance(record, Data):
            return cls(role, before, shown, machine.command)
        if isinstance(record, ComStmtSendLongData | CutCommand):
            if machine.statements is not None:
                prepared = machine.statements.get(int.from_bytes(packet.payload[1:5], "little"))
        else:
            command = machine.queue[-1] if machine.queue else machine.command
            if command is not None and command.record is record:
                prepared = command.statement
        stray = packet.first_sequence_id != 0 and before not in st.CONNECTION_PHASE
        return cls(role, before, shown, None, prepared, stray)

    @property
    def statement(self) -> str | None:
        """The statement that the packet answers, or whose prepared form it names."""
        if self.prepared is not None:
            return self.prepared.query
        command = self.command
        if command is None:
            return None
        if isinstance(command.record, STATEMENTS):
            return command.record.query
        if isinstance(command.record, NAMING):
            return command.record.summary()
        return command.statement.query if command.statement is not None else None

    @property
    def cut(self) -> bool:
        """Whether the statement that it answers is not there to its end."""
        record = self.command.record if self.command is not None else None
        return isinstance(record, STATEMENTS) and bool(record.cut)


class PacketMask:
    """Masks packets. One serves many connections."""

    __slots__ = ("_asked", "_columns", "_secret_columns", "statements")

    def __init__(self) -> None:
        self.statements = StatementMask()
        # Whether statements that were asked about hide anything of what answers them.
        self._asked: dict[str, bool] = {}
        # The columns that were asked about last, and those of them that are secret.
        self._columns: Columns = ()
        self._secret_columns: frozenset[int] = frozenset()

    def hidden(
        self,
        payload: bytes,
        record: AnyRecord,
        detail: AuthRecord | None,
        context: Context,
        around: PacketSurroundings,
        spans: Sequence[Span] | None = None,
    ) -> Ranges:
        """What of the payload must not be shown, as (start, stop). `spans` are its fields, where they are known."""
        if around.role == CLIENT:
            ranges = self._client(payload, record, detail, context, around, spans)
        elif isinstance(detail, Question) or (isinstance(record, SWITCHES) and record.plugin_name == Dialog.name):
            fields = spans_of(payload, record, detail, context) if spans is None else spans
            prompts = [one for one in fields if one.name in ("prompt", "plugin_provided_data")]
            ranges = [(one.start, one.end) for one in prompts if not is_ordinary(_text(one.value))]
        else:
            ranges = self._server(payload, record, context, around, spans)
        return [(start, min(stop, len(payload))) for start, stop in ranges if start < min(stop, len(payload))]

    def summary(self, record: AnyRecord, detail: AuthRecord | None, around: PacketSurroundings) -> str:
        """The record's line in plain words, without secrets."""
        if around.role == CLIENT:
            if around.stray and not is_command(record):
                return MASKED
            text = self.statements.statement(record.summary())
            if detail is not None:
                return f"{text}: {detail.summary()}" if isinstance(record, CARRIERS) else detail.summary()
            return text
        if detail is not None:
            return detail.summary()
        if isinstance(record, ErrPacket):
            return record.summary().replace(record.error_message, self._message(record, around))
        text = record.summary()
        if isinstance(record, OKPacket):
            return self._quoting(self._tracked(record).summary(), around)
        return self._quoting(self._event(record, text) or self.statements.statement(text), around)

    def decided_by(self, around: PacketSurroundings) -> tuple[Hashable, ...]:
        """What beside a packet decides what of it is hidden: of equal packets, the same where this is equal."""
        asked, prepared = around.statement, around.prepared
        if asked is not None and around.role != CLIENT and not self._hides(asked):
            asked = ""  # as good as any other
        return (
            *(around.role, around.before, around.open, around.stray, around.tokens, around.cut, asked),
            None if prepared is None else prepared.num_params,
            *_secret_values(self.statements, around),
        )

    def _hides(self, asked: str) -> bool:
        """Whether a statement may hide anything of what answers it."""
        known = self._asked.get(asked)
        if known is None:
            statements = self.statements
            known = bool(statements.secrets(asked)) or statements.selects_secret(asked) or _asks_accounts(asked)
            if len(asked) <= LONGEST_REMEMBERED:
                make_room(self._asked)
                self._asked[asked] = known
        return known

    # -- a client's packets --------------------------------------------------------------------------------------------

    def _client(
        self,
        payload: bytes,
        record: AnyRecord,
        detail: AuthRecord | None,
        context: Context,
        around: PacketSurroundings,
        spans: Sequence[Span] | None,
    ) -> Ranges:
        whole = [(0, len(payload))]
        connecting = around.before in st.CONNECTION_PHASE
        if isinstance(record, Malformed):
            return [(_head(record.record_type), len(payload))]
        if isinstance(record, Data):
            hides = record.kind not in _OPEN_DATA or around.cut or self.statements.hides_file(around.statement)
            return whole if connecting or hides else []
        if isinstance(record, AuthResponse) and detail is None:
            return whole
        if around.stray and not is_command(record):
            return whole
        if isinstance(record, ComOther):
            return [(1, len(payload))]
        if isinstance(record, CutCommand):
            return self._cut_command(payload, record, around)
        if spans is None:
            spans = spans_of(payload, record, detail, context)
        if isinstance(record, CARRIERS):
            return sorted(_login(payload, record, spans) + self._names(payload, spans))
        if isinstance(record, AuthResponse):
            return _all_but([span for span in spans if span.name in around.open], len(payload))
        if isinstance(record, STATEMENTS):
            return self._query(payload, record, spans)
        if isinstance(record, ComStmtExecute | ComStmtBulkExecute):
            return self._execute(record, spans, around)
        if isinstance(record, ComStmtSendLongData):
            hides = self.statements.hides_parameter(around.statement, record.param_id, record.data)
            return [(span.start, span.end) for span in spans if span.name == "data" and hides]
        if isinstance(record, ComRegisterSlave):
            password = [(span.start, span.end) for span in spans if span.name == "slaves_password"]
            return sorted(password + self._names(payload, spans))
        if isinstance(record, ComMulti):
            return list(self._together(record, spans, context, around))
        return self._names(payload, spans)

    def _names(self, payload: bytes, spans: Sequence[Span]) -> Ranges:
        """Commands that name something: a statement may stand in the place of a name."""
        ranges: Ranges = []
        for span in spans:
            if span.name in ("ignored", "trailing"):
                ranges.append((span.start, span.end))
            elif isinstance(span.value, str | bytes):
                text = _text(span.value)
                ranges += _in_bytes(payload, span, text, list(self.statements.secrets(text).ranges))
        return ranges

    def _cut_command(self, payload: bytes, record: CutCommand, around: PacketSurroundings) -> Ranges:
        """A command of which only the head was kept."""
        if record.command == com.COM_STMT_SEND_LONG_DATA:
            number = int.from_bytes(payload[5:7], "little")
            if not self.statements.hides_parameter(around.statement, number, b""):
                return []
        elif record.command in (com.COM_STMT_EXECUTE, com.COM_STMT_BULK_EXECUTE):
            known = around.statement
            due = around.prepared.num_params if around.prepared is not None else None
            if known is not None and self.statements.is_whole(known, due or 1):
                return []
        return [(1, len(payload))]

    def _query(self, payload: bytes, record: ComQuery | ComStmtPrepare, spans: Sequence[Span]) -> Ranges:
        ranges: Ranges = []
        values = iter(record.attributes if isinstance(record, ComQuery) else ())
        found = False
        for span in spans:
            if span.name == "query":
                found = True
                raw = payload[span.start : span.end]
                if not self.statements.is_plain(raw):
                    # Positions in bytes: each is a character of its own.
                    secret = secrets_of(raw.decode("latin-1"))
                    ranges += [(span.start + start, span.start + stop) for start, stop in secret.ranges]
            elif span.name == "parameter_value":
                attribute = next((each for each in values if each.raw is not None), None)
                if hides_attribute(attribute):
                    ranges.append((span.start, span.end))
        return ranges if found else [(1, len(payload))]

    def _execute(
        self, record: ComStmtExecute | ComStmtBulkExecute, spans: Sequence[Span], around: PacketSurroundings
    ) -> Ranges:
        """Bound values: those in the place of a secret."""
        statements, text = self.statements, around.statement
        hides: list[bool] = []
        if isinstance(record, ComStmtBulkExecute):
            for row in record.rows:
                hides += [
                    statements.hides_parameter(text, number, each.value)
                    for number, each in enumerate(row)
                    if each.raw is not None
                ]
        else:
            own = around.prepared.num_params if around.prepared is not None else None
            for number, parameter in enumerate(record.parameters):
                if parameter.raw is not None:
                    if parameter.name or (own is not None and number >= own):
                        hides.append(hides_attribute(parameter))
                    else:
                        hides.append(statements.hides_parameter(text, number, parameter.value))
        due = around.prepared.num_params if around.prepared is not None else None
        secret = text is None or not statements.is_whole(text, due or 1)
        ranges: Ranges = []
        each_hidden = iter(hides)
        for span in spans:
            if span.name == "parameter_value":
                if next(each_hidden, secret):
                    ranges.append((span.start, span.end))
            elif span.name == "undecoded" and secret:
                ranges.append((span.start, span.end))
        return ranges

    def _together(
        self, record: ComMulti, spans: Sequence[Span], context: Context, around: PacketSurroundings
    ) -> Iterator[tuple[int, int]]:
        """COM_MULTI: each of its commands."""
        places = [span for span in spans if span.name == "command" and isinstance(span.value, bytes)]
        for span, inner in zip(places, record.records(context), strict=False):
            for start, stop in self.hidden(span.value, inner, None, context, PacketSurroundings(CLIENT, around.before)):
                yield span.start + start, span.start + stop

    # -- a server's packets --------------------------------------------------------------------------------------------

    def _server(
        self,
        payload: bytes,
        record: AnyRecord,
        context: Context,
        around: PacketSurroundings,
        spans: Sequence[Span] | None,
    ) -> Ranges:
        asked = around.statement
        secret = asked is not None and bool(self.statements.secrets(asked))
        hint = has_hint(shape_of(payload))
        if isinstance(record, ErrPacket):
            message = self._message(record, around)
            if message == record.error_message:
                return []
            return self._of_spans(payload, record, context, around, spans, ("error_message",))
        if isinstance(record, Data | Malformed):
            account = asked is not None and _asks_accounts(asked)
            unknown = isinstance(record, Data) and record.kind in _CLOSED_DATA
            risky = secret or account or unknown or (hint and bool(secrets_of(payload.decode("latin-1"))))
            return [(1 if isinstance(record, Malformed) else 0, len(payload))] if risky else []
        if isinstance(record, CloneResponse):
            # Pages of tables, those with the passwords too.
            return [(1, len(payload))] if record.response_code == CLONE_DATA else []
        if isinstance(record, TextRow | BinaryRow):
            return self._row(payload, record, context, around, spans, hint or secret)
        if isinstance(record, BinlogEvent):
            return self._binlog(payload, record, context, spans)
        if isinstance(record, AuthMoreData) and around.tokens:
            return [(0, len(payload))]
        if not (secret or hint or (isinstance(record, OKPacket) and record.proves_certificate)):
            return []
        return self._of_spans(payload, record, context, around, spans, ())

    def _of_spans(
        self,
        payload: bytes,
        record: AnyRecord,
        context: Context,
        around: PacketSurroundings,
        spans: Sequence[Span] | None,
        only: tuple[str, ...],
    ) -> Ranges:
        """Texts of a server's packet: what they have of the statement's secrets, and secrets of their own."""
        if spans is None:
            spans = spans_of(payload, record, None, context)
        ranges: Ranges = []
        name = ""
        for span in spans:
            if not isinstance(span.value, str | bytes) or (only and span.name not in only):
                continue
            text = _text(span.value)
            if isinstance(record, ErrPacket):
                found = self._message_ranges(text, record.error_code, around)
            elif (
                (span.name == "session_track_value" and name and secret_name(name))
                or (span.name == "default_value" and secret_name(getattr(record, "name", "")))
                or (span.name == "info" and isinstance(record, OKPacket) and record.proves_certificate)
            ):
                found = [(0, len(text))]
            else:
                found = self._text_ranges(text, around)
            name = text if span.name == "session_track_variable" else ""
            ranges += _in_bytes(payload, span, text, found)
        return ranges

    def _row(
        self,
        payload: bytes,
        record: TextRow | BinaryRow,
        context: Context,
        around: PacketSurroundings,
        spans: Sequence[Span] | None,
        hint: bool,
    ) -> Ranges:
        columns = context.columns
        hidden = self._of_columns(columns)
        asked = around.statement
        selected = asked is not None and self.statements.selects_secret(asked)
        if not hidden and not hint and not selected:
            return []
        if spans is None:
            spans = spans_of(payload, record, None, context)
        blind = not columns and asked is not None and (selected or _asks_accounts(asked))
        values = [(span, int(span.name[6:-1])) for span in spans if span.name.startswith("value[")]
        hidden |= _named_beside(values, columns)
        ranges: Ranges = []
        for span, number in values:
            if blind or number in hidden:
                ranges.append((span.start, span.end))
            elif isinstance(span.value, bytes):
                text = _text(span.value)
                if holds_secret(text) or (selected and _is_made(columns, number) and not text.isdigit()):
                    ranges.append((span.start, span.end))
                elif found := self._text_ranges(text, around):
                    # What quotes stand in a hash is not known: all from the first secret on.
                    ranges += _in_bytes(payload, span, text, [(found[0][0], len(text))])
        return ranges

    def opens_rows(self, columns: Columns, asked: str | None) -> bool:
        """Whether rows of these columns hide nothing but what they hint at; the statement asked has no secrets."""
        return not self._of_columns(columns) and (asked is None or not self.statements.selects_secret(asked))

    def _of_columns(self, columns: Columns) -> frozenset[int]:
        """The numbers of the columns that are secret by their name."""
        if columns is not self._columns:
            self._columns = columns
            self._secret_columns = frozenset(
                number
                for number, column in enumerate(columns)
                if secret_name(column.name)
                or secret_name(column.org_name)
                or _is_variable(column.name)
                or bool(self.statements.secrets(f"SELECT {column.name}"))
            )
        return self._secret_columns

    def _binlog(self, payload: bytes, record: BinlogEvent, context: Context, spans: Sequence[Span] | None) -> Ranges:
        """Events: statements as everywhere, values of user variables, rows of tables that hold passwords."""
        body = record.event.body
        if spans is None:
            spans = spans_of(payload, record, None, context)
        names: tuple[str, ...] = ()
        if isinstance(body, statement.UserVar):
            names = ("value",) if body.type == 0 else ()
        elif isinstance(body, statement.FileBlock):
            names = ("file_data",)  # what its columns are, the statement says that comes later
        elif isinstance(body, rows.Rows):
            if _has_secrets(body, context):
                names = ("value", "rows", "compressed_rows")
            elif any(isinstance(span.value, bytes | str) and _names_secret(span.value) for span in spans):
                names = ("value",)  # 'smtp_password' | '...'
        elif isinstance(body, TransactionPayload):
            names = ("payload",) if self._inner_secret(record, context) else ()
        elif isinstance(body, statement.Query) and body.packed is not None:
            names = ("compressed_query",) if body.query is None or self.statements.secrets(body.query) else ()
        ranges: Ranges = []
        for span in spans:
            if span.name.partition("[")[0] in names:
                ranges.append((span.start, span.end))
            elif isinstance(span.value, str | bytes) and len(span.value) > 3:
                text = _text(span.value)
                if holds_secret(text) and span.name.startswith("value"):
                    ranges.append((span.start, span.end))
                    continue
                ranges += _in_bytes(payload, span, text, list(self.statements.secrets(text).ranges))
        return ranges

    def _inner_secret(self, record: BinlogEvent, context: Context) -> bool:
        try:
            events = record.inner(context)
        except DecodeError:
            return True
        for event in events:
            body = event.body
            query = getattr(body, "query", None)
            if isinstance(query, str) and self.statements.secrets(query):
                return True
            if isinstance(body, rows.Rows) and _has_secrets(body, context):
                return True
            if isinstance(body, statement.UserVar) and body.type == 0:
                return True
        return False

    def _tracked(self, record: OKPacket) -> OKPacket:
        """The packet without what it says of secrets, and what the session tracks of them."""
        state = record.session_state_info
        info = self.statements.statement(record.info) if record.info else record.info
        if not state and info is record.info:
            return record
        shown = tuple(self._change(change) for change in state) if state is not None else None
        return msgspec.structs.replace(record, info=info, session_state_info=shown)

    def _change(self, change: SessionChange) -> SessionChange:
        value = getattr(change, "value", None)
        if not isinstance(value, str):
            return change
        secret = isinstance(change, SystemVariable) and secret_name(change.name)
        return msgspec.structs.replace(change, value=MASK if secret else self.statements.statement(value))

    def _event(self, record: AnyRecord, text: str) -> str | None:
        """The summary of an event whose value must not be shown."""
        if isinstance(record, BinlogEvent) and isinstance(record.event.body, statement.UserVar):
            body = record.event.body
            return f"{record.event.name}: @{body.name} = {MASK}" if body.type == 0 and body.value is not None else None
        return None

    # -- texts ---------------------------------------------------------------------------------------------------------

    def _message(self, record: ErrPacket, around: PacketSurroundings) -> str:
        values = _secret_values(self.statements, around)
        return self.statements.message(record.error_message, record.error_code, around.statement, values, around.cut)

    def _message_ranges(self, text: str, code: int, around: PacketSurroundings) -> Ranges:
        values = _secret_values(self.statements, around)
        return self.statements.message_ranges(text, code, around.statement, values)

    def _text_ranges(self, text: str, around: PacketSurroundings) -> Ranges:
        """A text of the server: what it shares with the statement's secrets, or secrets as in a statement."""
        own = list(self.statements.secrets(text).ranges) if len(text) > 3 else []
        asked = around.statement
        if asked is not None:
            known = [asked[start:stop] for start, stop in self.statements.secrets(asked).ranges]
            own += shared_with(text, known + _secret_values(self.statements, around))
        return sorted(own)

    def _quoting(self, text: str, around: PacketSurroundings) -> str:
        asked = around.statement
        if asked is None:
            return text
        known = [asked[start:stop] for start, stop in self.statements.secrets(asked).ranges]
        return without(text, shared_with(text, known + _secret_values(self.statements, around)), MASK)


def _named_beside(values: Sequence[tuple[Span, int]], columns: Columns) -> frozenset[int]:
    """The numbers of the values beside a name that says they are secret: 'smtp_password' | '...'."""
    places = frozenset(number for number, column in enumerate(columns) if VALUES.search(column.name.upper()))
    names = [span.value for span, number in values if places and number not in places]
    return places if any(isinstance(name, bytes) and _names_secret(name) for name in names) else frozenset()


def _names_secret(value: bytes | str) -> bool:
    """Whether a value is the name of a setting that is secret."""
    text = _text(value) if len(value) < LONGEST_NAME else ""
    return _SETTING.fullmatch(text) is not None and secret_name(text)


def _is_made(columns: Columns, number: int) -> bool:
    """Whether a column is none of a table: it may be made from one that is secret."""
    return number < len(columns) and not columns[number].org_name


def _is_variable(column: str) -> bool:
    """Whether a column shows a user variable: what it got is hidden where it got it."""
    return any(name.upper() not in OPEN_VARIABLES for name in _VARIABLE.findall(column))


def _head(record_type: str) -> int:
    """Bytes at the beginning of a client's broken packet that show nothing."""
    return _HEADS.get(record_type, 1 if record_type.startswith("Com") else 0)


def is_command(record: AnyRecord) -> bool:
    """Whether a packet whose id begins no command can be nothing else: no scramble is a readable statement."""
    if isinstance(record, STATEMENTS):
        return len(record.query) > 3 and record.query.isprintable()
    return not isinstance(record, ComOther | Data) and not getattr(record, "ignored", None)


def _login(payload: bytes, record: AnyRecord, spans: Sequence[Span]) -> Ranges:
    """The proof of a login; all behind the user where it has bytes that nobody knows, or was not read to its proof."""
    user = next((span for span in spans if span.name in ("username", "user")), None)
    proof = [span for span in spans if span.name == "auth_response"]
    if not proof or any(span.name == "trailing" and span.value for span in spans):
        head = _HEADS.get(type(record).__name__, 1)
        return [(user.end if user is not None else head, len(payload))]
    ranges = [(span.start, span.end) for span in proof]
    name = ""
    for span in spans:
        if span.name == "attribute_name":
            name = _text(span.value)
        elif span.name == "attribute_value" and secret_attribute(name, _text(span.value)):
            ranges.append((span.start, span.end))
    return ranges


def _has_secrets(body: rows.Rows, context: Context) -> bool:
    """Whether the table holds passwords, or the binlog names a column that is secret (binlog_row_metadata=FULL)."""
    if body.table is not None and body.table.lower() in _SECRET_TABLES:
        return True
    table = context.binlog.tables.get(body.table_id) if context.binlog is not None else None
    return table is not None and any(column.name is not None and secret_name(column.name) for column in table.columns)


def _all_but(shown: Sequence[Span], length: int) -> Ranges:
    ranges: Ranges = []
    at = 0
    for span in shown:
        ranges.append((at, span.start))
        at = max(at, span.end)
    return [*ranges, (at, length)]


def _asks_accounts(text: str) -> bool:
    return any(words in " ".join(text.upper().split()) for words in _ACCOUNT_RESULTS)


def hides_attribute(attribute: Parameter | None) -> bool:
    """Whether the value of a query attribute must not be shown: it may hold anything, but a number."""
    if attribute is None:
        return True
    return isinstance(attribute.value, str | bytes) and attribute.name.lower() not in OPEN_ATTRIBUTES


def _secret_values(statements: StatementMask, around: PacketSurroundings) -> list[str]:
    """The bound values of the command that is answered which are secret."""
    record = around.command.record if around.command is not None else None
    if not isinstance(record, ComStmtExecute):
        return []
    text = around.statement
    return [
        _text(one.value)
        for number, one in enumerate(record.parameters)
        if isinstance(one.value, str | bytes)
        and text is not None
        and statements.hides_parameter(text, number, one.value)
    ]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", ENCODING_ERRORS)


def _in_bytes(payload: bytes, span: Span, text: str, found: Ranges) -> Ranges:
    """Ranges of a field's text as ranges of the payload; the whole field where its bytes are not the text."""
    if not found:
        return []
    raw = text.encode("utf-8", ENCODING_ERRORS)
    base = payload.rfind(raw, span.start, span.end)
    if base < 0:
        return [(span.start, span.end)]
    if len(raw) == len(text):
        return [(base + start, base + stop) for start, stop in found]
    sizes = [len(text[:at].encode("utf-8", ENCODING_ERRORS)) for one in found for at in one]
    return [(base + start, base + stop) for start, stop in zip(sizes[::2], sizes[1::2], strict=True)]


# -- what is shown in the place of what is hidden ----------------------------------------------------------------------


def masked(payload: bytes, hidden: Ranges) -> bytes:
    """The payload with its secrets filled; itself where it has none."""
    if not hidden:
        return payload
    filled = bytearray(payload)
    for start, stop in hidden:
        filled[start:stop] = bytes([FILL]) * (stop - start)
    return bytes(filled)


def masked_value(value: Any, payload: bytes, start: int, end: int, hidden: Sequence[tuple[int, int]]) -> Any:
    """A field's value without its secrets: of a text only they are left out, all else is gone as a whole.

    The field stands in `payload[start:end]`. The same value where it has none.
    """
    inside = [(max(a, start), min(b, end)) for a, b in hidden if a < end and b > start]
    if not inside:
        return value
    if isinstance(value, str):
        raw = value.encode("utf-8", ENCODING_ERRORS)
        base = payload.rfind(raw, start, end)
        if base >= 0 and not any(a <= base and b >= base + len(raw) for a, b in inside):
            pieces = without(raw.decode("latin-1"), [(a - base, b - base) for a, b in inside], MASK)
            return pieces.encode("latin-1").decode("utf-8", ENCODING_ERRORS)
    return MASKED


def masked_partial(name: str, value: Any) -> Any:
    """A field of a client's broken packet, whose place is not known."""
    name = name.partition("[")[0]
    if name in _OPEN_PARTIAL or (isinstance(value, int) and name not in _SECRET_NUMBERS):
        return value
    return MASKED

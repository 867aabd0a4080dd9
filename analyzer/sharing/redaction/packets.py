"""Packets without their content: as long as they were, and decoded as before."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple
from zlib import crc32

from analyzer.analysis.packets.field_spans import detail_spans, spans_of
from analyzer.analysis.packets.masking import PacketSurroundings
from analyzer.errors import DecodeError
from analyzer.protocol.auth import PLUGINS
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import CLIENT, AnyRecord, Machine
from analyzer.protocol.records.authentication import AuthMoreData, AuthResponse
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.binlog import rows, statement
from analyzer.protocol.records.binlog.event import BinlogEvent
from analyzer.protocol.records.binlog.gtids import decode_gtid_set
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.statement import ComStmtBulkExecute, ComStmtExecute
from analyzer.protocol.records.commands.table import ComMulti, CutCommand
from analyzer.protocol.records.commands.text import ComChangeUser, ComInitDb, ComOther, ComQuery, ComStmtPrepare
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41, HandshakeResponse320
from analyzer.protocol.records.response import Data
from analyzer.protocol.records.resultset import NULL_MARK, BinaryRow, ColumnDefinition41, ColumnDefinition320, TextRow
from analyzer.protocol.tables import binlog as tb
from analyzer.protocol.tables import session_track as track
from analyzer.protocol.tables.attributes import ATTRIBUTES, DRIVER_ATTRIBUTES
from analyzer.protocol.tables.capabilities import CLIENT_LONG_PASSWORD
from analyzer.protocol.tables.collations import COLLATIONS, MARIADB_COLLATIONS
from analyzer.protocol.tables.column_types import COLUMN_TYPES, TYPE, UNSIGNED
from analyzer.protocol.wire.framing import RawPacket
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Reader, Span, TracingReader
from analyzer.sharing.redaction import rules
from analyzer.sharing.redaction.keep import KeptKinds
from analyzer.sharing.redaction.messages import MessageRedactor
from analyzer.sharing.redaction.replacements import Replacements, difference
from analyzer.sharing.redaction.rows import RowRedactor
from analyzer.sharing.redaction.shapes import FREE, PacketShapes, Redacted, is_free
from analyzer.sharing.redaction.sql import SYSTEM_SCHEMAS, SqlRedactor, is_setting
from analyzer.sharing.redaction.values import ValueRedactor, counted_head

NO_BACKSLASH_ESCAPES: Final = 0x0200  # SERVER_STATUS_NO_BACKSLASH_ESCAPES
_WORD_OF_DRIVER: Final = re.compile(rb"[A-Za-z\x80-\xff]+|\d{6,}")
# What drivers call themselves and what they run on.
_DRIVER_WORDS: Final = frozenset(
    """
    aarch adoptium aiomysql alma alpine alpha amazon amd apple arch arm async asyncmy azul beta bellsoft binary
    build c centos client commercial community connector connectors corporation corretto cpp darwin dbd dbi deb
    debian driver eclipse el enterprise fallback fedora final freebsd ga generic glibc go gpl gplv graalvm handshark
    hotspot i inc j java jdbc jetbrains kernel libmariadb libmysql linux listener log lts m mac machine macos
    mariadb maxscale musl mysql mysqlclient mysqldump mysqlnd mysqlsh mysqlx native net node nodejs none odbc
    openjdk opensuse oracle osx perl php ppc proxysql pymysql python r rc redhat release rhel riscv rocky ruby rust
    s sap server shell silicon snapshot sqlx suse temurin tidb tokio ubuntu universal v version vitess win windows
    workbench wsl x
    """.split()  # noqa: SIM905
)
_VERSION: Final = re.compile(rb"[0-9a-f]{7,40}(?=[@)])|[A-Za-z\x80-\xff]+|\d{5,}")
# What has other signs in it may be an expression.
_PLAIN_NAME: Final = re.compile(rb"[\w$ \x80-\xff-]{1,256}")
ONE_ITERATION: Final = b"\1\0\0\0"  # of an execute
# A commit stays one: letters among the first six.
_TO_HEX: Final = bytes(0x61 + (byte - 0x61) % 6 if 0x61 <= byte <= 0x7A else byte for byte in range(256))
_COMMIT: Final = re.compile(rb"[0-9a-f]{7,40}")
# Of a session, as servers track them.
_VARIABLES: Final = frozenset(
    b"""
    autocommit character_set_client character_set_connection character_set_results character_set_server
    collation_connection collation_database collation_server default_collation_for_utf8mb4 foreign_key_checks
    innodb_lock_wait_timeout interactive_timeout lc_time_names lock_wait_timeout max_allowed_packet max_execution_time
    max_statement_time net_read_timeout net_write_timeout redirect_url resultset_metadata sql_auto_is_null sql_mode
    sql_safe_updates sql_select_limit system_versioning_asof time_zone transaction_isolation transaction_read_only
    tx_isolation tx_read_only unique_checks wait_timeout statement_id
    """.split()
)
# Lengths of the heads of binlog events over 32 bytes.
_LENGTHS: Final = frozenset({52, 56, 57, 84, 91, 92, 95})
_VERSION_WORDS: Final = frozenset(
    """
    mariadb mysql log debug valgrind asan ubuntu debian deb el fc cll lve commercial community enterprise percona
    server cluster columnar secondary knn aurora
    tidb vitess proxysql maxscale oceanbase polardb xpand memsql singlestore dolt manticore sphinx
    galera
    wsrep embedded google azure rds from source distribution release maria focal jammy noble bionic bullseye bookworm
    trixie sid x amzn id release clickhouse starrocks doris databend greptime risingwave readyset heatwave cloud ga rc
    beta alpha
    """.split()  # noqa: SIM905
)
_STATES: Final = re.compile(rb"[0-9A-Z]{5}|_{5}")
_TYPE_NAMES: Final = frozenset(
    {b"json", b"uuid", b"inet4", b"inet6", b"point", b"linestring", b"polygon", b"multipoint", b"multilinestring"}
    | {b"multipolygon", b"geometrycollection", b"geometry", b"xmltype"}
)
_UUIDS: Final = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FILL: Final = b"x"
_MOST_KEPT: Final = 4096
_LONGEST_KEPT: Final = 512
_PARTLY: Final[dict[str, type[Record]]] = {
    one.__name__: one for one in (HandshakeV10, HandshakeResponse41, HandshakeResponse320)
}
# Records that are the same wherever the same bytes stand.
_ALIKE: Final = frozenset(
    {"EOFPacket", "ColumnCount", "StmtPrepareOK", "ComPing", "ComQuit", "ComStmtClose", "OKPacket", "ErrPacket"}
    | {"ColumnDefinition41", "ComQuery", "ComStmtPrepare", "ComStmtReset", "ComInitDb"}
)
# Where the text of an error begins that has no SQLSTATE.
_MESSAGE: Final = 3
# Bytes of an OK behind its numbers: status_flags and warnings.
_STATUS: Final = 4
# Names in a definition in their order; the fixed fields behind them, whose length is in front, from where to where.
_NAMES: Final = tuple(
    rules.RULES["ColumnDefinition41"][name] for name in ("catalog", "schema", "table", "org_table", "name", "org_name")
)
_FIXED_FIELDS: Final = 12
_FIXED: Final = ((rules.COLLATION, 1, 3), (rules.TYPES, 7, 8), (rules.ZERO, 11, 13))
# Records whose names may be expressions of the statement.
_NAMED: Final = frozenset({"ColumnDefinition41", "ColumnDefinition320"})


class _Kept(NamedTuple):
    """A payload in its place, and what was replaced in it, by kind, and zeroed."""

    payload: bytes
    counts: dict[str, int]
    zeroed: int


class _Fields(Record, frozen=True):
    """What is known of a record that is not whole."""

    client_flag: int


class _Scene:
    """What a rule may have to know beside the bytes of its field."""

    __slots__ = ("context", "escapes", "number", "parameters", "record", "spans", "statement", "surname", "tracked")

    def __init__(self, record: AnyRecord, context: Context, statement: str | None, escapes: bool | None) -> None:
        self.record = record
        self.context = context
        self.statement = statement
        self.escapes = escapes
        self.parameters: list[Parameter] = []
        self.spans: Sequence[Span] = ()
        self.number = 0  # of the field in `spans`
        self.surname = b""  # the name of an attribute, of a variable
        self.tracked = -1  # kind of session change


Rule = Callable[[bytes, "_Scene"], bytes]


def bound_types(raw: bytes) -> bytes:
    """Types of parameters as they stand on the wire, two bytes each: zeros for what is no type or flag."""
    return bytes([byte & 0x80 if place & 1 else byte if byte in COLUMN_TYPES else 0 for place, byte in enumerate(raw)])


def is_bound_type(own: int) -> bool:
    """Whether a type of a parameter stays as it is."""
    raw = own.to_bytes(2, "little")
    return bound_types(raw) == raw


class PacketRedactor:
    """Redacts packets; one for all connections of a capture, so that the same value becomes the same."""

    def __init__(self, replacements: Replacements, keep: KeptKinds, skeletons: bool = True) -> None:
        """`skeletons` as of `SqlRedactor`."""
        self.replacements = replacements
        self.keep = keep
        self.sql = SqlRedactor(replacements, keep, skeletons)
        self.messages = MessageRedactor(replacements, keep, self.sql)
        self.values = ValueRedactor(replacements)
        self.rows = RowRedactor(replacements, self.values, "values" in keep.kinds)
        self.zeroed = 0  # bytes that were not understood, and were not zero before
        self.shapes = PacketShapes(replacements)
        self._kept: dict[tuple[str, bytes, int, str | None, bool | None, int], _Kept] = {}
        self._rules: dict[str, Rule] = {
            rules.KEEP: lambda raw, scene: raw,
            rules.ZERO: lambda raw, scene: bytes(len(raw)),
            rules.NONCE: lambda raw, scene: replacements.nonce("nonces", raw),
            rules.NOISE: lambda raw, scene: replacements.noise("nonces", raw),
            rules.VERSION: self._version,
            rules.PLUGIN: self._plugin,
            rules.FILLER: self._filler,
            rules.RESERVED: self._reserved,
            rules.USER: self._user,
            rules.SCHEMA: self._schema,
            rules.NAME: lambda raw, scene: self.sql.name(raw) if _PLAIN_NAME.fullmatch(raw) else self._text("sql", raw),
            rules.COLUMN: self._column,
            rules.HOST: lambda raw, scene: self._text("names", raw),
            rules.FILE: lambda raw, scene: self._text("files", raw),
            rules.SQL: lambda raw, scene: self.sql.statement(raw, scene.escapes),
            rules.ERROR: self._error,
            rules.STATUS: lambda raw, scene: self.messages.status(raw),
            rules.STATE: lambda raw, scene: _state(raw),
            rules.ATTRIBUTE_NAME: self._attribute_name,
            rules.ATTRIBUTE_VALUE: self._attribute_value,
            rules.PARAMETER: self._parameter,
            rules.CONTENT: lambda raw, scene: raw if "files" in keep.kinds else self.values.text(raw, "files"),
            rules.VALUE: lambda raw, scene: raw if "values" in keep.kinds else self.values.text(raw),
            rules.NUMBER: self._number,
            rules.INTEGER: lambda raw, scene: raw if "values" in keep.kinds else self.values.integer(raw, True),
            rules.TRACKED: self._tracked,
            rules.UUID: self._uuid,
            rules.GTIDS: self._gtids,
            rules.CELL: self._cell,
            rules.STATUS_VALUE: self._status_value,
            rules.METADATA: self._metadata,
            rules.TYPE_NAME: lambda raw, scene: raw if raw in _TYPE_NAMES else self._text("values", raw),
            rules.PEM: self._pem,
            rules.VARIABLE: lambda raw, scene: raw if raw in _VARIABLES else self._text("values", raw),
            rules.COLLATION: lambda raw, scene: raw if _is_collation(raw) else bytes(len(raw)),
            rules.TYPES: lambda raw, scene: bytes([byte if byte in COLUMN_TYPES else 0 for byte in raw]),
            rules.LENGTHS: lambda raw, scene: bytes([byte if byte < 0x20 or byte in _LENGTHS else 0 for byte in raw]),
            rules.COMMANDS: self._commands,
            rules.BOUND_TYPES: lambda raw, scene: bound_types(raw),
            rules.ONE: lambda raw, scene: raw if raw == ONE_ITERATION else bytes(len(raw)),
        }

    def redact(
        self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str, escapes: bool | None
    ) -> bytes:
        """The packet's payload as it may be seen. `escapes`: whether a backslash escapes in its statements."""
        payload = packet.payload
        name = type(record).__name__
        if isinstance(record, TextRow | BinaryRow) or (isinstance(record, Data) and record.kind == "row"):
            return self.rows.row(payload, machine)
        statement = None
        if name in _NAMED and role != CLIENT:
            statement = PacketSurroundings.of(role, packet, record, machine, before).statement
        return self.payload(payload, record, machine, statement, escapes)

    def payload(
        self, payload: bytes, record: AnyRecord, machine: Machine, statement: str | None, escapes: bool | None
    ) -> bytes:
        """A payload that is no row. `statement` is the one that a definition answers."""
        name = type(record).__name__
        alike = name in _ALIKE and len(payload) <= _LONGEST_KEPT
        key = (name, payload, machine.context.in_force, statement, escapes, self.sql.known_names)
        if alike:
            found = self._kept.get(key)
            if found is not None:
                for kind, count in found.counts.items():
                    self.replacements.count(kind, count)
                self.zeroed += found.zeroed
                return found.payload
            before, zeroed = dict(self.replacements.counts), self.zeroed
        out = self._redacted(payload, record, machine, statement, escapes)
        if alike:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = _Kept(out, difference(self.replacements.counts, before), self.zeroed - zeroed)
        return out

    def _redacted(
        self, payload: bytes, record: AnyRecord, machine: Machine, statement: str | None, escapes: bool | None
    ) -> bytes:
        scene = _Scene(record, machine.context, statement, escapes)
        self._meet(record)
        if isinstance(record, Data):
            if record.kind == "file" and ("files" not in self.keep.kinds):
                return self.values.text(payload, "files")
            if record.kind == "file":
                return payload
            return self.zeros(payload, 0)
        if isinstance(record, Malformed) and record.record_type in _PARTLY:
            return self.partial(payload, _PARTLY[record.record_type], scene.context)
        if isinstance(record, Malformed | ComOther | CutCommand):
            return self.zeros(payload, 1)
        plain = self._plain(payload, record, scene) if self.sql.skeletons else None
        if plain is not None:
            return plain
        name = type(record).__name__
        if name in FREE and self.sql.skeletons:
            return self._of_shape(payload, name, scene)
        out = bytearray(len(payload))
        spans = spans_of(payload, record, None, scene.context)
        self._apply(out, payload, spans, rules.RULES.get(name, {}), scene)
        if machine.detail is not None and isinstance(record, AuthResponse | AuthMoreData):
            self._detail(out, payload, detail_spans(payload, record, machine.detail), scene)
        if isinstance(record, BinlogEvent):
            self._checksum(out, payload, record, spans)
        return bytes(out)

    def _detail(self, out: bytearray, payload: bytes, spans: Sequence[Span], scene: _Scene) -> None:
        """What an auth plugin reads in a packet. Proofs one behind the other are one: any bytes are as good."""
        if not spans:
            return
        start, stop = spans[0].start, spans[-1].end
        table = rules.RULES["auth"]
        if any(
            span.name.partition("[")[0] in table or content_of(payload, span) != (span.start, span.end)
            for span in spans
        ):
            out[start:stop] = bytes(stop - start)
            self._apply(out, payload[:stop], spans, table, scene, rules.NONCE)
        else:
            out[start:stop] = self.replacements.nonce("nonces", payload[start:stop])

    def _plain(self, payload: bytes, record: AnyRecord, scene: _Scene) -> bytes | None:
        """What comes most often, field by field without a look at its spans; None for all else."""
        if isinstance(record, ComStmtPrepare) or (isinstance(record, ComQuery) and not record.parameter_count):
            text = record.query.encode("utf-8", ENCODING_ERRORS)
            begin = len(payload) - len(text)
            return payload[:begin] + self.sql.statement(text, scene.escapes) if payload.endswith(text) else None
        if isinstance(record, OKPacket):
            quiet = self.quiet(payload, record)
            if quiet is not None:
                return quiet
        if isinstance(record, ErrPacket):
            return self._failed(payload, record)
        return self._definition(payload, scene) if isinstance(record, ColumnDefinition41) else None

    def quiet(self, payload: bytes, record: OKPacket) -> bytes | None:
        """An OK that says nothing but numbers; None for all others."""
        if record.info is not None or record.warnings is None:
            return None
        at = 1 + counted_head(payload[1:])
        stop = at + counted_head(payload[at:])
        if stop + _STATUS != len(payload):
            return None
        return payload[:at] + self._counted(payload[at:stop]) + payload[stop:]

    def _failed(self, payload: bytes, record: ErrPacket) -> bytes | None:
        """An error; None where its text is not all that stands there."""
        begin = _MESSAGE if record.sql_state is None else _MESSAGE + 1 + len(record.sql_state)
        text = payload[begin:]
        if record.error_message.encode("utf-8", ENCODING_ERRORS) != text:
            return None
        head = payload[:begin]
        if record.sql_state is not None:
            head = head[: _MESSAGE + 1] + _state(head[_MESSAGE + 1 :])
        made = self.messages.error(text, record.error_code, record.sql_state) if text else b""
        return head + (made if len(made) == len(text) else bytes(len(text)))

    def _of_shape(self, payload: bytes, name: str, scene: _Scene) -> bytes:
        """A greeting or a login, most of which others have been."""
        context = scene.context
        key = name, context.server, context.client, context.in_force, context.assumed, self.sql.known_names
        found = self.shapes.made(key, payload)
        if found is not None:
            self.zeroed += found.zeroed
            return found.payload
        before, zeroed = dict(self.replacements.counts), self.zeroed
        out = bytearray(len(payload))
        table = rules.RULES[name]
        spans = spans_of(payload, scene.record, None, context)
        self._apply(out, payload, spans, table, scene)
        made = bytes(out)
        free = tuple(
            (span.start, span.end, partial(self._free, table[span.name]))
            for span in spans
            if is_free(name, span, content_of(payload, span))
        )
        counts = difference(self.replacements.counts, before)
        self.shapes.learn(key, payload, Redacted(made, self.zeroed - zeroed), free, counts)
        return made

    def _free(self, rule: str, raw: bytes) -> bytes:
        """A field that is replaced without regard to what is around it."""
        return raw if rule == rules.KEEP else self.replacements.nonce("nonces", raw)

    def _definition(self, payload: bytes, scene: _Scene) -> bytes | None:
        """A definition with short names, and nothing behind its fixed fields."""
        out = bytearray(payload)
        at, end = 0, len(payload) - 1 - _FIXED_FIELDS
        for rule in _NAMES:
            start = at + 1
            at = start + payload[at]
            if payload[start - 1] >= NULL_MARK or at > end:
                return None
            if at > start:
                found = self._rules[rule](payload[start:at], scene)
                out[start:at] = found if len(found) == at - start else bytes(at - start)
        if at != end or payload[at] != _FIXED_FIELDS:
            return None
        for rule, start, stop in _FIXED:
            out[at + start : at + stop] = self._rules[rule](payload[at + start : at + stop], scene)
        self.zeroed += content_in(payload[-2:])
        return bytes(out)

    def partial(self, payload: bytes, kind: type[Record], context: Context) -> bytes:
        """A greeting or a login that is cut or broken: the fields before that place, and zeros."""
        reader = TracingReader(payload, kind.__name__)
        with suppress(DecodeError):
            kind.decode(reader, context)
        # No zeros: a string that is cut would end there.
        out = bytearray(_FILL * len(payload))
        fields = {span.name: span.value for span in reader.spans}
        scene = _Scene(_Fields(fields.get("client_flag", 0)), context, None, None)
        self._apply(out, payload, reader.spans, rules.RULES[kind.__name__], scene)
        return bytes(out)

    def zeros(self, payload: bytes, head: int) -> bytes:
        """Nothing but the first bytes."""
        self.zeroed += content_in(payload[head:])
        return payload[:head] + bytes(max(len(payload) - head, 0))

    def _meet(self, record: AnyRecord) -> None:
        """Names of schemas and accounts, which may stand in statements."""
        if isinstance(record, HandshakeResponse41 | HandshakeResponse320):
            self.sql.meet_account(record.username)
            self.sql.meet_schema(record.database or "")
        elif isinstance(record, ComChangeUser):
            self.sql.meet_account(record.user)
            self.sql.meet_schema(record.database or "")
        elif isinstance(record, ComInitDb):
            self.sql.meet_schema(record.schema_name)
        elif isinstance(record, ColumnDefinition41):
            self.sql.meet_schema(record.schema)

    def _apply(
        self,
        out: bytearray,
        payload: bytes,
        spans: Sequence[Span],
        table: dict[str, str],
        scene: _Scene,
        default: str = rules.ZERO,
    ) -> None:
        """Each field by its rule: what is around its content (length, NUL) stays."""
        scene.spans = spans
        record = scene.record
        if isinstance(record, ComQuery):
            scene.parameters = [one for one in record.attributes if one.raw is not None]
        elif isinstance(record, ComStmtExecute):
            scene.parameters = [one for one in record.parameters if one.raw is not None]
        at = spans[0].start if default != rules.ZERO else 0
        for number, span in enumerate(spans):
            if span.end <= span.start:
                continue
            self.zeroed += content_in(payload[at : span.start])
            at = max(at, span.end)
            name = span.name.partition("[")[0]
            rule = table.get(name) or (rules.KEEP if name in rules.MARKED else default)
            if (name.startswith("null") and span.name != name) or (rule == rules.VALUE and span.value == NULL_MARK):
                rule = rules.KEEP
            # A parameter's rule knows its length in front.
            start, stop = content_of(payload, span) if rule != rules.PARAMETER else (span.start, span.end)
            if rule == rules.ZERO:
                self.zeroed += content_in(payload[start:stop])
                out[span.start : start] = payload[span.start : start]
                out[stop : span.end] = payload[stop : span.end]
                continue
            scene.number = number
            out[span.start : span.end] = payload[span.start : span.end]
            raw = payload[start:stop]
            found = self._rules[rule](raw, scene)
            out[start:stop] = found if len(found) == len(raw) else bytes(len(raw))
            if name == "session_track_type" and isinstance(span.value, int):
                scene.tracked = span.value
            elif name in ("attribute_name", "session_track_variable", "parameter_name"):
                scene.surname = raw
        self.zeroed += content_in(payload[at:])

    # -- rules ---------------------------------------------------------------------------------------------------------

    def _text(self, kind: str, raw: bytes) -> bytes:
        return raw if kind in self.keep.kinds else self.replacements.text(kind, raw)

    def _version(self, raw: bytes, scene: _Scene) -> bytes:
        def other(found: re.Match[bytes]) -> bytes:
            word = found.group()
            if _COMMIT.fullmatch(word):
                return self._text("names", word).translate(_TO_HEX)
            return word if word.decode("latin-1").lower() in _VERSION_WORDS else self._text("names", word)

        return _VERSION.sub(other, raw)

    def _plugin(self, raw: bytes, scene: _Scene) -> bytes:
        known = raw.strip(b"\0").decode("latin-1")
        return raw if not known or known in PLUGINS else self._text("names", raw)

    def _filler(self, raw: bytes, scene: _Scene) -> bytes:
        """The high byte of a collation, and MariaDB's capabilities where CLIENT_LONG_PASSWORD is clear."""
        flags = getattr(scene.record, "client_flag", 0)
        out = bytearray(len(raw))
        if len(raw) == 23:
            out[0] = raw[0] if raw[0] in (0, 1, 2, 3, 4, 8, 9) else 0
            if not flags & CLIENT_LONG_PASSWORD:
                out[19:] = raw[19:]
        return bytes(out)

    def _reserved(self, raw: bytes, scene: _Scene) -> bytes:
        record = scene.record
        if isinstance(record, HandshakeV10) and len(raw) == 10 and not record.capability_flags_1 & CLIENT_LONG_PASSWORD:
            return bytes(6) + raw[6:]
        return bytes(len(raw))

    def _user(self, raw: bytes, scene: _Scene) -> bytes:
        return self._text("users", raw)

    def _schema(self, raw: bytes, scene: _Scene) -> bytes:
        return self.schema(raw)

    def schema(self, raw: bytes) -> bytes:
        """The name of a schema, or of a catalog."""
        return raw if raw.decode("latin-1").lower() in SYSTEM_SCHEMAS else self._text("databases", raw)

    def _column(self, raw: bytes, scene: _Scene) -> bytes:
        record = scene.record
        if names_itself(record):
            return self.sql.name(raw)
        return raw if "sql" in self.keep.kinds else self.sql.column(raw, scene.statement)

    def _error(self, raw: bytes, scene: _Scene) -> bytes:
        record = scene.record
        if isinstance(record, ErrPacket):
            return self.messages.error(raw, record.error_code, record.sql_state)
        return self.messages.error(raw, 0, None)

    def _attribute_name(self, raw: bytes, scene: _Scene) -> bytes:
        known = raw.decode("latin-1") in ATTRIBUTES or "attributes" in self.keep.kinds
        return raw if known else self.replacements.text("attributes", raw)

    def _attribute_value(self, raw: bytes, scene: _Scene) -> bytes:
        if "attributes" in self.keep.kinds:
            return raw
        if scene.surname.decode("latin-1") not in DRIVER_ATTRIBUTES:
            return self.replacements.text("attributes", raw)

        def other(found: re.Match[bytes]) -> bytes:
            word = found.group()
            known = word.decode("latin-1").lower() in _DRIVER_WORDS
            return word if known else self.replacements.text("attributes", word)

        return _WORD_OF_DRIVER.sub(other, raw)

    def _parameter(self, raw: bytes, scene: _Scene) -> bytes:
        """A value as it stands on the wire; its type is that of the parameter that has these bytes."""
        if "values" in self.keep.kinds:
            return raw
        record = scene.record
        if isinstance(record, ComStmtBulkExecute):
            return self._bulk(raw, record, scene)
        parameter = scene.parameters.pop(0) if scene.parameters else None
        if parameter is None or parameter.raw != raw:
            return self.zeros(raw, 0)
        return self.values.binary(raw, parameter.type & TYPE, parameter.type >= UNSIGNED, None)

    def _bulk(self, raw: bytes, record: ComStmtBulkExecute, scene: _Scene) -> bytes:
        if not scene.parameters:
            types = record.types or ()
            scene.parameters = [
                Parameter(types[number] if number < len(types) else 0, "", one.raw)
                for row in record.rows
                for number, one in enumerate(row)
                if one.raw is not None
            ]
        parameter = scene.parameters.pop(0) if scene.parameters else None
        if parameter is None or parameter.raw != raw:
            return self.zeros(raw, 0)
        return self.values.binary(raw, parameter.type & TYPE, parameter.type >= UNSIGNED, None)

    def _number(self, raw: bytes, scene: _Scene) -> bytes:
        return self._counted(raw)

    def _counted(self, raw: bytes) -> bytes:
        """An int<lenenc> with as many bytes as before."""
        if "values" in self.keep.kinds or raw == b"\0":
            return raw
        if len(raw) == 1:
            return bytes([self.replacements.integer("values", raw[0], 1, 250)])
        size = len(raw) - 1
        value = int.from_bytes(raw[1:], "little")
        least = 251 if size == 2 else 1 << 16 if size == 3 else 1 << 24
        return raw[:1] + self.replacements.integer("values", value, least, (1 << 8 * size) - 1).to_bytes(size, "little")

    def _tracked(self, raw: bytes, scene: _Scene) -> bytes:
        kind = scene.tracked
        if kind == track.SESSION_TRACK_SCHEMA:
            self.sql.meet_schema(raw.decode("latin-1"))
            return self._schema(raw, scene)
        if kind == track.SESSION_TRACK_SYSTEM_VARIABLES:
            return raw if is_setting(raw) or "values" in self.keep.kinds else self.replacements.text("values", raw)
        if kind == track.SESSION_TRACK_GTIDS:
            return raw if "gtids" in self.keep.kinds else self._gtid_text(raw)
        if kind == track.SESSION_TRACK_TRANSACTION_CHARACTERISTICS:
            return self.sql.statement(raw, scene.escapes)
        if kind == track.SESSION_TRACK_TRANSACTION_STATE and re.fullmatch(rb"[TIrRwWsSL_]{8}", raw):
            return raw
        return raw if kind == track.SESSION_TRACK_STATE_CHANGE and raw in (b"0", b"1") else bytes(len(raw))

    def _gtid_text(self, raw: bytes) -> bytes:
        """UUIDs go, intervals stay; a tag, or anything else, goes too."""

        def other(found: re.Match[bytes]) -> bytes:
            return self.replacements.digits("gtids", found.group())

        hidden = _UUIDS.sub(other, raw)
        return re.sub(rb"(?<![\w-])[A-Za-z_]\w*(?=:)", lambda found: self._text("names", found.group()), hidden)

    def _uuid(self, raw: bytes, scene: _Scene) -> bytes:
        """The same as its text becomes."""
        if "gtids" in self.keep.kinds or len(raw) != 16:
            # Of tagged events each byte is a number of its own: there is no room for another.
            return raw if "gtids" in self.keep.kinds else bytes(len(raw))
        text = raw.hex().encode()
        text = b"-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        return bytes.fromhex(self.replacements.digits("gtids", text).replace(b"-", b"").decode())

    def _gtids(self, raw: bytes, scene: _Scene) -> bytes:
        reader = TracingReader(raw, "gtids")
        try:
            decode_gtid_set(reader)
        except DecodeError:
            return self.zeros(raw, 0)
        out = bytearray(raw[: reader.pos].ljust(len(raw), b"\0"))
        for span in reader.spans:
            if span.name == "sid":
                out[span.start : span.end] = self._uuid(raw[span.start : span.end], scene)
            elif span.name == "tag":
                out[span.start : span.end] = self._text("names", raw[span.start : span.end])
        return bytes(out)

    def _cell(self, raw: bytes, scene: _Scene) -> bytes:
        """A value of a rows event, or of a user variable."""
        if "values" in self.keep.kinds:
            return raw
        record = scene.record
        body = record.event.body if isinstance(record, BinlogEvent) else None
        if isinstance(body, statement.UserVar):
            return self.values.text(raw) if body.type == 0 else bytes(len(raw))
        table = None
        if isinstance(body, rows.Rows) and scene.context.binlog is not None:
            table = scene.context.binlog.tables.get(body.table_id)
        span = scene.spans[scene.number]
        if table is None or not isinstance(body, rows.Rows) or not span.name.startswith("value["):
            return self.zeros(raw, 0)
        # A set bit for each column that is there; of updates the second image may have others.
        bits = body.present
        if body.present_after is not None and self._is_second(scene):
            bits = body.present_after
        held = [column for i, column in enumerate(table.columns) if bits[i // 8] >> i % 8 & 1]
        index = int(span.name[6:-1])
        return self.values.cell(raw, held[index]) if index < len(held) else self.zeros(raw, 0)

    @staticmethod
    def _is_second(scene: _Scene) -> bool:
        images = sum(span.name == "null_bits" for span in scene.spans[: scene.number])
        return images % 2 == 0

    def _status_value(self, raw: bytes, scene: _Scene) -> bytes:
        """Numbers stay; names in catalogs, invokers, updated schemas and time zones go."""
        code = scene.spans[scene.number - 1].value if scene.number else -1
        if code in (tb.Q_CATALOG, tb.Q_CATALOG_NZ, tb.Q_TIME_ZONE):
            content = raw[1:].rstrip(b"\0")
            if content in (b"std", b"SYSTEM") or is_setting(content):
                return raw
            return raw[:1] + self._text("names", content) + bytes(len(raw) - 1 - len(content))
        if code == tb.Q_INVOKER:
            size = raw[0]
            host = raw[2 + size :]
            return (
                raw[:1] + self._text("users", raw[1 : 1 + size]) + raw[1 + size : 2 + size] + self._text("names", host)
            )
        if code == tb.Q_UPDATED_DB_NAMES:
            names = raw[1:].split(b"\0")
            return raw[:1] + b"\0".join(self._schema(name, scene) for name in names)
        return raw if code in tb.STATUS_SIZES else bytes(len(raw))

    def _metadata(self, raw: bytes, scene: _Scene) -> bytes:
        """Optional metadata of a table map: names of columns, members of ENUM and SET."""
        kind = scene.spans[scene.number - 1].value if scene.number else -1
        name = tb.OPTIONAL_METADATA.get(kind if isinstance(kind, int) else -1, "")
        if name in ("SET_STR_VALUE", "ENUM_STR_VALUE"):
            return self._members(raw)
        if name == "COLUMN_NAME":
            return raw if "identifiers" in self.keep.kinds else self._strings(raw, self.sql.name)
        return raw if name else bytes(len(raw))

    def _members(self, raw: bytes) -> bytes:
        """For each column a number of members, then these."""
        reader = Reader(raw, "metadata")
        out = bytearray()
        try:
            while reader.left:
                start = reader.pos
                count = reader.lenenc("count")
                out += raw[start : reader.pos]
                for _ in range(min(count, reader.left)):
                    start = reader.pos
                    value = reader.lenenc_bytes("member")
                    out += raw[start : reader.pos - len(value)] + self._text("values", value)
        except DecodeError:
            return bytes(len(raw))
        return bytes(out)

    @staticmethod
    def _strings(raw: bytes, replace: Callable[[bytes], bytes]) -> bytes:
        reader = Reader(raw, "metadata")
        out = bytearray()
        try:
            while reader.left:
                start = reader.pos
                value = reader.lenenc_bytes("name")
                out += raw[start : reader.pos - len(value)] + replace(value)
        except DecodeError:
            return bytes(len(raw))
        return bytes(out)

    def _pem(self, raw: bytes, scene: _Scene) -> bytes:
        """The lines that say what it is stay."""
        lines = raw.split(b"\n")
        return b"\n".join(
            line if re.fullmatch(rb"-----(?:BEGIN|END) [A-Z ]{1,30}-----\r?\0?", line) or not line.strip(b"\0")
            else self._base64(line)
            for line in lines
        )  # fmt: skip

    def _base64(self, line: bytes) -> bytes:
        return self.replacements.text("nonces", line)

    def _commands(self, raw: bytes, scene: _Scene) -> bytes:
        """One of the commands of a COM_MULTI."""
        record = scene.record
        if not isinstance(record, ComMulti):
            return self.zeros(raw, 1)
        for payload, inner in zip(record.commands, record.records(scene.context), strict=True):
            if payload == raw:
                if isinstance(inner, ComOther | Data | Malformed | ComMulti):
                    break
                out = bytearray(len(raw))
                own = _Scene(inner, scene.context, None, scene.escapes)
                spans = spans_of(raw, inner, None, scene.context)
                self._apply(out, raw, spans, rules.RULES.get(type(inner).__name__, {}), own)
                return bytes(out)
        return self.zeros(raw, 1)

    # -- binlog --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _checksum(out: bytearray, payload: bytes, record: BinlogEvent, spans: Sequence[Span]) -> None:
        """An event's own checksum, of what it is now; one that was wrong stays wrong."""
        event = record.event
        if event.checksum is None or not spans or spans[-1].name != "checksum":
            return
        start = next((span.start for span in spans if span.name == "timestamp"), None)
        if start is None:
            return
        end = spans[-1].start
        number = crc32(bytes(out[start:end])) ^ (0 if event.checksum_valid else 1)
        out[end : end + 4] = number.to_bytes(4, "little")


def _state(raw: bytes) -> bytes:
    """An SQLSTATE, or another where it is none."""
    return raw if _STATES.fullmatch(raw) else b"HY000"[: len(raw)].ljust(len(raw))


def content_in(raw: bytes) -> int:
    """Bytes that are lost where all of it becomes zero."""
    return len(raw) - raw.count(0)


def _is_collation(raw: bytes) -> bool:
    number = int.from_bytes(raw, "little")
    return number in COLLATIONS or number in MARIADB_COLLATIONS


def names_itself(record: AnyRecord) -> bool:
    """Whether a column is called by a name, of a table or given to it, and by no expression of the statement."""
    own = isinstance(record, ColumnDefinition41) and record.org_name
    own = own or (isinstance(record, ColumnDefinition320) and record.table)
    name = record.name if isinstance(record, ColumnDefinition41 | ColumnDefinition320) else ""
    return bool(own) and _PLAIN_NAME.fullmatch(name.encode("utf-8", ENCODING_ERRORS)) is not None


def content_of(payload: bytes, span: Span) -> tuple[int, int]:
    """Where the content of a field stands: a string without its length, or without the NUL behind it."""
    value: Any = span.value
    if isinstance(value, str):
        value = value.encode("utf-8", ENCODING_ERRORS)
    if not isinstance(value, bytes):
        return span.start, span.end
    size = span.end - span.start
    if len(value) == size:
        return span.start, span.end
    if payload[span.end - 1] == 0 and payload[span.start : span.start + len(value)] == value and size == len(value) + 1:
        head = counted_head(payload[span.start : span.end])
        # Of a string that begins like its own length, the length in front decides: it is shorter by the same.
        if not (head == 1 and payload[span.start] == len(value) and payload[span.start + 1 : span.end] == value):
            return span.start, span.end - 1
    return span.end - len(value), span.end


def escapes_after(record: AnyRecord, known: bool | None) -> bool | None:
    """Whether a backslash escapes from here on, as far as a packet of the server says."""
    if isinstance(record, OKPacket | EOFPacket | HandshakeV10) and record.status_flags is not None:
        return not record.status_flags & NO_BACKSLASH_ESCAPES
    return known

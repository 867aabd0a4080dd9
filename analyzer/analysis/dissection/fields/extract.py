"""Display fields out of a packet: its record is decoded once more with a reader that notes where each field stood.

Byte ranges count from the packet's first header byte. A field that is no part of the bytes (a note that Wireshark shows
as expert information) stands at the packet's end and is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from struct import unpack
from typing import Any, Final, NamedTuple

from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.fields.base import BOOLEAN, BYTES, NUMBER, TEXT, FieldInfo, Value
from analyzer.analysis.dissection.fields.mapping import AUTH, BINLOG, BITS, LABELS, MAPPING, Outs
from analyzer.analysis.packets.field_spans import spans_of
from analyzer.protocol.auth.base import AuthRecord
from analyzer.protocol.columns import ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord
from analyzer.protocol.records.authentication import AuthMoreData, AuthResponse
from analyzer.protocol.records.base import Malformed, Record
from analyzer.protocol.records.commands.parameters import Parameter
from analyzer.protocol.records.commands.statement import ComStmtBulkExecute, ComStmtExecute
from analyzer.protocol.records.commands.text import ComOther, ComQuery
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.records.response import ColumnCount, Data
from analyzer.protocol.records.resultset import UNSIGNED, BinaryRow, ColumnDefinition41
from analyzer.protocol.tables.capabilities import CLIENT_LONG_PASSWORD
from analyzer.protocol.tables.commands import COMMANDS
from analyzer.protocol.wire.framing import HEADER, RawPacket
from analyzer.protocol.wire.reader import ENCODING_ERRORS, Span, TracingReader
from analyzer.protocol.wire.text import in_charset
from analyzer.protocol.wire.values import decode_value

# Fields of every packet, and those that say something about it that is not in its bytes.
HEADERS: Final = ("mysql.packet_length", "mysql.packet_number")
_LENGTH, _NUMBER = (FIELDS[name] for name in HEADERS)
# Spans whose value says what the next one is.
_TRACKERS: Final = frozenset({"session_track_type", "extended_metadata_type"})
# How a value is taken whose field depends on it.
_CHOOSE: Final = frozenset({"typed", "tracked", "extended_value"})
NOTES: Final = (
    "mysql.command.invalid",
    "mysql.unknown_response",
    "mysql.invalid_length",
    "mysql.prepare_response_needed",
    "mysql.streamed_param",
)
NANOSECONDS: Final = 1_000_000_000
SHA2_STATES: Final[dict[int, str]] = {2: "request_public_key", 3: "fast_auth_success", 4: "perform_full_authentication"}

# Records that come again and again with the same bytes, and bytes and number of those that are remembered.
REPEATED: Final[frozenset[type]] = frozenset({ColumnCount, ColumnDefinition41, EOFPacket, OKPacket})
LONGEST_REPEATED: Final = 512
MOST_REPEATED: Final = 1 << 12

# What the takes that choose their field may give.
GIVES: Final[dict[str, tuple[str, ...]]] = {
    "tracked": (
        "mysql.payload",
        "mysql.session_track.sysvar.length",
        "mysql.session_track.sysvar.value",
        "mysql.session_track.schema.length",
        "mysql.session_track.schema",
        "mysql.session_track.state_change",
        "mysql.session_track.gtids.length",
        "mysql.session_track.gtids",
        "mysql.session_track.transaction_characteristics.length",
        "mysql.session_track.transaction_characteristics",
        "mysql.session_track.transaction_state.length",
        "mysql.session_track.transaction_state",
    ),
    "extended_value": ("mysql.extmeta.type", "mysql.extmeta.format"),
    "typed": (
        "mariadb.bulk.row_nr",
        "mysql.exec.field.null",
        "mysql.exec.field.tiny",
        "mysql.exec.field.unsigned_tiny",
        "mysql.exec.field.short",
        "mysql.exec.field.unsigned_short",
        "mysql.exec.field.int24",
        "mysql.exec.field.long",
        "mysql.exec.field.unsigned_long",
        "mysql.exec.field.longlong",
        "mysql.exec.field.unsigned_longlong",
        "mysql.exec.field.float",
        "mysql.exec.field.double",
        "mysql.exec.field.year",
        "mysql.exec.field.month",
        "mysql.exec.field.day",
        "mysql.exec.field.hour",
        "mysql.exec.field.minute",
        "mysql.exec.field.second",
        "mysql.exec.field.secondb",
        "mysql.exec.field.datetime.length",
        "mysql.exec.field.time.length",
        "mysql.exec.field.time.sign",
        "mysql.exec.field.time.days",
        "mysql.exec.field.bit.length",
        "mysql.exec.field.bit",
        "mysql.exec.field.blob.length",
        "mysql.exec.field.blob",
        "mysql.exec.field.geometry.length",
        "mysql.exec.field.geometry",
        "mysql.exec.field.json.length",
        "mysql.exec.field.string.length",
        "mysql.exec.field.string",
    ),
}
# Session tracking type -> field of its value (Wireshark has a length beside each but the state change).
_TRACKED: Final[dict[int, str]] = {
    0: "sysvar",
    1: "schema",
    2: "state_change",
    3: "gtids",
    4: "transaction_characteristics",
    5: "transaction_state",
}
_EXTENDED: Final[dict[int, str]] = {0: "mysql.extmeta.type", 1: "mysql.extmeta.format"}
# Column type -> field of its integer, signed and unsigned.
_INTEGERS: Final[dict[int, tuple[str, str]]] = {
    0x01: ("tiny", "unsigned_tiny"),
    0x02: ("short", "unsigned_short"),
    0x03: ("long", "unsigned_long"),
    0x08: ("longlong", "unsigned_longlong"),
    0x09: ("int24", "int24"),
    0x0D: ("year", "year"),
}
_REALS: Final[dict[int, tuple[str, str]]] = {0x04: ("float", "<f"), 0x05: ("double", "<d")}
_DATES: Final = frozenset({0x07, 0x0A, 0x0C})
_TIME: Final = 0x0B
_COUNTED: Final[dict[int, str]] = {0x10: "bit", 0xFF: "geometry", 0xF2: "blob", 0xF9: "blob", 0xFA: "blob"} | {
    0xFB: "blob",
    0xFC: "blob",
}
_JSON: Final = 0xF5
_UNSIGNED: Final = 0x8000


class Node(NamedTuple):
    """One display field of a packet: `depth` levels below the packet, over bytes [start, end) from its header on."""

    info: FieldInfo
    value: Value
    start: int
    end: int
    depth: int


class _Taken(NamedTuple):
    """What a take works on: a span of the payload, and where it is."""

    span: Span
    payload: bytes
    record: AnyRecord
    context: Context

    @property
    def raw(self) -> bytes:
        return self.payload[self.span.start : self.span.end]

    @property
    def content(self) -> bytes:
        """The value's bytes, without the length in front of it."""
        value = self.span.value
        if isinstance(value, str):
            return value.encode("utf-8", ENCODING_ERRORS)
        return value if isinstance(value, bytes) else self.raw


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", ENCODING_ERRORS)


def _is_extended(t: _Taken) -> bool:
    """Whether the filler holds MariaDB's extended capabilities: CLIENT_MYSQL is clear."""
    flags = getattr(t.record, "capability_flags_1", None)
    if flags is None:
        flags = getattr(t.record, "client_flag", CLIENT_LONG_PASSWORD)
    return isinstance(flags, int) and not flags & CLIENT_LONG_PASSWORD


# How a value is taken; None where the field is not there.
TAKES: Final[dict[str, Callable[[_Taken], Value | None]]] = {
    "value": lambda t: t.span.value,
    "coerce": lambda t: t.span.value,
    "size": lambda t: len(t.content),
    "text": lambda t: _text(t.content),
    "text_nul": lambda t: _text(t.content.removesuffix(b"\x00")),
    "null": lambda t: "NULL",
    "raw": lambda t: t.raw,
    "plain": lambda t: _text(t.content),
    "low8": lambda t: t.span.value & 0xFF,
    "bits8": lambda t: t.span.value >> 8 & 0xFF,
    "low16": lambda t: t.span.value & 0xFFFF,
    "high16": lambda t: t.span.value >> 16 & 0xFFFF,
    "mysql": lambda t: None if t.context.mariadb else t.span.value,
    "mariadb": lambda t: t.span.value if t.context.mariadb else None,
    "mysql8": lambda t: None if t.context.mariadb else t.span.value & 0xFF,
    "mariadb8": lambda t: t.span.value & 0xFF if t.context.mariadb else None,
    "without_extended": lambda t: t.content[:-4] if _is_extended(t) else t.content,
    "extended": lambda t: int.from_bytes(t.content[-4:], "little") if _is_extended(t) else None,
    "nonzero": lambda t: t.span.value or None,
    "nonempty": lambda t: t.span.value or None,
    "eof": lambda t: 0xFE if t.span.value == 0xFE else None,
    "epoch": lambda t: t.span.value * NANOSECONDS,
    "sha2_state": lambda t: SHA2_STATES.get(t.span.value, str(t.span.value)),
}


class _Step(NamedTuple):
    """What one span gives: a field, and how its value is taken; `field` is None where the take chooses it.

    take   None: the span's own value
    label  the spans that a label covers, None for all that is no label
    plain  type of the values that need no coercing
    """

    name: str
    how: str
    field: FieldInfo | None
    take: Callable[[_Taken], Value | None] | None
    label: frozenset[str] | None
    plain: type
    has_bits: bool


_PLAIN: Final[dict[str, type]] = {NUMBER: int, TEXT: str, BYTES: bytes, BOOLEAN: bool}
# Kinds of records, with what an auth plugin's packet holds: more than there are.
_MOST_PLANS: Final = 1024
# Words of flags: what a server says of its state, what a column has.
_MOST_FLAGS: Final = 1 << 13


def _step(name: str, how: str) -> _Step:
    field = FIELDS.get(name)
    label = LABELS[how] if how in LABELS else frozenset() if how.startswith("label") else None
    take = None if how in ("value", "coerce") else TAKES.get(how)
    plain = object if field is None else _PLAIN.get(field.family, object)
    return _Step(name, how, field, take, label, plain, name in BITS)


@lru_cache(_MOST_PLANS)
def _plan(kind: str, in_binlog: bool, detail: str) -> dict[str, tuple[_Step, ...]]:
    """Span name -> what it gives, of a kind of record and of what an auth plugin makes of it."""
    found = MAPPING.get(kind)
    table = (BINLOG if in_binlog else {}) if found is None else found
    both = {
        **{name: outs for name, outs in AUTH.get(detail, {}).items() if name},
        **{name: outs for name, outs in table.items() if outs},
    }
    return {name: tuple(_step(*out) for out in outs) for name, outs in both.items()}


def _plan_of(record: AnyRecord, detail: AuthRecord | None) -> dict[str, tuple[_Step, ...]]:
    inner = type(detail).__name__ if isinstance(record, AuthResponse | AuthMoreData) else ""
    if isinstance(record, Malformed):
        return _plan(record.record_type, False, inner)
    if isinstance(record, Data):
        return _plan(f"Data {record.kind}", False, inner)
    kind = type(record)
    return _plan(kind.__name__, "binlog" in kind.__module__, inner)


def nodes_of(
    role: int,
    packet: RawPacket,
    record: AnyRecord,
    detail: AuthRecord | None,
    context: Context,
    spans: Callable[[], list[Span]],
) -> list[Node]:
    """All display fields of a packet, in the order of its bytes. The list may be that of an equal packet before it.

    `spans` gives where they stand in the payload.
    """
    payload, kind = packet.payload, type(record)
    if kind in REPEATED and packet.length == len(payload) <= LONGEST_REPEATED:
        return _repeated(kind, payload, packet.sequence_id, context.in_force, context.flavor)
    return _nodes(role, packet, record, detail, context, spans())


@lru_cache(MOST_REPEATED)
def _repeated(kind: type[Record], payload: bytes, sequence_id: int, in_force: int, flavor: str | None) -> list[Node]:
    """Fields of a server's packet in which nothing else matters but these."""
    context = Context(in_force=in_force, flavor=flavor)
    packet = RawPacket(sequence_id, payload, len(payload), 0, 0, 0, 0, sequence_id)
    record = kind.from_bytes(payload, context)
    return _nodes(SERVER, packet, record, None, context, spans_of(payload, record, None, context))


def _nodes(
    role: int,
    packet: RawPacket,
    record: AnyRecord,
    detail: AuthRecord | None,
    context: Context,
    spans: Sequence[Span],
) -> list[Node]:
    payload = packet.payload
    found = [Node(_LENGTH, packet.length, 0, 3, 0), Node(_NUMBER, packet.sequence_id, 3, HEADER, 0)]
    end = HEADER + len(payload)
    plan = _plan_of(record, detail)
    open_: list[int] = []  # ends of the labels around
    for step in plan.get("", ()):
        found.append(Node(FIELDS[step.name], True, HEADER, end, 0))
        open_.append(end)
    types = _value_types(record, context)
    tracker = -1
    indicators = 0
    for index, span in enumerate(spans):
        name, begin, behind, value = span
        if "[" in name:
            name = name.partition("[")[0]
        start, stop = begin + HEADER, behind + HEADER
        while open_ and start >= open_[-1] and stop > open_[-1]:
            open_.pop()
        if name in _TRACKERS:
            tracker = value
        elif name == "parameter_indicator":
            indicators += 1
            found.extend(_row_number(record, indicators, start, len(open_)))
        for step in plan.get(name, ()):
            field, depth = step.field, len(open_)
            if step.label is not None:
                around = _last(spans, index, step.label) + HEADER
                while open_ and around > open_[-1]:
                    open_.pop()
                found.append(Node(FIELDS[step.name], True, start, around, len(open_)))
                open_.append(around)
            elif field is None or step.how in _CHOOSE:
                taken = _Taken(span, payload, record, context)
                found.extend(_chosen(step.how, taken, types, tracker, start, stop, depth))
            else:
                got: Any = value if step.take is None else step.take(_Taken(span, payload, record, context))
                if got is None:
                    continue
                if type(got) is not step.plain:
                    got = _coerced(field, got)
                found.append(Node(field, got, start, stop, depth))
                if step.has_bits and isinstance(got, int):
                    found.extend(_bits(step.name, got, start, stop, depth + 1))
    found.extend(_notes(role, record, end))
    return found


def _last(spans: Sequence[Span], index: int, covers: frozenset[str]) -> int:
    """Where the last span ends that a label covers, which begins at `index`."""
    while index + 1 < len(spans) and spans[index + 1].name.partition("[")[0] in covers:
        index += 1
    return spans[index].end


def _chosen(
    how: str, taken: _Taken, types: Iterator[tuple[int, bool]], tracker: int, start: int, stop: int, depth: int
) -> Iterator[Node]:
    """A value whose type says which field it is."""
    if how == "typed":
        kind = next(types, None)
        if kind is not None:
            yield from _typed(*kind, taken, start, stop, depth)
    elif how == "tracked":
        yield from _tracked(tracker, taken, start, stop, depth)
    else:
        extended = FIELDS.get(_EXTENDED.get(tracker, ""))
        if extended is not None:
            yield Node(extended, _text(taken.content), start, stop, depth)


def recoded(nodes: list[Node], codec: str | None) -> list[Node]:
    """Fields whose text is read by `codec`; None: UTF-8, as they are."""
    if codec is None:
        return nodes
    return [n._replace(value=in_charset(n.value, codec)) if isinstance(n.value, str) else n for n in nodes]


@lru_cache(_MOST_FLAGS)
def _bits(name: str, value: int, start: int, end: int, depth: int) -> tuple[Node, ...]:
    """The flags and small numbers in a field's value: most packets have one of a few."""
    found = []
    for flag_name, mask in BITS[name]:
        flag, masked = FIELDS[flag_name], value & mask
        found.append(
            Node(flag, bool(masked) if flag.family == BOOLEAN else masked // (mask & -mask), start, end, depth)
        )
    return tuple(found)


def _coerced(info: FieldInfo, value: Value) -> Value:
    """A value in the type of its field."""
    family = info.family
    if family == TEXT and isinstance(value, bytes):
        return _text(value)
    if family == BYTES and isinstance(value, str):
        return value.encode("utf-8", ENCODING_ERRORS)
    if family == BYTES and isinstance(value, int):
        return value.to_bytes((value.bit_length() + 7) // 8 or 1, "little") if value >= 0 else b""
    if family == NUMBER and isinstance(value, bytes):
        return int.from_bytes(value, "little")
    if family == BOOLEAN:
        return bool(value)
    return value


def _parameters(record: AnyRecord) -> tuple[Parameter, ...]:
    if isinstance(record, ComStmtExecute):
        return record.parameters
    return record.attributes if isinstance(record, ComQuery) else ()


def _value_types(record: AnyRecord, context: Context) -> Iterator[tuple[int, bool]]:
    """Of the values on the wire, in their order: column type (0x8000: unsigned), and whether a blob is text."""
    parameters = _parameters(record)
    if parameters:
        return ((one.type, isinstance(one.value, str)) for one in parameters if one.raw is not None)
    if isinstance(record, ComStmtBulkExecute):
        kinds = record.types or _remembered(context)
        cells = (pair for row in record.rows for pair in zip(kinds, row, strict=False))
        return ((kind, isinstance(one.value, str)) for kind, one in cells if not one.indicator)
    if isinstance(record, BinaryRow):
        pairs = zip(context.columns, record.values, strict=False)
        return (
            (column.type | (_UNSIGNED if column.flags & UNSIGNED else 0), isinstance(one.value, str))
            for column, one in pairs
            if one.value is not None
        )
    return iter(())


def _remembered(context: Context) -> tuple[int, ...]:
    known = getattr(context, "bound", None)
    types = getattr(known, "types", None)
    return types if isinstance(types, tuple) else ()


def _row_number(record: AnyRecord, indicators: int, at: int, depth: int) -> Iterator[Node]:
    width = len(record.rows[0]) if isinstance(record, ComStmtBulkExecute) and record.rows else 0
    if width and (indicators - 1) % width == 0:
        yield Node(FIELDS["mariadb.bulk.row_nr"], (indicators - 1) // width + 1, at, at, depth)


def _typed(kind: int, text: bool, t: _Taken, start: int, end: int, depth: int) -> Iterator[Node]:
    """A value of the binary protocol as Wireshark's exec fields."""
    unsigned, kind = bool(kind & _UNSIGNED), kind & 0xFF
    raw = t.raw

    def node(name: str, value: Value) -> Node:
        return Node(FIELDS[f"mysql.exec.field.{name}"], value, start, end, depth)

    if kind in _INTEGERS:
        signed = not unsigned and kind != 0x0D
        yield node(_INTEGERS[kind][unsigned], int.from_bytes(raw, "little", signed=signed))
    elif kind in _REALS:
        name, layout = _REALS[kind]
        yield node(name, unpack(layout, raw)[0])
    elif kind in _DATES:
        yield node("datetime.length", raw[0])
        parts = unpack("<HBBBBBI", raw[1:].ljust(11, b"\x00"))
        count = {4: 3, 7: 6, 11: 7}.get(raw[0], 0)
        names = ("year", "month", "day", "hour", "minute", "second", "secondb")
        for name, value in zip(names[:count], parts, strict=False):
            yield node(name, value)
    elif kind == _TIME:
        yield node("time.length", raw[0])
        parts = unpack("<BIBBBI", raw[1:].ljust(12, b"\x00"))
        count = {8: 5, 12: 6}.get(raw[0], 0)
        clock = ("time.sign", "time.days", "hour", "minute", "second", "secondb")
        for name, value in zip(clock[:count], parts, strict=False):
            yield node(name, value)
    elif kind in _COUNTED:
        yield node(f"{_COUNTED[kind]}.length", len(t.content))
        yield node(_COUNTED[kind], t.content)
        if text:
            yield node("string", _text(t.content))
    else:
        yield node("json.length" if kind == _JSON else "string.length", len(t.content))
        yield node("string", _text(t.content))


def value_nodes(column: ResultColumn, raw: bytes, start: int, codec: str | None) -> list[Node]:
    """The fields of a binary value that is whole; it stands at `start`."""
    reader = TracingReader(raw, "BinaryRow")
    unsigned = bool(column.flags & UNSIGNED)
    value = decode_value(reader, column.type, unsigned, "value", decimals=column.decimals, text=column.is_text)
    taken = _Taken(reader.spans[0], raw, BinaryRow(()), Context())
    kind = column.type | (_UNSIGNED if unsigned else 0)
    return recoded(list(_typed(kind, isinstance(value.value, str), taken, start, start + len(raw), 0)), codec)


def _tracked(tracker: int, t: _Taken, start: int, end: int, depth: int) -> Iterator[Node]:
    name = _TRACKED.get(tracker)
    if name is None or (t.span.name == "session_track_data" and name != "state_change"):
        yield Node(FIELDS["mysql.payload"], t.content, start, end, depth)
        return
    field = f"mysql.session_track.{name}"
    if name != "state_change":
        yield Node(FIELDS[f"{field}.length"], len(t.content), start, end, depth)
    yield Node(FIELDS[f"{field}.value" if name == "sysvar" else field], _text(t.content), start, end, depth)


def _notes(role: int, record: AnyRecord, end: int) -> Iterator[Node]:
    if isinstance(record, ComOther) and record.command not in COMMANDS:
        yield Node(FIELDS["mysql.command.invalid"], True, end, end, 0)
    if isinstance(record, Malformed):
        yield Node(FIELDS["mysql.invalid_length"], True, end, end, 0)
        if role != CLIENT:
            yield Node(FIELDS["mysql.unknown_response"], True, end, end, 0)
    if isinstance(record, ComStmtExecute | ComStmtBulkExecute) and record.undecoded:
        yield Node(FIELDS["mysql.prepare_response_needed"], True, end, end, 0)
    for parameter in _parameters(record):
        if parameter.raw is None:
            name = "mysql.exec.field.null" if parameter.long_data is None else "mysql.streamed_param"
            yield Node(FIELDS[name], True, end, end, 0)
    if isinstance(record, BinaryRow):
        for value in record.values:
            if value.value is None:
                yield Node(FIELDS["mysql.exec.field.null"], True, end, end, 0)


def _makers() -> dict[str, frozenset[str]]:
    made: dict[str, set[str]] = {}

    def add(record: str, outs: Outs) -> None:
        for name, take in outs:
            for field in GIVES.get(take, (name,)):
                made.setdefault(field, set()).add(record)
                for flag, _ in BITS.get(field, ()):
                    made.setdefault(flag, set()).add(record)

    for record, table in MAPPING.items():
        for outs in table.values():
            add(record, outs)
    for table in AUTH.values():
        for outs in table.values():
            add("AuthMoreData", outs)
            add("AuthResponse", outs)
    for outs in BINLOG.values():
        add("BinlogEvent", outs)
    made["mysql.prepare_response_needed"] = {"ComStmtExecute", "ComStmtBulkExecute"}
    made["mysql.streamed_param"] = made["mysql.exec.field.null"] = {"ComStmtExecute", "ComQuery", "BinaryRow"}
    made["mysql.command.invalid"] = {"ComOther"}
    return {field: frozenset(records) for field, records in made.items()}


# Display field -> names of the records that may hold it. Malformed packets may hold any.
MAKERS: Final[dict[str, frozenset[str]]] = _makers()


def given_by(spans: Collection[str]) -> frozenset[str]:
    """The display fields that parts of those names give, whatever record or auth plugin's packet they are of."""
    tables = [*MAPPING.values(), *AUTH.values()]
    outs = [out for table in tables for name in spans for out in table.get(name, ())]
    return frozenset(field for name, take in outs for field in GIVES.get(take, (name,)))

"""Rows of the packets of plain turns: most are as packets before them, and differ in nothing but their frame.

What is shown of a packet is worked out once for its bytes (`TurnPackets`), and written again where they come again. Of
rows of result sets it is the same for all with as many values, where nothing in them is shown: each is looked at,
whether it is whole. Where a statement has a secret, and where bytes come for the first time, packets are made.
"""

from __future__ import annotations

from typing import Final

from analyzer.analysis.conversation.observer import KnownLogin
from analyzer.analysis.conversation.plain_turn import PREPARE, QUERY, PlainTurn
from analyzer.analysis.dissection.computed_fields import OF_EACH_FRAME, OF_FRAME, REQUEST_FIELDS
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.login_rows import KnownLoginRows, LoginRows
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.prefilter import Sieve, in_rows
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.dissection.row_lines import RowParts, RowsInHand
from analyzer.analysis.dissection.row_writer import MOST_COLUMNS as MOST_TOLD
from analyzer.analysis.dissection.turn_packets import (
    ALONE,
    DEFINITION,
    DEFINITIONS_END,
    END,
    HEAD,
    PARAMETER,
    PARAMETERS_END,
    PREPARED,
    PREPARED_COLUMN,
    PREPARED_END,
    ROW,
    TurnPackets,
)
from analyzer.analysis.model.connection import elapsed
from analyzer.analysis.packets.sql_hints import has_hint
from analyzer.analysis.packets.sql_names import shape_of
from analyzer.batches import copied
from analyzer.net.tcp.pieces import Pieces
from analyzer.protocol.columns import Columns, ResultColumn
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine
from analyzer.protocol.machine.resultset import MOST_BYTES, MOST_COLUMNS, keep_columns, may_keep
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.tables.capabilities import CLIENT_DEPRECATE_EOF
from analyzer.protocol.tables.commands import COM_STMT_EXECUTE
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import ENCODING_ERRORS
from analyzer.protocol.wire.row_values import binary_is_whole, text_values, value_kinds

# Bytes of all that is remembered, what each of it takes beside its bytes, and bytes of a packet and of definitions.
MOST_HELD: Final = 16 << 20
ENTRY: Final = 256
LONGEST_PACKET: Final = 1 << 10
LONGEST_BLOCK: Final = 1 << 13
# What depends on more than a packet's bytes.
_OF_ITS_PLACE: Final = OF_EACH_FRAME | REQUEST_FIELDS | {"handshark.start_frame"}
# Constants of others, once more: here they are numbers of C.
_HEADER: Final = HEADER
_LONGEST: Final = LONGEST_PACKET
_LONGEST_BLOCK: Final = LONGEST_BLOCK
_QUERY: Final = QUERY
_PREPARE: Final = PREPARE
_EXECUTE: Final = COM_STMT_EXECUTE
# Where the number ends of the statement that a command names.
_NAMED: Final = HEADER + 5
_CLIENT: Final = CLIENT
_SERVER: Final = SERVER
_ROW: Final = ROW
_END: Final = END


class Dialect:
    """What was worked out of packets under one agreement: by their bytes, and None for what is not shown.

    packets    by where they stand in a response
    blocks     definitions by their bytes, with what ends them
    requests   by the command's bytes
    binary_rows, text_rows  by how many values they have
    """

    __slots__ = ("binary_rows", "blocks", "has_eof", "packets", "requests", "text_rows")

    def __init__(self, context: Context) -> None:
        self.has_eof = not context.in_force & CLIENT_DEPRECATE_EOF
        self.packets: list[dict[bytes, bytes | None]] = [{} for _ in range(PREPARED + 1)]
        self.blocks: dict[bytes, Definitions] = {}
        self.requests: dict[bytes, bytes | None] = {}
        self.binary_rows: dict[int, bytes | None] = {}
        self.text_rows: dict[int, bytes | None] = {}


class Definitions:
    """Definitions that stand together: what is shown of each packet, and how rows under them are read.

    `columns` are those of a result set, or of what was prepared; `parameters` those of its parameters. They are empty
    where one is broken, or they are too many; `count` counts the columns all the same. `kinds` tells whether a binary
    row is whole.
    """

    __slots__ = ("bodies", "columns", "count", "kinds", "parameters")

    def __init__(self, bodies: list[bytes | None], count: int, columns: Columns, parameters: Columns) -> None:
        self.bodies = bodies
        self.count = count
        self.columns = columns
        self.parameters = parameters
        self.kinds = value_kinds(column.type for column in columns)


def takes_turns(wanted: RowRequest) -> bool:
    """Whether packets of turns may be told of by what was worked out of others. Filters ask all packets of a frame."""
    keep = wanted.filter
    if wanted.late or wanted.raw or (wanted.by_frame and keep is not None):
        return False
    return keep is None or not (keep.needs_connection or keep.fields & _OF_ITS_PLACE)


class TurnWriter:
    """Writes the rows of the turns of one capture, and of logins of known shapes (`logins`)."""

    __slots__ = (
        *("_columns", "_dialect", "_dialects", "_held", "_kinds", "_looks", "_packets", "_parts", "_piece", "_pieces"),
        *("_plain", "_reach", "_row_writer", "_rows", "_rows_told", "_scene", "logins"),
    )

    def __init__(self, wanted: RowRequest, parts: RowParts, rows: RowsInHand, sieve: Sieve | None) -> None:
        self._parts = parts
        self._rows = rows
        self.logins = KnownLoginRows(wanted.fields is None, parts) if wanted.filter is None else None
        self._packets = TurnPackets(wanted, sieve, parts.body)
        self._dialects: dict[tuple[int, str | None, str | None, bool, bool], Dialect] = {}
        self._held = 0  # bytes that they take
        # Whether somebody looks at rows and definitions; whether something in rows is shown or asked for.
        self._looks = wanted.rows
        asked = wanted.filter is not None and (sieve is None or sieve.may("TextRow") or sieve.may("BinaryRow"))
        shown = wanted.fields is None or any(map(in_rows, wanted.fields - OF_FRAME))
        self._rows_told = asked or (shown and wanted.filter is None)
        # What writes rows that hide nothing.
        self._row_writer = parts.rows() if wanted.filter is None else None
        # Of the turn in hand; the piece in which the packet in hand ends, and where that ends in the response.
        self._scene: RequestTracker | None = None
        self._pieces: Pieces | None = None
        self._piece = self._reach = 0
        self._dialect: Dialect | None = None
        self._plain = False
        self._columns: Columns = ()
        self._kinds = b""

    def take(self, scene: RequestTracker, turn: PlainTurn, machine: Machine, codec: str | None) -> None:
        """Writes the rows of a turn; `codec` is that of the client's text when it asked."""
        context = machine.context
        codecs = context.client_codec, context.results_codec
        agreed = (context.in_force, *codecs, context.secure, context.assumed)
        if self._held > MOST_HELD:
            self._dialects.clear()
            self._held = 0
        dialect = self._dialects.get(agreed)
        if dialect is None:
            dialect = self._dialects[agreed] = Dialect(context)
            self._held += ENTRY * len(dialect.packets)
        self._scene = scene
        self._pieces, self._dialect = turn.pieces, dialect
        self._packets.take(scene, turn, context, codec)
        self._plain = self._holds_none(turn)
        self._rows.take(scene, self._parts.foot(turn.frame, -1))
        self._request(turn, dialect, codec == context.client_codec)
        if turn.length:
            self._response(turn, machine)

    def packet(self, one: Dissection) -> None:
        """Writes a packet that belongs to no turn, where packets of a frame stand together."""
        self._rows.packet(one)

    def login(self, scene: RequestTracker, login: KnownLogin) -> LoginRows | None:
        """Writes the packets of a login of a known shape; None where it is to come packet by packet."""
        assert self.logins is not None
        found = self.logins.of(scene, login)
        if found is not None:
            self._rows.take(scene, self._parts.foot(0, -1))
            found.put(self._rows, login)
        return found

    def flush(self, scene: RequestTracker) -> None:
        """The frame in hand of a connection is over."""
        self._rows.flush(scene)

    def _holds_none(self, turn: PlainTurn) -> bool:
        """Whether nothing in the statement is secret: what is shown of its answer depends on its bytes alone then."""
        scene = self._scene
        assert scene is not None
        mask = scene.mask
        statement = turn.statement
        if mask is None:
            return True
        if turn.code == _QUERY:
            begins = _HEADER + (3 if turn.named else 1)
            return mask.statements.is_plain(turn.request, begins)
        if statement is None:
            return True
        query = statement.query
        if query is None or statement.cut:
            return False
        return mask.statements.is_whole(query, statement.num_params or 0)

    def _request(self, turn: PlainTurn, dialect: Dialect, same: bool) -> None:
        """The command. What it binds is its own; what it asks comes again."""
        request, known, plan = turn.request, dialect.requests, turn.plan
        if plan is None:
            kept, key = len(request) <= _LONGEST, request
        else:
            # Nothing is shown of its values but how many they are.
            kept = not self._packets.tells_values and plan.is_whole(request)
            key = copied(request, _HEADER, _NAMED) + bytes([len(plan.types)]) if kept else request
        kept = kept and self._plain and same
        if kept and key in known:
            body = known[key]
        else:
            body = self._packets.request()
            if kept:
                self._remember(known, key, body)
        if body is not None:
            self._put(_CLIENT, turn.frame, turn.time_ns, body)

    def _remember(self, known: dict[bytes, bytes | None], key: bytes, body: bytes | None) -> None:
        """Has what is shown of a packet for those that are the same."""
        known[key] = body
        self._held += ENTRY + len(key) + len(body or b"")

    def _response(self, turn: PlainTurn, machine: Machine) -> None:
        """The packets of the response, in their order."""
        _, middle, stop = turn.span
        pieces = turn.pieces
        data = pieces.content(middle, stop)
        self._piece, self._reach = middle, pieces.segments.length[pieces.row[middle]]
        size, code = len(data), turn.code
        first = _HEADER + (data[0] | data[1] << 8 | data[2] << 16)
        self._reach_to(first)
        took = elapsed(turn.time_ns, pieces.segments.time_ns[pieces.row[self._piece]])
        rows = self._rows
        foot = rows.foot
        if took is not None:
            rows.foot = self._parts.foot(turn.frame, took)
        alone = code != _PREPARE and turn.columns is None
        self._packet(PREPARED if code == _PREPARE else ALONE if alone else HEAD, data, 0, first)
        rows.foot = foot
        if alone:
            return
        if not self._looks:
            if code != _PREPARE:
                self._packet(_END, data, self._last(data, first), size)
            return
        definitions, place = self._definitions(turn, data, first)
        self._columns, self._kinds = definitions.columns, definitions.kinds
        if code == _PREPARE:
            self._keep(machine, turn.statement, definitions, size)
            return
        if not definitions.count:
            self._columns_before(turn)
        elif code == _EXECUTE:
            self._keep(machine, turn.statement, definitions, place)
        place = self._each_row(turn, data, place)
        self._packet(_END, data, place, size)

    def _last(self, data: bytes, place: int) -> int:
        """Where the last packet begins, of those from one byte on."""
        stop, size = place, len(data)
        while stop < size:
            place = stop
            stop += _HEADER + (data[stop] | data[stop + 1] << 8 | data[stop + 2] << 16)
        return place

    def _reach_to(self, stop: int) -> None:
        """Goes on to the piece in which a packet ends."""
        pieces = self._pieces
        assert pieces is not None
        while self._reach < stop:
            self._piece += 1
            self._reach += pieces.segments.length[pieces.row[self._piece]]

    def _columns_before(self, turn: PlainTurn) -> None:
        """No definitions came: the columns are those that the statement had before."""
        statement, count = turn.statement, turn.columns
        if statement is not None and len(statement.columns) == count:
            self._columns = statement.columns
            self._kinds = value_kinds(column.type for column in self._columns)
        else:
            self._columns, self._kinds = (), b""

    def _keep(self, machine: Machine, statement: PreparedStatement | None, definitions: Definitions, size: int) -> None:
        """Has a statement hold its definitions: they may be left out from here on. As the state machine does it."""
        if statement is None:
            return
        connection, parameters = machine.connection, definitions.parameters
        if parameters and may_keep(connection, parameters, statement.parameters, size):
            statement.parameters = parameters
        if definitions.count:
            keep_columns(connection, statement, definitions.columns, definitions.count, size)

    def _packet(self, kind: int, data: bytes, begin: int, stop: int) -> None:
        """A packet that may come again as it is."""
        dialect = self._dialect
        assert dialect is not None
        self._reach_to(stop)
        kept = self._plain and stop - begin <= _LONGEST
        packet = copied(data, begin, stop)
        known = dialect.packets[kind]
        if kept and packet in known:
            body = known[packet]
        else:
            body = self._made(kind, packet)
            if kept:
                self._remember(known, packet, body)
        self._put_answer(body)

    def _made(self, kind: int, packet: bytes) -> bytes | None:
        """What is shown of a packet, worked out."""
        pieces = self._pieces
        assert pieces is not None
        row = pieces.row[self._piece]
        frame, time_ns = pieces.segments.frame[row], pieces.segments.time_ns[row]
        return self._packets.answer(kind, packet[_HEADER:], packet[3], frame, time_ns, self._columns)

    def _definitions(self, turn: PlainTurn, data: bytes, begin: int) -> tuple[Definitions, int]:
        """The definitions from one byte on, with their ends; returns where those end."""
        kinds = self._due(turn, data)
        place, count = begin, len(kinds)
        for _ in range(count):
            place += _HEADER + (data[place] | data[place + 1] << 8 | data[place + 2] << 16)
        dialect = self._dialect
        assert dialect is not None
        kept = self._plain and place - begin <= _LONGEST_BLOCK
        block = kinds + copied(data, begin, place)
        found = dialect.blocks.get(block) if kept else None
        if found is None:
            found = self._defined(block, kinds)
            if kept:
                dialect.blocks[block] = found
                self._held += 2 * len(block) + ENTRY * count + sum(len(body or b"") for body in found.bodies)
        stop = begin
        for index in range(count):
            stop += _HEADER + (data[stop] | data[stop + 1] << 8 | data[stop + 2] << 16)
            self._reach_to(stop)
            self._put_answer(found.bodies[index])
        return found, place

    def _due(self, turn: PlainTurn, data: bytes) -> bytes:
        """Where the packets stand that come behind the first: a byte for each definition, and for what ends them."""
        dialect = self._dialect
        assert dialect is not None
        if turn.code == _PREPARE:
            columns, params = data[9] | data[10] << 8, data[11] | data[12] << 8
            ends = (bytes([PARAMETERS_END]), bytes([PREPARED_END])) if dialect.has_eof else (b"", b"")
            found = bytes([PARAMETER]) * params + (ends[0] if params else b"")
            return found + bytes([PREPARED_COLUMN]) * columns + (ends[1] if columns else b"")
        count = turn.columns or 0
        if data[0] == 2 and not data[_HEADER + 1]:  # it says that no definitions follow
            count = 0
        return bytes([DEFINITION]) * count + (bytes([DEFINITIONS_END]) if dialect.has_eof else b"")

    def _defined(self, block: bytes, kinds: bytes) -> Definitions:
        """Definitions, worked out. Behind their kinds the block has them as they stand on the wire."""
        packets = self._packets
        bodies: list[bytes | None] = []
        found: dict[int, list[ResultColumn | None]] = {}
        size, place = 0, len(kinds)
        for kind in kinds:
            stop = place + _HEADER + int.from_bytes(block[place : place + 3], "little")
            packet = block[place:stop]
            bodies.append(self._made(kind, packet))
            if kind in (DEFINITION, PARAMETER, PREPARED_COLUMN):
                size += len(packet) - _HEADER
                found.setdefault(kind, []).append(getattr(packets.record, "column", None))
            place = stop
        known: dict[int, Columns] = {
            kind: tuple(column for column in columns if column is not None)
            for kind, columns in found.items()
            if None not in columns and len(columns) <= MOST_COLUMNS and size <= MOST_BYTES
        }
        count = len(found.get(DEFINITION) or found.get(PREPARED_COLUMN) or ())
        return Definitions(
            bodies, count, known.get(DEFINITION) or known.get(PREPARED_COLUMN) or (), known.get(PARAMETER, ())
        )

    def _each_row(self, turn: PlainTurn, data: bytes, place: int) -> int:
        """Rows of a result set; returns where the last of them ends."""
        dialect, kinds, due = self._dialect, self._kinds, len(self._columns)
        assert dialect is not None
        binary, told = turn.code == _EXECUTE, self._rows_told or not self._plain
        writes, masks = self._opens_rows(turn), self._packets.wanted.mask is not None
        bodies = dialect.binary_rows if binary else dialect.text_rows
        body: bytes | None = None
        values, held = 0, -1
        for _ in range(turn.rows):
            stop = place + _HEADER + (data[place] | data[place + 1] << 8 | data[place + 2] << 16)
            self._reach_to(stop)
            if not binary:
                values = text_values(data, place + _HEADER, stop)
                whole = values >= 0 and due in (0, values)
            else:
                values = due
                whole = due > 0 and binary_is_whole(data, place + _HEADER, stop, kinds)
            if writes and whole and not (masks and has_hint(shape_of(copied(data, place + _HEADER, stop)))):
                self._put_row(data, place, stop, binary)
                place = stop
                continue
            if told or not whole:
                body, held = self._made(_ROW, copied(data, place, stop)), -1
            elif values != held:
                if values not in bodies:
                    self._held += ENTRY
                    bodies[values] = self._made(_ROW, copied(data, place, stop))
                body, held = bodies[values], values
            self._put_answer(body)
            place = stop
        return place

    def _opens_rows(self, turn: PlainTurn) -> bool:
        """Whether rows are written from their bytes: nothing is hidden in them but what those hint at."""
        scene, writer, columns = self._scene, self._row_writer, self._columns
        assert scene is not None
        if writer is None or not self._plain or len(columns) > MOST_TOLD:
            return False
        writer.take(columns, self._packets.context)
        if scene.mask is None:
            return True
        asked = turn.statement.query if turn.statement is not None else None
        if turn.code == _QUERY:
            asked = turn.request[_HEADER + (3 if turn.named else 1) :].decode("utf-8", ENCODING_ERRORS)
        return scene.mask.opens_rows(columns, asked)

    def _put_row(self, data: bytes, begin: int, stop: int, binary: bool) -> None:
        """Writes a row of a result set, which ends in the piece in hand."""
        writer, pieces = self._row_writer, self._pieces
        assert pieces is not None
        assert writer is not None
        place = pieces.row[self._piece]
        rows = self._rows
        rows.begin(_SERVER, pieces.segments.frame[place], pieces.segments.time_ns[place])
        writer.row(rows.lines, data, begin, stop, binary)
        rows.end()

    def _put_answer(self, body: bytes | None) -> None:
        """Writes a packet of the response, which ends in the piece in hand."""
        if body is not None:
            pieces = self._pieces
            assert pieces is not None
            row = pieces.row[self._piece]
            self._put(_SERVER, pieces.segments.frame[row], pieces.segments.time_ns[row], body)

    def _put(self, role: int, frame: int, time_ns: int, body: bytes) -> None:
        """Writes a packet."""
        rows = self._rows
        rows.begin(role, frame, time_ns)
        rows.lines.put(body)
        rows.end()

"""Packets as tshark shows them: lines, trees with byte ranges, bytes, columns of fields, JSON.

Rendering gives text and is done where the packet was decoded. Every string of the wire is escaped: control characters,
and what could reorder or hide text, never reach a terminal as they are (tshark 4.0 prints them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, cast

import msgspec

from analyzer.analysis.dissection.computed_fields import GETTERS, OF_EACH_FRAME, OF_FRAME, FrameView
from analyzer.analysis.dissection.fields import FIELDS, FieldInfo, Value, formatted, shown
from analyzer.analysis.dissection.fields.base import NUMBER, PACKET, TEXT
from analyzer.analysis.dissection.fields.extract import MOST_REPEATED, REPEATED, Node
from analyzer.analysis.dissection.fields.format import NS, absolute, duration, number_words
from analyzer.analysis.dissection.fields.mapping import BITS
from analyzer.analysis.dissection.packet import Dissection, FrameGroup
from analyzer.analysis.dissection.row_writer import RowWriter
from analyzer.analysis.model.connection import SERVER
from analyzer.report.escape import json_safe, terminal
from analyzer.report.text.hexdump import hex_lines
from analyzer.report.text.row_objects import RowObjects
from analyzer.report.text.row_tree import LONGEST_VALUE, RowTree, note

T = TypeVar("T")
Line = Callable[[Sequence[Dissection]], str]
Cell = Line

# What stands in the Protocol column.
MYSQL: Final = "MySQL"
# Characters of Info.
LONGEST_INFO: Final = 400
# Words of flags whose lines are remembered.
MOST_FLAGS: Final = 1 << 13
# Labels are in labels in labels, and no deeper.
_INDENTS: Final = tuple("    " * depth for depth in range(1, 17))
_LAYERS: Final[dict[str, tuple[str, ...]]] = {
    "frame": (
        "frame.time",
        "frame.time_epoch",
        "frame.time_delta",
        "frame.time_relative",
        "frame.number",
        "frame.len",
        "frame.cap_len",
    ),
    "ip": ("ip.src", "ip.addr", "ip.dst"),
    "ipv6": ("ipv6.src", "ipv6.addr", "ipv6.dst"),
    "tcp": (
        "tcp.srcport",
        "tcp.dstport",
        "tcp.port",
        "tcp.stream",
        "tcp.len",
        "tcp.seq_raw",
        "tcp.ack_raw",
        "tcp.flags",
        "tcp.window_size_value",
        "tcp.time_relative",
    ),
}
# Stands between a packet's object and what is said of it: no text in JSON has it.
_MARK: Final = b"\0"
# What the tree says of a packet below its bytes.
_NOTES: Final = (
    ("handshark.malformed", "Malformed"),
    ("handshark.sequence_expected", "Sequence id expected"),
)
_COMMAND_NOTES: Final = (
    ("handshark.request_frame", "Command in frame"),
    ("handshark.latency", "Time since the command"),
)
_OWN: Final = (
    "handshark.record",
    "handshark.detail",
    "handshark.summary",
    "handshark.sender",
    "handshark.malformed",
    "handshark.assumed",
    "handshark.encrypted",
    "handshark.request_frame",
    "handshark.latency",
)


def info_of(one: Dissection) -> str:
    """What tshark has in its Info column."""
    name = one.name
    summary = one.summary
    if one.packet is None:
        return f"{name} {summary}".rstrip()
    if name.startswith(("Handshake", "SSLRequest")):
        kind = "Server Greeting" if name in ("HandshakeV10", "HandshakeV9") else "Login Request"
        return f"{kind}  {summary}".rstrip()
    if name.startswith("Malformed"):
        return f"[{summary}]"
    command = FIELDS["mysql.command"].values or {}
    if name.startswith("Com") and name != "ComMulti" and one.packet.payload:
        label = command.get(one.packet.payload[0], "Unknown")
        if name == "ComOther":
            return f"Request {label} ({len(one.packet.payload) - 1} bytes)"
        return f"Request {label} {summary}".rstrip()
    kind = "Request" if one.role == 0 else "Response"
    return f"{kind} {name} {summary}".rstrip()


def info_text(one: Dissection) -> str:
    """The same, as it is shown."""
    return terminal(info_of(one), LONGEST_INFO)


def protocol_of(one: Dissection) -> str:
    return MYSQL if one.packet is not None else "TLS"


def line_head(view: FrameView, protocol: str) -> str:
    """tshark's columns in front of Info: number, time since the capture's first frame, source, destination, protocol,
    length."""
    scene = view.scene
    begin, ways = scene.frames.first_ns, scene.ways
    way = ways[view.role]
    if way is None:
        way = ways[view.role] = f"{view.source[0]:>12} → {view.destination[0]:<12}"
    if begin is None:
        when = "-"
    else:
        since = view.time_ns - begin
        when = f"{since // NS}.{since % NS // 1000:06d}" if since >= 0 else duration(since)[:-3]
    return f"{view.frame:5d} {when:>10} {way} {protocol} {view.length} "


class PacketLines:
    """A line for packets, as tshark has it. `head` makes what stands in front of Info."""

    told: frozenset[str] | None = frozenset({"thread_id"})

    def __init__(self, head: Callable[[FrameView, str], str] = line_head) -> None:
        self._head = head

    def __call__(self, group: Sequence[Dissection]) -> str:
        first = group[0]
        return f"{self._head(first, protocol_of(first))}{', '.join([info_text(one) for one in group])}\n"

    def head(self, view: FrameView) -> bytes:
        """As `RowParts`."""
        return self._head(view, MYSQL).encode()

    def body(self, one: Dissection) -> bytes:
        """As `RowParts`."""
        return f"{info_text(one)}\n".encode()

    def foot(self, asked: int, latency_ns: int) -> bytes:
        """As `RowParts`: no column tells of it."""
        return b""

    def rows(self) -> RowWriter | None:
        """As `RowParts`."""
        return None


Words = Callable[[Value], str]


class Known(Generic[T]):
    """What was made of the fields of packets that come again and again: their lists are the same objects."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Sequence[Node], T]] = {}

    def text(self, one: Dissection, make: Callable[[Sequence[Node]], T]) -> T:
        """What `make` makes of a packet's fields."""
        nodes = one.shown
        if type(one.record) not in REPEATED:
            return make(nodes)
        found = self._made.get(id(nodes))
        if found is not None and found[0] is nodes:
            return found[1]
        made = make(nodes)
        if len(self._made) >= MOST_REPEATED:
            self._made.clear()
        self._made[id(nodes)] = nodes, made  # the list is held: no other can have its identity
        return made


class Tree:
    """What -V shows: the layers, and each packet's fields with the bytes they stand in."""

    told: frozenset[str] | None = None

    def __init__(self) -> None:
        # Field -> its title, and what makes text of its values; decided once for each.
        self._fields: dict[str, tuple[str, Words | None]] = {}
        # Flags of a field, as lines: the same in most packets.
        self._flags: dict[tuple[str, int, int, int, int], str] = {}
        self._known: Known[str] = Known()

    def __call__(self, group: Sequence[Dissection]) -> str:
        lines = [self._layers(group[0])]
        for one in group:
            lines.append(f"{'MySQL Protocol' if one.packet is not None else 'TLS'} - {terminal(one.name)}")
            self._packet(one, lines)
            lines += [_note(name, title, value) for name, title in _COMMAND_NOTES for value in GETTERS[name](one)]
        lines.append("\n")
        return "\n".join(lines)

    def head(self, view: FrameView) -> bytes:
        """As `RowParts`."""
        return f"{self._layers(view)}\nMySQL Protocol - ".encode()

    def body(self, one: Dissection) -> bytes:
        """As `RowParts`."""
        lines = [terminal(one.name)]
        self._packet(one, lines)
        lines.append("")
        return "\n".join(lines).encode()

    def foot(self, asked: int, latency_ns: int) -> bytes:
        """As `RowParts`."""
        if not asked:
            return b"\n"
        (_, title), (_, late) = _COMMAND_NOTES
        took = f"\n{note(late, f'{duration(latency_ns)} seconds')}" if latency_ns >= 0 else ""
        return f"{note(title, str(asked))}{took}\n\n".encode()

    def rows(self) -> RowWriter | None:
        """As `RowParts`."""
        return RowTree(self._fields_of)

    def _layers(self, view: FrameView) -> str:
        """The layers in front of the packets of a frame."""
        facts, ways = view.facts, view.scene.ways
        head, size = f"Frame {view.frame}", ""
        if facts is not None:
            head += f": {facts.original} bytes on wire, {facts.captured} bytes captured"
            if facts.tcp_length is not None:
                size = f", Len: {facts.tcp_length}"
        way = ways[view.role]
        if way is None:
            (source, sport), (destination, dport) = view.source, view.destination
            way = ways[view.role] = (
                f"Internet Protocol Version {'6' if ':' in source else '4'}, Src: {source}, Dst: {destination}\n"
                f"Transmission Control Protocol, Src Port: {sport}, Dst Port: {dport}, Stream: {view.scene.tcp.number}"
            )
        return f"{head}\n    Arrival Time: {absolute(view.time_ns)}\n{way}{size}"

    def _packet(self, one: Dissection, lines: list[str]) -> None:
        if one.shown:
            lines.append(self._known.text(one, self._fields_of))
        lines.append(f"            {'    '}[Summary: {terminal(one.summary, LONGEST_VALUE)}]")
        lines += [_note(name, title, value) for name, title in _NOTES for value in GETTERS[name](one)]

    def _fields_of(self, nodes: Sequence[Node]) -> str:
        """The lines of a packet's fields."""
        fields, lines = self._fields, []
        index, count = 0, len(nodes)
        while index < count:
            info, value, start, end, depth = nodes[index]
            name = info.name
            known = fields.get(name)
            if known is None:
                known = fields[name] = info.title, words_of(info)
            title, words = known
            where = f"[{start}:{end}]" if end > start else "[-]"
            text = title if words is None else f"{title}: {words(value)}"
            lines.append(f"{where:>12}{_INDENTS[depth]}{text}")
            index += 1
            if name in BITS and isinstance(value, int):
                behind = index + len(BITS[name])
                lines.append(self._flag_lines(name, value, nodes[index:behind]))
                index = behind
        return "\n".join(lines)

    def _flag_lines(self, name: str, value: int, nodes: Sequence[Node]) -> str:
        """The flags in a value: lines joined."""
        first = nodes[0]
        key = (name, value, first.start, first.end, first.depth)
        found = self._flags.get(key)
        if found is None:
            if len(self._flags) >= MOST_FLAGS:
                self._flags.clear()
            where = f"[{first.start}:{first.end}]" if first.end > first.start else "[-]"
            begin = f"{where:>12}{_INDENTS[first.depth]}"
            texts = (
                f"{begin}{node.info.title}: {terminal(shown(node.info, node.value), LONGEST_VALUE)}" for node in nodes
            )
            found = self._flags[key] = "\n".join(texts)
        return found


def _note(name: str, title: str, value: Value) -> str:
    """A line of the tree that is of no bytes."""
    return note(title, terminal(shown(FIELDS[name], value), LONGEST_VALUE))


def words_of(info: FieldInfo) -> Words | None:
    """What makes text of a field's values in a tree; None for a label, which has none."""

    def any_value(value: Value) -> str:
        return terminal(shown(info, value), LONGEST_VALUE)

    if info.type == "NONE":
        return None
    if info.family == TEXT:
        return lambda value: terminal(value, LONGEST_VALUE) if type(value) is str else any_value(value)
    if info.family == NUMBER and info.base == "dec" and info.values is None:
        return lambda value: str(value) if type(value) is int else any_value(value)
    return any_value


def hex_dump(group: Sequence[Dissection]) -> str:
    """What -x shows: the packet's bytes, its header first; secrets are masked."""
    lines: list[str] = []
    for one in group:
        lines.extend(hex_lines(one.data))
        lines.append("")
    return "\n".join(lines) + "\n"


class FieldColumns:
    """-T fields: one line, the fields' values separated as -E says.

    `occurrence` f, l or a(ll); `aggregator` between several values; `quote` around a field: d, s or n(one).
    """

    def __init__(
        self, names: Sequence[str], separator: str, occurrence: str, aggregator: str, quote: str, escape: bool
    ) -> None:
        self.names = names
        self.separator = separator
        self.occurrence = occurrence
        self.aggregator = aggregator
        self.quote = {"d": '"', "s": "'", "n": ""}[quote]
        self.escape = escape
        self._cells = [self._cell(name) for name in names]
        # The row of packets that nothing is read of, where nothing is asked of their frame.
        empty = all(FIELDS[name].scope == PACKET and name not in GETTERS for name in names)
        self._empty = separator * (len(names) - 1) + "\n" if empty else None

    def header(self) -> str:
        return self.separator.join(self.names) + "\n"

    def __call__(self, group: Sequence[Dissection]) -> str:
        if self._empty is not None and group[0].unread and len(group) == 1:
            return self._empty
        return self.separator.join([cell(group) for cell in self._cells]) + "\n"

    def repeat(self, group: Sequence[Dissection]) -> Callable[[FrameView], str]:
        """What makes lines of packets that differ from a group's in nothing but their frame."""
        parts = list(zip(self.names, self._cells, strict=True))
        texts = ["" if name in OF_EACH_FRAME else cell(group) for name, cell in parts]
        own = [(index, cell) for index, (name, cell) in enumerate(parts) if name in OF_EACH_FRAME]
        separator = self.separator

        def made(view: FrameView) -> str:
            cells = texts.copy()
            for index, cell in own:
                cells[index] = cell((view,))  # type: ignore[arg-type]  # nothing else is asked of it
            return separator.join(cells) + "\n"

        return made

    def _cell(self, name: str) -> Cell:
        """What makes one field's text of a frame's packets."""
        values = reading(name)
        text = cell_text(FIELDS[name])
        aggregator, quote = self.aggregator, self.quote
        whole = self.occurrence == "a"
        which = slice(1) if self.occurrence == "f" else slice(-1, None)

        def plain(group: Sequence[Dissection]) -> str:
            found = values(group)
            if not found:
                return ""
            if len(found) == 1:
                return text(found[0])
            return aggregator.join([text(value) for value in (found if whole else found[which])])

        if not quote:
            return plain

        def quoted(group: Sequence[Dissection]) -> str:
            made = plain(group)
            if not made:
                return made
            if self.escape:
                made = made.replace(quote, quote * 2)
            return f"{quote}{made}{quote}"

        return quoted


class FieldLines:
    """The lines of `FieldColumns` as bytes."""

    def __init__(self, columns: FieldColumns) -> None:
        self._columns = columns

    def __call__(self, group: Sequence[Dissection]) -> bytes:
        return self._columns(group).encode()

    def repeat(self, group: Sequence[Dissection]) -> Callable[[FrameView], bytes]:
        """As that of the columns."""
        if not OF_EACH_FRAME.isdisjoint(self._columns.names):
            made = self._columns.repeat(group)
            return lambda view: made(view).encode()
        line = self(group)
        return lambda view: line


def cell_text(info: FieldInfo) -> Callable[[Value], str]:
    """What formats a field's values for -T fields: decided once for each field."""
    if info.type == "PROTOCOL":
        return lambda value: info.name
    if info.family == NUMBER and info.base == "dec":
        return lambda value: str(value) if type(value) is int else terminal(formatted(info, value), None)
    if info.family == TEXT:
        return lambda value: terminal(value if isinstance(value, str) else formatted(info, value), None)
    return lambda value: terminal(formatted(info, value), None)


def reading(name: str) -> Callable[[Sequence[Dissection]], Sequence[Value]]:
    """What reads all values of a field over a frame's packets, secrets masked: decided once for each field."""
    get = GETTERS.get(name)
    if get is not None and (name in OF_FRAME or FIELDS[name].scope != PACKET):
        return lambda group: get(group[0])
    if get is not None and name != "mysql":  # of its bytes some are hidden
        return lambda group: get(group[0]) if len(group) == 1 else [value for one in group for value in get(one)]
    if get is not None or FIELDS[name].scope != PACKET:
        return lambda group: FrameGroup(group).shown_values(name)

    def values(group: Sequence[Dissection]) -> Sequence[Value]:
        if len(group) == 1:
            return group[0].shown_values(name) if group[0].record is not None else ()
        return [value for one in group if one.record is not None for value in one.shown_values(name)]

    return values


def values_of(name: str, group: Sequence[Dissection]) -> Sequence[Value]:
    """All values of a field over a frame's packets, secrets masked."""
    return FrameGroup(group).shown_values(name)


class JsonRows:
    """Frames as tshark's -T json has them; a key that occurs several times has a list: tshark repeats the key.

    names    only these fields; None: all
    raw      the packets' bytes too
    columns  what stands beside the fields
    finish   makes a row of an object
    """

    told: frozenset[str] | None = None

    def __init__(
        self,
        names: Sequence[str] | None,
        raw: bool,
        columns: Mapping[str, Line] | None = None,
        finish: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._raw = raw
        self._finish = finish
        self._names = (
            None if names is None else [(name, reading(name), _json_words(FIELDS[name], "")) for name in names]
        )
        self._columns = dict(columns or {})
        self._layers = [(layer, _cells(fields)) for layer, fields in _LAYERS.items()]
        self._own = _cells(_OWN)
        self._known: Known[msgspec.Raw] = Known()
        # What stands behind rows of result sets.
        self._ends: dict[tuple[str, int, bool, bool], bytes] = {}
        # Field -> what makes text of its values; decided once for each.
        self._words: dict[str, Words] = {}

    def __call__(self, group: Sequence[Dissection]) -> bytes:
        """One frame's object, on one line."""
        return encode_json(self._object(group, lambda one: self._known.text(one, self._encoded)))

    def frame(self, group: Sequence[Dissection]) -> dict[str, Any]:
        """One frame's object."""
        return self._object(group, lambda one: self._packet(one.shown))

    def finished(self, row: bytes) -> bytes:
        """As `FrameParts`."""
        return self._finish(row)

    def head(self, view: FrameView) -> bytes:
        """As `FrameParts`. Most frames are known as a whole: what is written of them are numbers."""
        facts, scene = view.facts, view.scene
        first = scene.frames.first_ns
        if facts is None or facts.tcp_length is None or first is None:
            group = (cast("Dissection", view),)  # nothing else is asked of it
            layers = {name: layer for name, cells in self._layers if (layer := _layer(cells, group))}
            return encode_json(_document(view, layers)).removesuffix(b"}}}") + b","
        way = scene.ways[view.role]
        if way is None:
            way = scene.ways[view.role] = _way(view)
        original, captured, delta, length, seq, ack, flags, window = facts
        time = view.time_ns
        when = absolute(time)
        return (
            f'{{"_index":"packets-{_day(when)}","_type":"doc","_score":null,"_source":{{"layers":{{"frame":{{'
            f'"frame.time":"{when}","frame.time_epoch":"{duration(time)}","frame.time_delta":"{duration(delta)}",'
            f'"frame.time_relative":"{duration(time - first)}","frame.number":"{view.frame}",'
            f'"frame.len":"{original}","frame.cap_len":"{captured}"}},{way}'
            f'"tcp.len":"{length}","tcp.seq_raw":"{seq}","tcp.ack_raw":"{ack}","tcp.flags":"0x{flags:04x}",'
            f'"tcp.window_size_value":"{window}","tcp.time_relative":"{duration(time - scene.tcp.first_ns)}"}},'
        ).encode()

    def body(self, one: Dissection) -> bytes:
        """As `FrameParts`: its object and what is said of it, both of them open at the end."""
        packet = b"" if one.packet is None else bytes(self._known.text(one, self._encoded))
        return packet + _MARK + encode_json(_layer(self._own, [one]))[:-1]

    def foot(self, asked: int, latency_ns: int) -> bytes:
        """As `FrameParts`."""
        if not asked:
            return b"}"
        took = f',"handshark.latency":"{duration(latency_ns)}"' if latency_ns >= 0 else ""
        return f',"handshark.request_frame":"{asked}"{took}}}'.encode()

    def joined(self, packets: list[bytes]) -> bytes:
        """As `FrameParts`."""
        if len(packets) == 1:
            packet, _, own = packets[0].partition(_MARK)
            return b'"mysql":%b,"handshark":%b}}}' % (packet, own) if packet else b'"handshark":%b}}}' % own
        parts = [packet.partition(_MARK) for packet in packets]
        whole = [packet for packet, _, _ in parts if packet]
        shown = b"" if not whole else b'"mysql":%b,' % (whole[0] if len(whole) == 1 else b"[%b]" % b",".join(whole))
        return b'%b"handshark":[%b]}}}' % (shown, b",".join([own for _, _, own in parts]))

    def rows(self) -> RowWriter | None:
        """As `FrameParts`."""
        return RowObjects(lambda node: _json_words(node.info)(node.value), self._row_ends)

    def _row_ends(self, name: str, count: int, encrypted: bool, assumed: bool) -> bytes:
        """What stands behind the object of a row that has so many values."""
        key = name, count, encrypted, assumed
        found = self._ends.get(key)
        if found is None:
            if len(self._ends) >= MOST_REPEATED:
                self._ends.clear()
            own = {"record": name, "summary": f"row of {count} value{'' if count == 1 else 's'}", "sender": SERVER}
            marks = {"assumed": str(int(assumed)), "encrypted": str(int(encrypted))}
            text = encode_json({f"handshark.{each}": value for each, value in (own | marks).items()})
            found = self._ends[key] = _MARK + text[:-1]
        return found

    def _encoded(self, nodes: Sequence[Node]) -> msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(self._packet(nodes)))

    def _packet(self, nodes: Sequence[Node]) -> dict[str, Any]:
        """A packet's fields as nested objects: what lies under a label in it, flags in NAME_tree."""
        known, root = self._words, dict[str, Any]()
        stack, last = [root], len(nodes) - 1
        for index, (info, value, _, _, depth) in enumerate(nodes):
            del stack[depth + 1 :]
            parent, name = stack[-1], info.name
            inner = index < last and nodes[index + 1].depth > depth
            children: dict[str, Any] = {}
            if info.type == "NONE":
                _put(parent, name, children if inner else "")
            else:
                words = known.get(name)
                if words is None:
                    words = known[name] = _json_words(info)
                _put(parent, name, words(value))
                if inner:
                    _put(parent, f"{name}_tree", children)
            stack.append(children)
        return root

    def _object(self, group: Sequence[Dissection], packet: Callable[[Dissection], object]) -> dict[str, Any]:
        layers: dict[str, Any] = {}
        if self._names is not None:
            for name, values, text in self._names:
                found = [text(value) for value in values(group)]
                if found:
                    layers[name] = found
        else:
            for name, cells in self._layers:
                layer = _layer(cells, group)
                if layer:
                    layers[name] = layer
            packets = [packet(one) for one in group if one.packet is not None]
            if packets:
                layers["mysql"] = packets[0] if len(packets) == 1 else packets
                if self._raw:
                    raws = [one.data.hex() for one in group if one.packet is not None]
                    layers["mysql_raw"] = raws[0] if len(raws) == 1 else raws
            own = [_layer(self._own, [one]) for one in group]
            layers["handshark"] = own[0] if len(own) == 1 else own
        for name, column in self._columns.items():
            layers[name] = [column(group)]
        return _document(group[0], layers)


def _way(view: FrameView) -> str:
    """Layers of a frame, as far as they are the same for one side of a connection."""
    (source, sport), (destination, dport) = view.source, view.destination
    ip = "ipv6" if ":" in source else "ip"
    return (
        f'"{ip}":{{"{ip}.src":"{source}","{ip}.addr":["{source}","{destination}"],"{ip}.dst":"{destination}"}},'
        f'"tcp":{{"tcp.srcport":"{sport}","tcp.dstport":"{dport}","tcp.port":["{sport}","{dport}"],'
        f'"tcp.stream":"{view.scene.tcp.number}",'
    )


def _document(view: FrameView, layers: dict[str, Any]) -> dict[str, Any]:
    """The object of a frame."""
    index = f"packets-{_day(absolute(view.time_ns))}"
    return {"_index": index, "_type": "doc", "_score": None, "_source": {"layers": layers}}


def _day(when: str) -> str:
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec").index(when[:3]) + 1
    return f"{when[8:12]}-{month:02d}-{int(when[4:6]):02d}"


def _cells(names: Sequence[str]) -> list[tuple[str, Callable[[Sequence[Dissection]], Sequence[Value]], Words]]:
    """What reads each field and makes text of it."""
    return [(name, reading(name), _json_words(FIELDS[name])) for name in names]


def _layer(
    cells: Sequence[tuple[str, Callable[[Sequence[Dissection]], Sequence[Value]], Words]], group: Sequence[Dissection]
) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for name, read, words in cells:
        values = read(group)
        if values:
            layer[name] = words(values[0]) if len(values) == 1 else [words(value) for value in values]
    return layer


def _json_words(info: FieldInfo, between: str = ":") -> Words:
    """What makes text of a field's values in JSON, with this between its bytes: texts may have lone surrogates."""
    number = number_words(info)

    def words(value: Value) -> str:
        if type(value) is int:
            return number(value)
        return json_safe(value) if type(value) is str else formatted(info, value, between)

    return words


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    if key not in target:
        target[key] = value
    elif isinstance(target[key], list):
        target[key].append(value)
    else:
        target[key] = [target[key], value]


def encode_json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def indent_json(line: bytes) -> bytes:
    """One object as tshark's -T json lays it out: two spaces, inside a list. No text in it has a newline."""
    return b"  " + msgspec.json.format(line, indent=2).replace(b"\n", b"\n  ")


def end_json(line: bytes) -> bytes:
    """One object as -T jsonl lays it out."""
    return line + b"\n"

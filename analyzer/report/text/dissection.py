"""Packets as tshark shows them: lines, trees with byte ranges, bytes, columns of fields, JSON.

Rendering gives text and is done where the packet was decoded. Every string of the wire is escaped: control characters,
and what could reorder or hide text, never reach a terminal as they are (tshark 4.0 prints them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from analyzer.analysis.dissection.computed_fields import GETTERS, OF_FRAME
from analyzer.analysis.dissection.fields import FIELDS, FieldInfo, Value, formatted, shown
from analyzer.analysis.dissection.fields.base import NUMBER, PACKET, TEXT
from analyzer.analysis.dissection.fields.format import absolute, duration
from analyzer.analysis.dissection.packet import Dissection, FrameGroup
from analyzer.report.escape import json_safe, terminal
from analyzer.report.text.hexdump import hex_lines

Line = Callable[[Sequence[Dissection]], str]
Cell = Line

# Characters of a value that a tree shows, as tshark does.
LONGEST_VALUE: Final = 240
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
# What the tree says of a packet below its bytes.
_NOTES: Final = (
    ("handshark.malformed", "Malformed"),
    ("handshark.sequence_expected", "Sequence id expected"),
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


def protocol_of(one: Dissection) -> str:
    return "MySQL" if one.packet is not None else "TLS"


def one_line(group: Sequence[Dissection]) -> str:
    """tshark's columns: number, time since the capture's first frame, source, destination, protocol, length, info."""
    first = group[0]
    begin = first.scene.frames.first_ns
    facts = first.facts
    when = duration(first.time_ns - begin)[:-3] if begin is not None else "-"
    length = facts.original if facts is not None else 0
    info = ", ".join([terminal(info_of(one), 400) for one in group])
    return (
        f"{first.frame:5d} {when:>10} {first.source[0]:>12} → {first.destination[0]:<12} "
        f"{protocol_of(first)} {length} {info}\n"
    )


def tree(group: Sequence[Dissection]) -> str:
    """What -V shows: the layers, and each packet's fields with the bytes they stand in."""
    first = group[0]
    facts = first.facts
    lines = [
        f"Frame {first.frame}: {facts.original} bytes on wire, {facts.captured} bytes captured"
        if facts is not None
        else f"Frame {first.frame}",
        f"    Arrival Time: {absolute(first.time_ns)}",
    ]
    (source, sport), (destination, dport) = first.source, first.destination
    version = "6" if ":" in source else "4"
    lines.append(f"Internet Protocol Version {version}, Src: {source}, Dst: {destination}")
    size = f", Len: {facts.tcp_length}" if facts is not None and facts.tcp_length is not None else ""
    lines.append(
        f"Transmission Control Protocol, Src Port: {sport}, Dst Port: {dport}, Stream: {first.scene.tcp.number}{size}"
    )
    for one in group:
        lines.append(f"{'MySQL Protocol' if one.packet is not None else 'TLS'} - {terminal(one.name)}")
        lines.extend(_tree_lines(one))
    return "\n".join(lines) + "\n\n"


def _tree_lines(one: Dissection) -> Iterator[str]:
    for node in one.shown:
        indent = "    " * (node.depth + 1)
        where = f"[{node.start}:{node.end}]" if node.end > node.start else "[-]"
        if node.info.type == "NONE":
            yield f"{where:>12}{indent}{node.info.title}"
            continue
        text = terminal(shown(node.info, node.value), LONGEST_VALUE)
        yield f"{where:>12}{indent}{node.info.title}: {text}"
    yield f"            {'    '}[Summary: {terminal(one.summary, LONGEST_VALUE)}]"
    for name, title in _NOTES:
        for value in one.shown_values(name):
            yield f"            {'    '}[{title}: {terminal(shown(FIELDS[name], value), LONGEST_VALUE)}]"


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
    if get is not None and name in OF_FRAME:
        return lambda group: get(group[0])
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


def json_object(group: Sequence[Dissection], names: Sequence[str] | None, raw: bool) -> dict[str, Any]:
    """One frame as tshark's -T json has it; a key that occurs several times has a list: tshark repeats the key."""
    first = group[0]
    when = absolute(first.time_ns)
    layers: dict[str, Any]
    if names is not None:
        layers = {}
        for name in names:
            values = [json_safe(formatted(FIELDS[name], value)) for value in values_of(name, group)]
            if values:
                layers[name] = values
    else:
        layers = {name: found for name, fields in _LAYERS.items() if (found := _plain_layer(fields, group))}
        packets = [_packet(one) for one in group if one.packet is not None]
        if packets:
            layers["mysql"] = packets[0] if len(packets) == 1 else packets
            if raw:
                raws = [one.data.hex() for one in group if one.packet is not None]
                layers["mysql_raw"] = raws[0] if len(raws) == 1 else raws
        own = [_plain_layer(_OWN, [one]) for one in group]
        layers["handshark"] = own[0] if len(own) == 1 else own
    return {"_index": f"packets-{_day(when)}", "_type": "doc", "_score": None, "_source": {"layers": layers}}


def _day(when: str) -> str:
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec").index(when[:3]) + 1
    return f"{when[8:12]}-{month:02d}-{int(when[4:6]):02d}"


def _plain_layer(names: Sequence[str], group: Sequence[Dissection]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for name in names:
        values = [_json_text(FIELDS[name], value) for value in values_of(name, group)]
        if values:
            layer[name] = values[0] if len(values) == 1 else values
    return layer


def _json_text(info: FieldInfo, value: Value) -> str:
    return json_safe(formatted(info, value, ":"))


def _packet(one: Dissection) -> dict[str, Any]:
    """The packet's fields as nested objects: what lies under a label in it, flags in NAME_tree."""
    nodes = one.shown
    root: dict[str, Any] = {}
    stack: list[dict[str, Any]] = [root]
    for index, node in enumerate(nodes):
        del stack[node.depth + 1 :]
        parent = stack[-1]
        inner = index + 1 < len(nodes) and nodes[index + 1].depth > node.depth
        children: dict[str, Any] = {}
        if node.info.type == "NONE":
            _put(parent, node.info.name, children if inner else "")
        else:
            _put(parent, node.info.name, _json_text(node.info, node.value))
            if inner:
                _put(parent, f"{node.info.name}_tree", children)
        stack.append(children)
    return root


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    if key not in target:
        target[key] = value
    elif isinstance(target[key], list):
        target[key].append(value)
    else:
        target[key] = [target[key], value]


def encode_json(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value)


def indent_json(line: bytes) -> str:
    """One object as tshark's -T json lays it out: two spaces, inside a list."""
    text = msgspec.json.format(line, indent=2).decode()
    return "\n".join("  " + row for row in text.split("\n"))

"""Packets in the other forms of `tshark -T`: ek (Elasticsearch's bulk lines), pdml and psml (XML).

Source: Wireshark's doc/README.xml-output; what it leaves open is as TShark 4.0 writes it. Positions (`pos`) count from
the beginning of the MySQL packet, for a packet is no piece of one frame where TLS, compression or several segments are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from analyzer.analysis.dissection.fields import FIELDS, Value, formatted, shown
from analyzer.analysis.dissection.fields.extract import Node
from analyzer.analysis.dissection.packet import Dissection
from analyzer.report.escape import terminal
from analyzer.report.prose.clock import WallClock
from analyzer.report.text.dissection import JsonRows, encode_json, protocol_of, values_of
from analyzer.report.text.packet_columns import columns
from analyzer.report.text.row_tree import LONGEST_VALUE

XML_HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
_LAYERS: Final = {
    "frame": ("frame.number", "frame.time", "frame.time_epoch", "frame.time_relative", "frame.len", "frame.cap_len"),
    "ip": ("ip.src", "ip.dst"),
    "ipv6": ("ipv6.src", "ipv6.dst"),
    "tcp": ("tcp.srcport", "tcp.dstport", "tcp.stream", "tcp.len", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags"),
}
_OWN: Final = ("handshark.record", "handshark.summary", "handshark.sender", "handshark.request_frame")

Form = tuple[Callable[[Sequence[Dissection]], str], str, str]


def ek(names: Sequence[str] | None, raw: bool) -> Form:
    """(what makes two lines of a frame, what stands above and below all)."""

    rows = JsonRows(names, raw)

    def lines(group: Sequence[Dissection]) -> str:
        whole = rows.frame(group)
        source = whole["_source"]["layers"]
        layers: dict[str, Any] = {}
        for name, layer in source.items():
            if names is not None:
                layers[name.replace(".", "_")] = layer
            elif isinstance(layer, list):
                layers[name] = [_flat(name, one) for one in layer]
            else:
                layers[name] = _flat(name, layer)
        index = {"index": {"_index": whole["_index"], "_type": "doc"}}
        document = {"timestamp": str(group[0].time_ns // 10**6), "layers": layers}
        return f"{encode_json(index).decode()}\n{encode_json(document).decode()}\n"

    return lines, "", ""


def _flat(layer: str, value: Any) -> Any:
    """Fields under keys without dots, labels left out."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}

    def add(inner: dict[str, Any]) -> None:
        for key, one in inner.items():
            for each in one if isinstance(one, list) else [one]:
                if isinstance(each, dict):
                    add(each)
                elif each != "":
                    _put(found, f"{layer}_{key.replace('.', '_')}", each)

    add(value)
    return found


def _put(found: dict[str, Any], key: str, value: Any) -> None:
    if key not in found:
        found[key] = value
    elif isinstance(found[key], list):
        found[key].append(value)
    else:
        found[key] = [found[key], value]


def psml(time: str, clock: WallClock) -> Form:
    """As `ek`: the columns of the packet list."""
    made = columns(time, clock)
    names = "".join(f"<section>{name}</section>\n" for name in made)
    head = f'{XML_HEAD}<psml version="0" creator="handshark">\n<structure>\n{names}</structure>\n\n'

    def packet(group: Sequence[Dissection]) -> str:
        cells = "".join(f"<section>{escape(column(group))}</section>\n" for column in made.values())
        return f"<packet>\n{cells}</packet>\n\n"

    return packet, head, "</psml>\n"


def pdml(name: str) -> Form:
    """As `ek`: every field with its name, its bytes and its value."""
    head = f'{XML_HEAD}<pdml version="0" creator="handshark" capture_file={_attribute(name)}>\n'
    return lambda group: "".join(_packet(group)), head, "</pdml>\n"


def _packet(group: Sequence[Dissection]) -> Iterator[str]:
    yield "<packet>\n"
    for layer, names in _LAYERS.items():
        fields = [(name, value) for name in names for value in values_of(name, group)]
        if fields:
            yield f'  <proto name="{layer}" showname={_attribute(FIELDS[layer].title)}>\n'
            for name, value in fields:
                yield f"    <field {_described(name, value)}/>\n"
            yield "  </proto>\n"
    for one in group:
        layer = protocol_of(one)
        title = _attribute(f"{layer} - {one.name}")
        yield f'  <proto name="{layer.lower()}" showname={title} size="{len(one.data)}">\n'
        yield from _fields(one.shown, one.data)
        for name in _OWN:
            for value in one.shown_values(name):
                yield f'    <field {_described(name, value)} size="0"/>\n'
        yield "  </proto>\n"
    yield "</packet>\n\n"


def _fields(nodes: Sequence[Node], data: bytes) -> Iterator[str]:
    """Nested as they lie in one another."""
    open_: list[int] = []
    for index, node in enumerate(nodes):
        while open_ and node.depth <= open_[-1]:
            yield f"{'  ' * (open_.pop() + 2)}</field>\n"
        inner = index + 1 < len(nodes) and nodes[index + 1].depth > node.depth
        place = f'pos="{node.start}" size="{node.end - node.start}"'
        value = f' value="{data[node.start : node.end].hex()}"' if node.end > node.start else ""
        described = (
            f'name="{node.info.name}" showname={_attribute(node.info.title)} show=""'
            if node.info.type == "NONE"
            else _described(node.info.name, node.value)
        )
        yield f"{'  ' * (node.depth + 2)}<field {described} {place}{value}{'' if inner else '/'}>\n"
        if inner:
            open_.append(node.depth)
    while open_:
        yield f"{'  ' * (open_.pop() + 2)}</field>\n"


def _described(name: str, value: Value) -> str:
    info = FIELDS[name]
    told = f"{info.title}: {terminal(shown(info, value), LONGEST_VALUE)}"
    return f'name="{name}" showname={_attribute(told)} show={_attribute(formatted(info, value))}'


def _attribute(text: str) -> str:
    """A value of an XML attribute; what XML can not hold is shown as an escape."""
    return quoteattr(terminal(text, None))

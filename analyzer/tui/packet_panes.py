"""Wireshark's three panes for the packets of a connection: a field lights its bytes, a byte lights its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from analyzer.analysis.model.connection import SERVER, Connection
from analyzer.analysis.model.packet import Field, PacketExcerpt
from analyzer.engine.browsing import ConnectionContent
from analyzer.report.escape import terminal
from analyzer.report.text.hexdump import nested
from analyzer.tui.hex_pane import HexPane
from analyzer.tui.session_text import CLIENT_STYLE, SERVER_STYLE
from analyzer.tui.table import RowTable, ScreenColumn

PACKET_COLUMNS: Final = (
    ScreenColumn("Frame", 7, right=True),
    ScreenColumn("Time", 11, right=True, rank=1),
    ScreenColumn("From", 6),
    ScreenColumn("Seq", 3, right=True, rank=2),
    ScreenColumn("Packet", 18, grow=1),
    ScreenColumn("Length", 7, right=True, rank=3),
    ScreenColumn("What", 16, grow=4),
)
FIELD_COLUMNS: Final = (
    ScreenColumn("Field", 26, grow=1),
    ScreenColumn("Value", 30, grow=3),
    ScreenColumn("Bytes", 9, right=True, rank=1),
)
LONGEST_CELL: Final = 500


class PacketRows:
    """Packets as rows, by their places."""

    def __init__(self) -> None:
        self.packets: Sequence[PacketExcerpt] = ()

    def texts(self, row: int) -> Sequence[str]:
        """Frame, time since the start, sender, sequence id, record, length, summary."""
        packet = self.packets[row]
        return (
            str(packet.frame),
            f"{packet.time_ns / 1e6:,.3f}ms",
            packet.sender,
            "" if packet.sequence_id is None else str(packet.sequence_id),
            terminal(packet.record, LONGEST_CELL),
            f"{packet.length:,}",
            terminal(packet.summary, LONGEST_CELL),
        )

    def style(self, row: int, column: int) -> str:
        """The sender's colour; red where it could not be read."""
        packet = self.packets[row]
        if packet.error is not None:
            return "red"
        return (SERVER_STYLE if packet.sender == SERVER else CLIENT_STYLE) if column == 2 else ""


class FieldRows:
    """The fields of a packet as the lines of a tree: (depth, short name, field)."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, str, Field]] = []
        self.folded: set[int] = set()

    def show(self, fields: list[Field]) -> None:
        """The fields of another packet."""
        self.nodes = list(nested(fields))
        self.folded.clear()

    def has_children(self, row: int) -> bool:
        """Whether fields lie under it."""
        return row + 1 < len(self.nodes) and self.nodes[row + 1][0] > self.nodes[row][0]

    def parent(self, row: int) -> int | None:
        """The row that a field lies under."""
        depth = self.nodes[row][0]
        return next((above for above in range(row - 1, -1, -1) if self.nodes[above][0] < depth), None)

    def visible(self) -> list[int]:
        """Rows of which no row above is folded."""
        found, hidden_from = [], None
        for row, (depth, _, _) in enumerate(self.nodes):
            if hidden_from is not None and depth > hidden_from:
                continue
            hidden_from = depth if row in self.folded else None
            found.append(row)
        return found

    def at(self, offset: int) -> int | None:
        """The innermost field that a byte belongs to."""
        found: tuple[int, int] | None = None
        for row, (depth, _, field) in enumerate(self.nodes):
            if field.start <= offset < field.end and (found is None or depth >= found[0]):
                found = depth, row
        return None if found is None else found[1]

    def texts(self, row: int) -> Sequence[str]:
        """Name, value, bytes."""
        depth, name, field = self.nodes[row]
        sign = ("▸ " if row in self.folded else "▾ ") if self.has_children(row) else "  "
        place = f"{field.start}-{field.end - 1}" if field.end > field.start else ""
        return "  " * depth + sign + terminal(name, LONGEST_CELL), terminal(field.value, LONGEST_CELL), place

    def style(self, row: int, column: int) -> str:
        """The place is dim."""
        return "dim" if column == 2 else ""


class PacketPanes(Vertical):
    """Packets, the fields of one, its bytes."""

    DEFAULT_CSS = """
    PacketPanes > RowTable, PacketPanes > HexPane { height: 1fr; border-top: solid $panel; }
    PacketPanes > #packets { height: 1.2fr; border-top: none; }
    PacketPanes > *:focus { border-top: solid $primary; }
    PacketPanes > #packets:focus { border-top: none; }
    PacketPanes.zoomed > * { display: none; }
    PacketPanes.zoomed > .zoomed { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "zoom", "Zoom", show=False),
        Binding("left,h", "fold(True)", "Fold", show=False),
        Binding("right,l", "fold(False)", "Unfold", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._packets = PacketRows()
        self._fields = FieldRows()

    def compose(self) -> ComposeResult:
        yield RowTable(PACKET_COLUMNS, self._packets, id="packets")
        yield RowTable(FIELD_COLUMNS, self._fields, id="fields")
        yield HexPane(id="bytes")

    def show(self, connection: Connection, content: ConnectionContent) -> None:
        """Shows the packets of a connection."""
        self._packets.packets = content.detail.packets
        table = self.query_one("#packets", RowTable)
        table.empty = "No packet of it can be shown."
        table.show(list(range(len(content.detail.packets))), follow=False)
        table.move_to(0)
        self._shown(table.row)

    @property
    def packets(self) -> Sequence[PacketExcerpt]:
        """All that are shown."""
        return self._packets.packets

    @property
    def packet(self) -> PacketExcerpt | None:
        """The packet in hand."""
        row = self.query_one("#packets", RowTable).row
        return None if row is None else self._packets.packets[row]

    def go_to(self, frame: int) -> bool:
        """Puts the cursor on the first packet of a frame; whether it is there."""
        for row, packet in enumerate(self._packets.packets):
            if packet.frame >= frame:
                self.query_one("#packets", RowTable).move_to(row)
                return packet.frame == frame
        return False

    def find(self, word: str, back: bool = False) -> bool:
        """Goes to the next packet that shows a word."""
        table = self.query_one("#packets", RowTable)
        count = len(table.order)
        for step in range(1, count + 1):
            row = (table.position + (-step if back else step)) % count
            if any(word.lower() in text.lower() for text in self._packets.texts(row)):
                table.move_to(row)
                return True
        return False

    def _shown(self, row: int | None) -> None:
        packet = None if row is None else self._packets.packets[row]
        self._fields.show([] if packet is None else packet.fields)
        fields, data = self.query_one("#fields", RowTable), self.query_one(HexPane)
        fields.empty = "No field of it is known."
        if packet is not None and packet.error is not None:
            fields.empty = f"malformed: {terminal(packet.error, LONGEST_CELL)}"
        fields.show(self._fields.visible(), follow=False)
        fields.move_to(0)
        data.show(b"" if packet is None else packet.data, 0 if packet is None else packet.length)
        self._lit(fields.row)

    def _lit(self, row: int | None) -> None:
        if row is not None and row < len(self._fields.nodes):
            field = self._fields.nodes[row][2]
            self.query_one(HexPane).light(field.start, field.end)

    def on_row_table_moved(self, event: RowTable.Moved) -> None:
        event.stop()
        if isinstance(event, RowTable.Chosen):
            if event.table.id == "packets":
                self.query_one("#fields", RowTable).focus()
        elif event.table.id == "packets":
            self._shown(event.row)
        else:
            self._lit(event.row)

    on_row_table_chosen = on_row_table_moved

    def on_hex_pane_byte_chosen(self, event: HexPane.ByteChosen) -> None:
        event.stop()
        row = self._fields.at(event.offset)
        if row is None:
            event.pane.light(event.offset, event.offset + 1)
            return
        fields = self.query_one("#fields", RowTable)
        above = self._fields.parent(row)
        while above is not None:
            self._fields.folded.discard(above)
            above = self._fields.parent(above)
        fields.show(self._fields.visible())
        fields.move_to(fields.order.index(row))
        field = self._fields.nodes[row][2]
        event.pane.lit = range(field.start, field.end)
        event.pane.refresh()

    def action_fold(self, fold: bool) -> None:
        fields = self.query_one("#fields", RowTable)
        row = fields.row
        if not fields.has_focus or row is None:
            return
        if fold and (row in self._fields.folded or not self._fields.has_children(row)):
            above = self._fields.parent(row)
            if above is not None:
                fields.move_to(fields.order.index(above))
            return
        if fold:
            self._fields.folded.add(row)
        else:
            self._fields.folded.discard(row)
        fields.show(self._fields.visible())

    def action_zoom(self) -> None:
        for pane in self.children:
            pane.set_class(pane.has_focus, "zoomed")
        self.toggle_class("zoomed")

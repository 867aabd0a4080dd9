"""A connection to read: its packets as a ladder, and the session as a text of what was asked and answered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from analyzer.analysis.model.command import Command
from analyzer.analysis.model.connection import SERVER, Connection
from analyzer.analysis.model.packet import PacketExcerpt
from analyzer.engine.browsing import ConnectionContent
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.text.layout import wrap
from analyzer.tui.text_view import Lines

# Rows of one result that a session shows.
MOST_ROWS: Final = 50
CLIENT_STYLE: Final = "bold blue"
SERVER_STYLE: Final = "green"
_ROWS: Final = frozenset({"TextRow", "BinaryRow"})


def ladder(content: ConnectionContent) -> Lines:
    """Each packet in a line: when, who, what."""

    def lines(width: int) -> list[Text]:
        found: list[Text] = []
        for packet in content.detail.packets:
            found += _hanging(_lead(packet), f"{packet.record}  {packet.summary}".rstrip(), width)
            if packet.error is not None:
                found += _hanging(Text(" " * 14 + "malformed: "), packet.error, width, "red")
        if content.detail.packets_left_out:
            found.append(Text(f"... {labels.count(content.detail.packets_left_out, 'more packet')}", style="dim"))
        return found or [Text("No packet of it can be shown.")]

    return lines


def _lead(packet: PacketExcerpt) -> Text:
    number = "" if packet.sequence_id is None else str(packet.sequence_id)
    arrow = ("      ← server", SERVER_STYLE) if packet.sender == SERVER else ("client →      ", CLIENT_STYLE)
    return Text.assemble((f"{labels.milliseconds(packet.time_ns):>12} ", "dim"), arrow, f" {number:>3}  ")


def session(connection: Connection, content: ConnectionContent) -> Lines:
    """What the client asked and the server answered, with the beginnings of the results."""

    def lines(width: int) -> list[Text]:
        first = content.commands[0].frame if content.commands else None
        found: list[Text] = []
        for packet in content.detail.packets:
            if first is not None and packet.frame >= first:
                break
            style = SERVER_STYLE if packet.sender == SERVER else CLIENT_STYLE
            lead = Text("← " if packet.sender == SERVER else "→ ", style=style)
            found += _hanging(lead, packet.summary or packet.record, width)
        frames = [packet.frame for packet in content.detail.packets]
        due = 0
        for command in content.commands:
            if command.number > due:
                found += [Text(), Text(f"... {labels.count(command.number - due, 'command')} not listed", style="dim")]
            due = command.number + 1
            found.append(Text())
            found += _asked(connection, command, width)
            found += _rows(command, content.detail.packets, frames, width)
            found += _hanging(Text("← ", style=SERVER_STYLE), answer_of(command), width, _answer_style(command))
        if content.commands_seen > due:
            found += [Text(), Text(f"... {labels.count(content.commands_seen - due, 'more command')}", style="dim")]
        return found

    return lines


def _asked(connection: Connection, command: Command, width: int) -> Iterator[Text]:
    after = labels.duration(max(command.time_ns - connection.start_time_ns, 0))
    yield Text(f"{labels.time_of_day(command.time_ns, True)}  +{after}  frame {command.frame}", style="dim")
    text = command.statement
    lead = "→ "
    if text is None:
        lead, text = f"→ {command.command} ", command.argument or ""
    elif command.command != "query":
        lead = f"→ {command.command}: "
    # A statement's own lines stay lines.
    for line in text.replace("\r\n", "\n").split("\n"):
        yield from _hanging(Text(lead, style=CLIENT_STYLE), line, width, CLIENT_STYLE)
        lead = "  "
    if command.statement_cut:
        yield Text(f"  ... {labels.count(command.statement_cut, 'more byte')}", style="dim")


def _rows(command: Command, packets: Sequence[PacketExcerpt], frames: list[int], width: int) -> Iterator[Text]:
    """The rows that answer a command, as far as its packets are kept."""
    if command.response_frame is None or not command.rows:
        return
    among = packets[bisect_left(frames, command.frame) : bisect_right(frames, command.response_frame)]
    names: list[str] = []
    shown = 0
    for packet in among:
        if packet.sender != SERVER:
            names, shown = [], 0  # another command's answer, in the same frame
        elif packet.record.startswith("ColumnDefinition"):
            names += [field.value for field in packet.fields if field.name == "name"]
        elif packet.record in _ROWS and shown < MOST_ROWS:
            if not shown and names:
                yield Text("  " + terminal(" | ".join(names))[: max(width - 2, 1)], style="bold")
            shown += 1
            yield Text("  " + terminal(" | ".join(_values(packet)))[: max(width - 2, 1)])
    if command.rows > shown > 0:
        yield Text(f"  ... {labels.count(command.rows - shown, 'more row')}", style="dim")


def _values(packet: PacketExcerpt) -> Iterator[str]:
    """The values of a row; those of a text protocol's row as text."""
    for field in packet.fields:
        if field.name.startswith("null["):
            yield "NULL"
        elif field.name.startswith("value["):
            if packet.record != "TextRow":
                yield field.value
                continue
            try:
                yield bytes.fromhex(field.value).decode("utf-8", "surrogateescape")
            except ValueError:
                yield field.value


def answer_of(command: Command) -> str:
    """What came back, in a line."""
    took = "" if command.latency_ns is None else f" after {labels.duration(command.latency_ns)}"
    if command.duration_ns is not None and command.latency_ns is not None and command.duration_ns > command.latency_ns:
        took += f", whole after {labels.duration(command.duration_ns)}"
    if command.error is not None:
        state = f" ({command.error.sqlstate})" if command.error.sqlstate else ""
        return f"error {command.error.code}{state}: {command.error.message}{took}"
    if command.response == "ok":
        rows = f", {labels.count(command.affected_rows, 'row')} affected" if command.affected_rows else ""
        return f"OK{rows}{took}"
    if command.response == "resultset":
        columns = "" if command.columns is None else f"{labels.count(command.columns, 'column')}, "
        return f"{columns}{labels.count(command.rows or 0, 'row')}{took}"
    words = {"missing": "no answer in the capture", "none": "no answer is due", "encrypted": "the answer is encrypted"}
    return words.get(command.response, command.response.replace("_", " ")) + took


def _answer_style(command: Command) -> str:
    if command.error is not None:
        return "red"
    return "yellow" if command.response == "missing" or command.complete is False else SERVER_STYLE


def _hanging(lead: Text, text: str, width: int, style: str = "") -> list[Text]:
    """A text made safe and wrapped behind `lead`, further lines indented to where it began."""
    margin = " " * lead.cell_len
    lines = wrap(terminal(text), max(width - lead.cell_len, 20)) or [""]
    return [Text.assemble(margin if n else lead, (line, style)) for n, line in enumerate(lines)]

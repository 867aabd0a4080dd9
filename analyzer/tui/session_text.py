"""A connection to read: its packets as a ladder, and the session as a text of what was asked and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.text import Text

from analyzer.analysis.model.command import MISSING, NONE, OK, Command
from analyzer.analysis.model.connection import CLIENT, SERVER, Connection
from analyzer.analysis.model.packet import FollowedPacket, PacketExcerpt
from analyzer.engine.browsing import ConnectionContent
from analyzer.report.escape import terminal
from analyzer.report.prose import labels
from analyzer.report.prose.session import FollowedResult, SessionScript, Turn
from analyzer.report.text.follow import SessionText
from analyzer.report.text.layout import wrap
from analyzer.tui.text_view import Lines, painted

# Rows of one result that a session shows.
MOST_ROWS: Final = 50
CLIENT_STYLE: Final = "bold blue"
SERVER_STYLE: Final = "green"
_ROWS: Final = frozenset({"TextRow", "BinaryRow"})
# Of these there is nothing to show, or SessionText says so.
_SILENT: Final = frozenset({MISSING, NONE})


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
    """What was asked and answered, as `handshark follow` has it, with the beginnings of the results."""

    def write(write: Callable[[str], object], width: int) -> None:
        text = SessionText(write, width, True, fitted=True, more="")
        due = 0
        for number, turn in _turns(connection, content):
            if number > due:
                write(f"\n... {labels.count(number - due, 'command')} not listed\n")
            due = number + 1 if turn.command is not None else due
            text.turn(turn)
        if content.commands_seen > due:
            write(f"\n... {labels.count(content.commands_seen - due, 'more command')}\n")

    return painted(write)


def _turns(connection: Connection, content: ConnectionContent) -> Iterator[tuple[int, Turn]]:
    """(number of the command, turn): what came before the first command, and each command with its answer."""
    first = content.commands[0].frame if content.commands else None
    script = SessionScript(MOST_ROWS)
    for packet in content.detail.packets:
        if first is not None and packet.frame >= first:
            break
        for turn in script.feed(_followed(connection, packet)):
            yield 0, turn
    for turn in script.end():
        yield 0, turn
    answers = _AnswersInOrder(content.detail.packets)
    for command in content.commands:
        name = "Com" + "".join(part.capitalize() for part in command.command.split("_"))
        statement = command.statement
        if statement is not None and command.statement_cut:
            statement += f" /* {labels.count(command.statement_cut, 'more byte')} */"
        asked = FollowedPacket(
            command.frame, command.time_ns, CLIENT, name, "", name, statement, command.parameters, command.statement_id
        )
        if statement is None and command.argument and command.statement_id is None:
            asked.command = f"{name} {command.argument}"
        script = SessionScript(MOST_ROWS)
        list(script.feed(asked))
        columns = 0
        for packet in answers.of(command):
            if packet.record == "ErrPacket" and command.error is not None:
                continue
            followed = _followed(connection, packet, columns)
            columns = 0 if packet.record == "ColumnCount" else columns + (followed.column is not None)
            list(script.feed(followed))
        for turn in script.end():
            yield command.number, _completed(turn, command)


def _completed(turn: Turn, command: Command) -> Turn:
    """The turn with what is known of the command's whole response, whose packets may not be kept."""
    turn.last_frame = command.response_frame or turn.frame
    turn.duration_ns = command.latency_ns if command.duration_ns is None else command.duration_ns
    kept = sum(len(one.rows) + one.left_out for one in turn.results)
    missing = (command.rows or 0) - kept
    if command.error is not None:
        turn.error = command.error.code, command.error.sqlstate, command.error.message
    elif missing > 0:
        if not turn.results:
            turn.results.append(FollowedResult([], []))
        turn.results[-1].left_out += missing
    elif not turn.results and not turn.others and command.response not in _SILENT:
        words = None if command.response == OK else command.response.replace("_", " ")
        turn.results.append(FollowedResult([], [], 0, command.affected_rows, words))
    return turn


class _AnswersInOrder:
    """The packets that answer each command, asked for in the order of the commands.

    Two answers may share a frame: one begins with the packet number 1, where that follows another than 0.
    """

    def __init__(self, packets: Sequence[PacketExcerpt]) -> None:
        self._packets = [one for one in packets if one.sender == SERVER]
        self._at = 0

    def of(self, command: Command) -> Iterator[PacketExcerpt]:
        last, packets = command.response_frame, self._packets
        before: int | None = 0
        while last is not None and self._at < len(packets) and packets[self._at].frame <= last:
            packet = packets[self._at]
            if packet.frame >= command.frame:
                if packet.sequence_id == 1 and before != 0:
                    return
                before = packet.sequence_id
                yield packet
            self._at += 1


def _followed(connection: Connection, packet: PacketExcerpt, columns: int = 0) -> FollowedPacket:
    """A packet that is kept as one of a session that is followed. `columns`: definitions before it."""
    found = FollowedPacket(
        packet.frame, connection.start_time_ns + packet.time_ns, packet.sender, packet.record, packet.summary
    )
    if packet.record.startswith("ColumnDefinition"):
        found.column = next((field.value for field in packet.fields if field.name == "name"), "")
    elif packet.record in _ROWS:
        found.row = _values(packet, columns)
    elif packet.record == "OKPacket":
        rows = next((field.value for field in packet.fields if field.name == "affected_rows"), "")
        found.rows_affected = int(rows) if rows.isdecimal() else None
    return found


def _values(packet: PacketExcerpt, count: int) -> list[str | None]:
    """The values of a row of so many columns, where that is known."""
    found = {int(one.name[6:-1]): one.value for one in packet.fields if one.name.startswith("value[")}
    nulls = [int(one.name[5:-1]) for one in packet.fields if one.name.startswith("null[")]
    return [found.get(number) for number in range(max([count, *(one + 1 for one in (*found, *nulls))]))]


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


def _hanging(lead: Text, text: str, width: int, style: str = "") -> list[Text]:
    """A text made safe and wrapped behind `lead`, further lines indented to where it began."""
    margin = " " * lead.cell_len
    lines = wrap(terminal(text), max(width - lead.cell_len, 20)) or [""]
    return [Text.assemble(margin if n else lead, (line, style)) for n, line in enumerate(lines)]

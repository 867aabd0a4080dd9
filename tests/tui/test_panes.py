"""One connection on the screen: a field lights its bytes, a byte its field; commands, session, neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

import analyzer
from analyzer.analysis.model.packet import PacketExcerpt
from analyzer.tui.connection_screen import ConnectionScreen
from analyzer.tui.hex_pane import HexPane
from analyzer.tui.packet_panes import FieldRows, PacketPanes
from analyzer.tui.session_text import ladder, session
from analyzer.tui.text_view import TextView
from tests.corpus import REPOSITORY
from tests.tui.support import of_files, opened, run, seen, soon, table_of, until
from tests.wire.files import pcap
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation, in_time_order, wait

SAMPLES = REPOSITORY / "samples"
PREPARED = SAMPLES / "mysql97_connector_prepared.pcapng"
ROWS = SAMPLES / "mariadb1011_cli_native.pcap"


def test_each_field_lights_its_bytes_and_each_byte_its_field() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        await pilot.press("3")
        panes, data = screen.query_one(PacketPanes), screen.query_one(HexPane)
        fields = table_of(pilot, "#fields")
        for place in range(4):
            table_of(pilot, "#packets").move_to(place)
            await pilot.pause()
            packet = panes.packet
            assert packet is not None
            assert data.data == packet.data
            for position in range(len(fields.order)):
                fields.move_to(position)
                field = packet.fields[fields.order[position]]
                lit = range(field.start, min(field.end, len(packet.data)))
                await soon(lambda lit=lit: data.lit == lit)  # type: ignore[misc]
            data.focus()
            await pilot.press("g")
            for offset in range(min(len(packet.data), 90)):

                def is_lit(offset: int = offset, packet: PacketExcerpt = packet) -> bool:
                    if data.byte != offset or fields.row is None:
                        return False
                    if not any(one.start <= offset < one.end for one in packet.fields):
                        return True
                    field = packet.fields[fields.row]
                    return field.start <= offset < field.end and offset in data.lit

                await soon(is_lit)
                pilot.app.post_message(events.Key("l", "l"))

    run(of_files(PREPARED), steps, (100, 40))


def test_the_innermost_field_is_chosen_and_folds_open() -> None:
    rows = FieldRows()
    with analyzer.open(PREPARED) as handle:
        assert list(handle.connections())

    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        panes = screen.query_one(PacketPanes)
        await pilot.press("3")
        packets = [packet for packet in panes.packets if packet.fields]
        for packet in packets:
            rows.show(packet.fields)
            assert [field for _, _, field in rows.nodes] == packet.fields
            assert rows.visible() == list(range(len(packet.fields)))
            for offset in range(len(packet.data)):
                row = rows.at(offset)
                within = [n for n, (_, _, one) in enumerate(rows.nodes) if one.start <= offset < one.end]
                assert (row is None) == (not within)
                if row is not None:
                    assert rows.nodes[row][0] == max(rows.nodes[n][0] for n in within)
            for row in range(len(rows.nodes)):
                if rows.has_children(row):
                    rows.folded = {row}
                    hidden = set(range(len(rows.nodes))) - set(rows.visible())
                    assert row + 1 in hidden
                    assert all(rows.parent(one) is not None for one in hidden)
            rows.folded = set()

    run(of_files(PREPARED), steps)


def test_a_byte_is_chosen_with_the_mouse() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        await pilot.press("3")
        data = screen.query_one(HexPane)
        for offset in (0, 7, 8, 15, 16, 25):
            row, column = divmod(offset, 16)
            x = 1 + 6 + column * 3 + (1 if column >= 8 else 0)
            await pilot.click(HexPane, offset=(x, row + 1))
            assert data.byte == offset
        await pilot.click(HexPane, offset=(1 + 6 + 16 * 3 + 2 + 5, 1))
        assert data.byte == 5

    run(of_files(PREPARED), steps, (100, 40))


def test_packets_are_searched_and_panes_are_shown_alone() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        await opened(pilot)
        await pilot.press("3", "slash", *"comping", "enter")
        row = table_of(pilot, "#packets").row
        assert row is not None
        assert "ComPing" in seen(pilot)
        height = table_of(pilot, "#packets").size.height
        await pilot.press("z")
        await pilot.pause()
        assert table_of(pilot, "#packets").size.height > 2 * height
        await pilot.press("z")
        await pilot.pause()
        assert table_of(pilot, "#packets").size.height == height
        await pilot.press("n")
        assert table_of(pilot, "#packets").row != row

    run(of_files(PREPARED), steps)


def test_commands_by_latency_lead_to_their_packets() -> None:
    slowest = max(analyzer.commands(PREPARED), key=lambda one: one.latency_ns or 0)

    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        await pilot.press("4", "s", "s", "s")
        table = table_of(pilot, "#own-commands")
        await pilot.press("g")
        assert screen.content is not None
        assert table.row is not None
        assert screen.content.commands[table.row].number == slowest.number
        assert dict(screen.choices())["Statement"] == (slowest.statement or "")
        await pilot.press("enter")
        await until(pilot, lambda: screen.view == "packet-panes")
        packet = screen.query_one(PacketPanes).packet
        assert packet is not None
        assert packet.frame == slowest.frame

    run(of_files(PREPARED), steps, (120, 30))


def test_the_session_has_statements_rows_and_answers() -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        assert screen.content is not None
        text = "\n".join(line.plain for line in session(screen.connection, screen.content)(100))
        for part in (
            "SELECT id, name, born, score",
            "| id | name    | born       | score |",
            "| 2  | Grace   | 1906-12-09 | 98.25 |",
        ):
            assert part in text
        assert "| 4  | Barbara | 1939-11-07 | NULL  |" in text
        assert "4 rows (" in text
        steps_of_it = "\n".join(line.plain for line in ladder(screen.content)(100))
        assert steps_of_it.count("TextRow") == 5

    run(of_files(ROWS), steps)


@pytest.mark.parametrize("width", [1, 10, 79, 200])
def test_lines_fit(width: int) -> None:
    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        assert screen.content is not None
        for make in (session(screen.connection, screen.content), ladder(screen.content)):
            assert all(line.cell_len <= max(width, 60) for line in make(width))

    run(of_files(PREPARED), steps)


def test_the_next_connection_comes_in_the_same_view(tmp_path: Path) -> None:
    path = tmp_path / "two.pcap"
    first: list[Step] = [*ACCEPTED, ("c", query("select 'first'")), ("s", ok(1)), *GOODBYE]
    second: list[Step] = [*ACCEPTED, ("c", query("select 'second'")), wait("s", ok(1), 1), *GOODBYE]
    path.write_bytes(pcap(in_time_order(conversation(first), conversation(second, client=("10.0.0.9", 4000)))))

    async def steps(pilot: Pilot[None]) -> None:
        screen = await opened(pilot)
        await pilot.press("5")
        await until(pilot, lambda: "select 'first'" in seen(pilot))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "select 'second'" in seen(pilot))
        assert screen.view == "session"
        assert "select 'first'" not in seen(pilot)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "select 'first'" in seen(pilot))

    run(of_files(path), steps)


def test_a_capture_that_goes_away_meanwhile_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gone.pcap"
    path.write_bytes(pcap(conversation([*ACCEPTED, *GOODBYE])))

    async def steps(pilot: Pilot[None]) -> None:
        path.unlink()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConnectionScreen))
        screen = pilot.app.screen
        assert isinstance(screen, ConnectionScreen)
        await until(pilot, lambda: "no such file" in screen.state)
        await pilot.press("2")
        await until(pilot, lambda: "no such file" in screen.query_one("#ladder-text", TextView).text)

    run(of_files(path), steps, (160, 24))

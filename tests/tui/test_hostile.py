"""Text of the wire on the screen: nothing of it moves, hides or colours anything, and no secret is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from analyzer.tui.connection_screen import ConnectionScreen
from analyzer.tui.packet_panes import PacketPanes
from analyzer.tui.session_text import ladder, session
from analyzer.tui.table import RowTable
from tests.hostile_outputs import UNSAFE
from tests.secrets.planted import MARK, all_of_it
from tests.tui.support import main_of, of_files, opened, run, seen, table_of, until
from tests.wire.files import pcap
from tests.wire.mysql import FAST, err, greeting, login, ok, query
from tests.wire.script import Step, conversation, in_time_order

# Controls, escapes, markup of rich and of Textual, bidi and invisible characters, bytes that are no UTF-8.
EVIL = (
    "\x1b[2J\x1b]0;title\x07[red]a[/red][@click=quit]b[/] \u202egnp\u202c\u200b\u2028\r\n\t\x9b31m"
    + "\U000e0041"
    + "漢" * 3
)
EVIL_BYTES = EVIL.encode() + b"\xff\xfe\x80"


def hostile(folder: Path) -> Path:
    """A refused login and an accepted one with a command that fails, all text of them hostile."""
    refused: list[Step] = [
        ("s", greeting(version=EVIL)),
        ("c", login(EVIL, EVIL)),
        ("s", err(2, 1045, EVIL_BYTES, "28000")),
    ]
    accepted: list[Step] = [
        *(("s", greeting(version=EVIL)), ("c", login(EVIL, EVIL)), ("s", FAST), ("s", ok(4))),
        *(("c", query(EVIL_BYTES)), ("s", err(1, 1064, EVIL_BYTES, "42000"))),
    ]
    path = folder / "hostile[red].pcap"
    path.write_bytes(pcap(in_time_order(conversation(refused), conversation(accepted, client=("10.0.0.5", 40000)))))
    return path


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_nothing_of_the_wire_acts_on_the_terminal(tmp_path: Path, size: tuple[int, int]) -> None:
    shown: list[str] = []

    async def steps(pilot: Pilot[None]) -> None:
        for row in range(2):
            table_of(pilot).move_to(row)
            await pilot.pause()
            shown.append(seen(pilot))
            screen = await opened(pilot)
            for view in ("1", "2", "3", "4", "5"):
                await pilot.press(view)
                await pilot.pause()
                shown.append(seen(pilot))
            await pilot.press("3")
            packets = table_of(pilot, "#packets")
            for place in range(len(packets.order)):
                packets.move_to(place)
                await pilot.pause()
                shown.append(seen(pilot))
            await pilot.press("c")
            await pilot.pause()
            shown.append(seen(pilot))
            await pilot.press("escape", "q")
            await until(pilot, lambda screen=screen: pilot.app.screen is not screen)  # type: ignore[misc]
        for view in ("2", "3", "4", "5"):
            await pilot.press(view)
            await until(pilot, lambda: "reading" not in seen(pilot))
            shown.append(seen(pilot))

    run(of_files(hostile(tmp_path)), steps, size)
    text = "\n".join(shown)
    assert UNSAFE.search(text) is None
    assert "[red]a" in text  # markup is text
    assert r"\x1b[2J" in text
    assert len(shown) >= 25


def test_no_secret_is_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "planted.pcap"
    frames, names = all_of_it()
    path.write_bytes(pcap(frames))
    shown: list[str] = []

    async def steps(pilot: Pilot[None]) -> None:
        main = main_of(pilot)
        for key in ("3", "4", "2", "5"):
            await pilot.press(key)
            await until(pilot, lambda: "reading" not in seen(pilot))
        commands = main.query_one("#command-table", RowTable)
        for row in commands.order:
            shown.extend(commands.source.texts(row))
        await pilot.press("1")
        rows = main.query_one("#table", RowTable)
        shown.extend(text for row in rows.order for text in rows.source.texts(row))
        for place in range(0, len(rows.order), 60):
            rows.move_to(place)
            screen = await opened(pilot)
            shown.extend(told(screen))
            await pilot.press("q")
            await until(pilot, lambda screen=screen: pilot.app.screen is not screen)  # type: ignore[misc]

    run(of_files(path), steps, (100, 30))
    text = "\n".join(shown)
    assert len(text) > 100_000
    assert MARK not in text
    assert not [name for name in names if name in text]


def told(screen: ConnectionScreen) -> list[str]:
    """All that can be seen of a connection."""
    content = screen.content
    assert content is not None
    found = [line.plain for make in (ladder(content), session(screen.connection, content)) for line in make(4000)]
    panes = screen.query_one(PacketPanes)
    for packet in content.detail.packets:
        found += [packet.summary, packet.data.decode("latin-1"), *(field.value for field in packet.fields)]
    found += [name for name, _ in screen.choices()]
    assert panes.packet is None or panes.packet in content.detail.packets
    return found

"""Pictures of the screens, for docs/. `python -m tests.tui.pictures` draws them anew: look at them then."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from textual.pilot import Pilot
from textual.widgets import Input

from tests.corpus import REPOSITORY
from tests.tui.support import Steps, of_files, opened, run, seen, table_of, typed, until

FOLDER: Final = REPOSITORY / "docs" / "pictures"
SAMPLES: Final = REPOSITORY / "samples"
SIZE: Final = (100, 30)


class Picture(NamedTuple):
    """What is done before a screen is drawn, and how large the screen is."""

    steps: Steps
    size: tuple[int, int] = SIZE


async def connections(pilot: Pilot[None]) -> None:
    """The list, on a refused login."""
    await pilot.press("slash")
    await typed(pilot, "rejected")
    await pilot.press("enter")


async def completed(pilot: Pilot[None]) -> None:
    """A filter that is being typed."""
    await pilot.press("f")
    await typed(pilot, "handshark.outcome == ")
    pilot.app.screen.query_one(Input).cursor_blink = False
    await until(pilot, lambda: '"rejected"' in seen(pilot))


async def findings(pilot: Pilot[None]) -> None:
    """What was found, by its cause."""
    await pilot.press("2")
    await until(pilot, lambda: "What it is" in seen(pilot))


async def packets(pilot: Pilot[None]) -> None:
    """The three panes."""
    await on(pilot, PREPARED)
    await opened(pilot)
    await pilot.press("3", "j", "tab", *"jjjjj")


async def commands(pilot: Pilot[None]) -> None:
    """Commands with their latency."""
    await on(pilot, PREPARED)
    await opened(pilot)
    await pilot.press("4", *"ssss", "S")


async def session(pilot: Pilot[None]) -> None:
    """The session as a text."""
    await on(pilot, NATIVE)
    await opened(pilot)
    await pilot.press("5")


async def statistics(pilot: Pilot[None]) -> None:
    """How long commands took."""
    await pilot.press("4")
    await until(pilot, lambda: "By statement" in seen(pilot))


async def on(pilot: Pilot[None], stream: int) -> None:
    """Puts the cursor on a connection."""
    table = table_of(pilot)
    await until(pilot, lambda: len(table.order) == len(NAMES))
    table.move_to(stream)
    await pilot.pause()


NAMES: Final = (
    *("mariadb1011_cli_native.pcap", "mariadb1011_cli_unknown-user.pcap", "mysql97_connector_prepared.pcapng"),
    *("mysql97_cli_tls13-full-auth.pcap", "mysql97_cli_wrong-password.pcap"),
)
# Their numbers, merged in time order.
PREPARED, NATIVE = 2, 3
PICTURES: Final = {
    "connections": Picture(connections),
    "filter": Picture(completed),
    "findings": Picture(findings),
    "packets": Picture(packets),
    "packets-80x24": Picture(packets, (80, 24)),
    "commands": Picture(commands),
    "session": Picture(session),
    "statistics": Picture(statistics),
}


def drawn(name: str) -> str:
    """The picture of a screen, as SVG."""
    found: list[str] = []

    async def steps(pilot: Pilot[None]) -> None:
        await PICTURES[name].steps(pilot)
        await pilot.pause()
        found.append(pilot.app.export_screenshot())

    run(of_files(*(SAMPLES / one for one in NAMES), merge=True), steps, PICTURES[name].size)
    return found[0]


def place_of(name: str) -> Path:
    """Where a picture is kept."""
    return FOLDER / f"tui-{name}.svg"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for each in PICTURES:
        place_of(each).write_text(drawn(each), encoding="utf-8")

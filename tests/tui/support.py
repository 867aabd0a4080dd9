"""The terminal interface without a terminal: an app over a feed, keys, and what stands on the screen."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.engine.background import WorkAnswer, WorkFailed
from analyzer.engine.browsing import Arrival, Browser, ConnectionContent, ConnectionKey
from analyzer.tui.app import MainScreen, TuiApp
from analyzer.tui.command_line import CommandLine
from analyzer.tui.connection_screen import ConnectionScreen
from analyzer.tui.dialogs import FileScreen
from analyzer.tui.feed import Feed, FileFeed
from analyzer.tui.table import RowTable

Steps = Callable[[Pilot[None]], Awaitable[None]]
# Looks at the screen before something is given up.
PATIENCE = 600
LOOK_SECONDS = 0.05


class GivenAnswer(WorkAnswer):
    """Items that are there already."""

    def __init__(self, *items: object) -> None:
        self.items = items

    def __iter__(self) -> Iterator[object]:
        return iter(self.items)

    def close(self) -> None:
        """There is nothing to end."""


class GivenFeed(Feed):
    """Connections that are there already, with what is inside them."""

    def __init__(
        self,
        connections: Sequence[Connection],
        contents: dict[ConnectionKey, ConnectionContent] | None = None,
        *,
        live: bool = False,
    ) -> None:
        super().__init__("given", None if live else CommandLine(["given.pcap"]))
        self.live = live
        self._given = connections
        self._contents = contents or {}

    def connections(self) -> WorkAnswer:
        return GivenAnswer([Arrival(one, True) for one in self._given])

    def content(self, key: ConnectionKey) -> WorkAnswer:
        if key not in self._contents:
            raise WorkFailed("it is not there")
        return GivenAnswer(self._contents[key])


def content_of(detail: ConnectionDetail) -> ConnectionContent:
    """What is inside a connection."""
    return ConnectionContent(detail, detail.commands, detail.commands_seen)


def of_files(*paths: Path, merge: bool = False) -> TuiApp:
    """The interface over captures."""
    names = [str(path) for path in paths]
    switches = ["--merge"] if merge else []
    return TuiApp(FileFeed(names, Browser(names, merge, AnalysisOptions()), CommandLine(names, switches, merged=merge)))


def run(app: TuiApp, steps: Steps, size: tuple[int, int] = (80, 24)) -> None:
    """Runs an app on a screen of so many columns and rows, and does something with it when all is read."""

    async def whole() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.main.gathered.over)
            await steps(pilot)

    asyncio.run(whole())


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Waits until something is so."""
    for _ in range(PATIENCE):
        await pilot.pause()
        if holds():
            await pilot.pause()
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError(f"it does not come; on the screen is:\n{seen(pilot)}")


async def soon(holds: Callable[[], bool]) -> None:
    """Waits until something is so that takes no time but that of messages."""
    for _ in range(30_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it does not come")


async def typed(pilot: Pilot[None], text: str) -> None:
    """Types a text."""
    names = {" ": "space"}
    await pilot.press(*(names.get(sign, sign) for sign in text))


def seen(pilot: Pilot[None]) -> str:
    """The text on the screen, line by line."""
    picture = pilot.app.export_screenshot()
    lines: dict[float, list[tuple[float, str]]] = {}
    for x, y, text in re.findall(r'<text [^>]*?x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)</text>', picture):
        lines.setdefault(float(y), []).append((float(x), html.unescape(text).replace("\xa0", " ")))
    return "\n".join("".join(text for _, text in sorted(parts)) for _, parts in sorted(lines.items()))


def main_of(pilot: Pilot[None]) -> MainScreen:
    """The list of connections."""
    assert isinstance(pilot.app, TuiApp)
    return pilot.app.main


def table_of(pilot: Pilot[None], name: str = "#table") -> RowTable:
    """A table of the screen that is shown."""
    return pilot.app.screen.query_one(name, RowTable)


def streams(pilot: Pilot[None]) -> list[int]:
    """The connections that are listed, in their order."""
    main = main_of(pilot)
    return [main.gathered.store.connection(row).stream for row in main.query_one("#table", RowTable).order]


async def opened(pilot: Pilot[None]) -> ConnectionScreen:
    """Opens the connection in hand, and waits for what is inside it."""
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConnectionScreen))
    screen = pilot.app.screen
    assert isinstance(screen, ConnectionScreen)
    await until(pilot, lambda: screen.state == "")
    return screen


async def written(pilot: Pilot[None], key: str, name: Path) -> None:
    """Presses a key that asks for a file's name, gives one, and waits until it is there."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, FileScreen))
    pilot.app.screen.query_one(Input).value = str(name)
    await pilot.press("enter")
    await until(pilot, lambda: any(f"written: {name}" in note for note in main_of(pilot).said))

"""Where connections come from, for the screen: a capture that is read, or one that goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from analyzer.engine.background import Background, WorkAnswer, WorkFailed
from analyzer.engine.browsing import (
    AskConnection,
    AskConnections,
    AskMatches,
    AskSlowest,
    AskStatistics,
    Browser,
    ConnectionKey,
)
from analyzer.tui.command_line import CommandLine

# By what the statistics of commands are grouped.
KINDS: Final = ("statement", "user", "server", "command")


class Feed:
    """What the screen asks. Each answer is iterated over in a thread; closed, it ends.

    live   connections come as they are captured; the last ones only are kept
    title  what is looked at
    line   how command lines read the same; None where there is no file to read
    """

    live = False

    def __init__(self, title: str, line: CommandLine | None) -> None:
        self.title = title
        self.line = line

    def connections(self) -> WorkAnswer:
        """Lists of Arrival; ReadingProgress, ReadingFailed, Source or Counts between them."""
        raise NotImplementedError

    def content(self, key: ConnectionKey) -> WorkAnswer:
        """What is inside a connection: a ConnectionContent."""
        raise NotImplementedError

    def matches(self, text: str) -> WorkAnswer:
        """Connections of which a filter of packets holds for one: lists of their keys."""
        raise WorkFailed("the packets of a live capture are gone: give such a filter at the start (-Y)")

    def slowest(self) -> WorkAnswer:
        """The commands that took longest: a list of Command."""
        raise WorkFailed("commands of all connections are listed of a capture that is over")

    def statistics(self) -> WorkAnswer:
        """How long commands took: CommandStatistics."""
        raise WorkFailed("commands of all connections are counted of a capture that is over")

    def grown(self) -> int:
        """Bytes that have come to the files since they were read."""
        return 0

    def close(self) -> None:
        """Nothing is asked any more."""


class FileFeed(Feed):
    """Captures in files, read by processes of `background`. It is made before there are threads."""

    def __init__(self, names: Sequence[str], browser: Browser, line: CommandLine) -> None:
        shown = [os.path.basename(name) for name in names]
        title = ", ".join(shown) if len(shown) < 4 else f"{shown[0]} and {len(shown) - 1} more"
        super().__init__(title, line)
        self._names = names
        self._sizes = 0
        self._background = Background(browser.work)

    def connections(self) -> WorkAnswer:
        self._sizes = self._size()
        return self._background.ask(AskConnections())

    def content(self, key: ConnectionKey) -> WorkAnswer:
        return self._background.ask(AskConnection(*key))

    def matches(self, text: str) -> WorkAnswer:
        return self._background.ask(AskMatches(text))

    def slowest(self) -> WorkAnswer:
        return self._background.ask(AskSlowest())

    def statistics(self) -> WorkAnswer:
        return self._background.ask(AskStatistics(KINDS))

    def grown(self) -> int:
        return max(self._size() - self._sizes, 0)

    def close(self) -> None:
        self._background.close()

    def _size(self) -> int:
        return sum(os.path.getsize(name) for name in self._names if os.path.isfile(name))


def items_of(answer: WorkAnswer) -> Iterator[object]:
    """What an answer sends; a WorkFailed in place of the exception, as the last."""
    try:
        yield from answer
    except WorkFailed as error:
        yield error
    finally:
        answer.close()

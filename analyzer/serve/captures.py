"""The captures that are served: those that were named, those in folders that were named, and those that were sent.

Each has a number, which is all that an address holds of it: no name from outside ever becomes a path.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple

from analyzer.engine.background import Background, WorkAnswer, WorkFailed
from analyzer.engine.own_folder import OwnFolder
from analyzer.engine.shelf import Shelf
from analyzer.report.escape import terminal
from analyzer.report.html.served import ListedRow, ServedFrom
from analyzer.serve.desk import Desk
from analyzer.serve.matches import checked
from analyzer.serve.page import ServedPage
from analyzer.serve.work import AskComparison, AskPackets, AskPage, AskStreams, AskVerdicts, CaptureVerdict

# Connections that a page lists.
MOST_ROWS: Final = 100_000
# Pages whose captures have been read.
MOST_PAGES: Final = 8
# Bytes of a capture that is looked into before somebody opens it, and how many are at one time.
SMALL: Final = 1 << 20
LOOKED_INTO: Final = 100
# What may be sent: bytes of one, how many, bytes of all.
MOST_BYTES: Final = 256 << 20
MOST_UPLOADS: Final = 16
MOST_IN_ALL: Final = 1 << 30
LONGEST_NAME: Final = 100  # bytes


class TooMuchError(Exception):
    """A bound that would be passed; the message says which."""


class Served(NamedTuple):
    """A capture that can be opened. `sent`: it came from outside, so reading it is bounded."""

    number: int
    name: str
    path: Path
    size: int
    changed_ns: int
    sent: bool


class Uploads:
    """What was sent, in a folder that goes at the end, and of a program that was killed when the next one starts."""

    def __init__(self) -> None:
        self._folder = OwnFolder("uploads")
        self._kept: list[Path] = []
        self._coming = 0
        self._bytes = 0

    def begin(self) -> None:
        """One more is about to come. Raises TooMuchError."""
        if len(self._kept) + self._coming >= MOST_UPLOADS:
            raise TooMuchError(f"{MOST_UPLOADS} captures have been sent: that is all there is room for")
        self._coming += 1

    def file(self) -> IO[bytes]:
        """Where it is written to; it has no name yet."""
        return tempfile.NamedTemporaryFile(dir=self._folder.path, prefix="coming-", delete=False)

    def room(self, size: int, more: int) -> None:
        """Asked before `more` bytes are added to one of `size`. Raises TooMuchError."""
        if size + more > MOST_BYTES:
            raise TooMuchError(f"it is too large: at most {MOST_BYTES >> 20} MiB")
        if self._bytes + more > MOST_IN_ALL:
            raise TooMuchError(f"there is no room: at most {MOST_IN_ALL >> 20} MiB in all")
        self._bytes += more

    def keep(self, name: str, file: IO[bytes]) -> Path:
        """It is here whole."""
        self._coming -= 1
        folder = Path(self._folder.path, str(len(self._kept)))
        folder.mkdir()
        path = Path(file.name).rename(folder / plain_name(name))
        self._kept.append(path)
        return path

    def drop(self, file: IO[bytes], size: int) -> None:
        """It did not come to its end."""
        self._coming -= 1
        self._bytes -= size
        Path(file.name).unlink()

    def listed(self) -> list[Path]:
        """All, by the names that they were sent with."""
        return list(self._kept)

    def close(self) -> None:
        """Deletes all."""
        self._folder.close()


class Captures:
    """Lists captures, opens them as pages, and asks about them. `background` answers; `close` ends all of it."""

    def __init__(self, paths: Sequence[str], background: Background, secrets_shown: bool, home: bool) -> None:
        self.uploads = Uploads()
        self.home = home
        self._shelf = Shelf(paths)
        self._desk = Desk(background)
        self._verdicts: dict[tuple[str, int, int], str] = {}  # path, size, when it was changed
        self._matching: dict[int, WorkAnswer] = {}  # the display filter that was asked last, by capture
        self._looking = threading.Lock()
        self._secrets_shown = secrets_shown
        self._numbers: dict[str, int] = {}
        self._pages: dict[tuple[int, int, int], ServedPage] = {}  # number, size, when it was changed

    def captures(self) -> list[Served]:
        """All that there are now."""
        found = []
        for one in self._shelf.captures():
            number = self._numbers.setdefault(str(one.path), len(self._numbers) + 1)
            found.append(Served(number, one.name, one.path, one.size, one.changed_ns, False))
        for path in self.uploads.listed():
            number = self._numbers.setdefault(str(path), len(self._numbers) + 1)
            known = path.stat()
            found.append(Served(number, path.name, path, known.st_size, known.st_mtime_ns, True))
        return found

    def capture(self, number: int) -> Served | None:
        """The one of a number."""
        return next((one for one in self.captures() if one.number == number), None)

    def rows(self) -> list[ListedRow]:
        """The list, with what is known. What is small is looked into, for the next who asks."""
        rows, unknown = [], []
        for one in self.captures():
            page = self._pages.get((one.number, one.size, one.changed_ns))
            known = (
                self._verdicts.get((str(one.path), one.size, one.changed_ns), "") if page is None else page.verdict()
            )
            rows.append(ListedRow(one.number, one.name, one.size, one.changed_ns, known))
            if not known and not one.sent and one.size <= SMALL:
                unknown.append(one)
        if unknown and self._looking.acquire(blocking=False):
            threading.Thread(target=self._look, args=(unknown[:LOOKED_INTO],), daemon=True).start()
        return rows

    def _look(self, some: Sequence[Served]) -> None:
        """Reads small captures for what is known of them."""
        keys = {str(one.path): (str(one.path), one.size, one.changed_ns) for one in some}
        try:
            with self._desk.asked(AskVerdicts(tuple(keys))) as answer:
                for item in answer:
                    if isinstance(item, CaptureVerdict):
                        self._verdicts[keys[item.path]] = item.text
        except WorkFailed:
            return  # they stay unknown
        finally:
            self._looking.release()

    def page(self, one: Served, as_it_is: bool = False) -> ServedPage:
        """The page of a capture, which is read from now on where it was not before. Raises TooMuchError.

        The newest page that there is; `as_it_is`: another one where the file has changed since.
        """
        key = one.number, one.size, one.changed_ns
        if key not in self._pages and not as_it_is:
            key = next((known for known in reversed(self._pages) if known[0] == one.number), key)
        page = self._pages.pop(key, None)
        if page is None:
            self._make_room(one.number)
            served = ServedFrom(
                f"/captures/{one.number}/events",
                f"/captures/{one.number}/connections/",
                f"/captures/{one.number}/matches",
                "/" if self.home else "",
            )
            page = ServedPage(terminal(one.name), served, self._secrets_shown, MOST_ROWS, newest=False)
            threading.Thread(target=self._read, args=(page, one), daemon=True).start()
        self._pages[key] = page  # the last is the one that was used last
        return page

    def _make_room(self, number: int) -> None:
        """Lets go of older versions of a capture, and of pages that nobody looks at, the longest unused first."""
        for key, page in list(self._pages.items()):
            if page.over and not page.watchers and (key[0] == number or len(self._pages) >= MOST_PAGES):
                del self._pages[key]
                page.close()
        if len(self._pages) >= MOST_PAGES:
            raise TooMuchError("too many captures are being looked at: close one of their pages")

    def _read(self, page: ServedPage, one: Served) -> None:
        with self._desk.asked(AskPage(str(one.path), one.sent)) as answer:
            page.take(answer)

    def packets(self, one: Served, first_frame: int) -> list[bytes]:
        """The packets of a connection: the JSON of each column. Raises WorkFailed."""
        return self._desk.first(AskPackets(str(one.path), first_frame, one.sent), list)

    def matches(self, one: Served, text: str) -> list[int]:
        """The numbers of the connections for which a display filter holds. The filter that was asked of the capture
        before is given up. Raises FilterError, WorkFailed."""
        checked(text)
        before = self._matching.pop(one.number, None)
        if before is not None:
            before.close()
        with self._desk.asked(AskStreams(str(one.path), text)) as answer:
            self._matching[one.number] = answer
            return [stream for item in answer if isinstance(item, list) for stream in item]

    def comparison(self, before: Served, after: Served) -> str:
        """What changed from one to the other, as a page. Raises WorkFailed."""
        sides = [(str(one.path), terminal(one.name), one.sent) for one in (before, after)]
        return self._desk.first(AskComparison(sides[0], sides[1]), str)

    def close(self) -> None:
        """Ends what works, and deletes what was sent."""
        self._desk.close()
        for page in self._pages.values():
            page.close()
        self.uploads.close()


def plain_name(given: str) -> str:
    """What a capture that was sent is called: letters, digits and dots of the last part of its name, no path."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(one if one.isalnum() or one in "._-" else "_" for one in last)
    kept = kept.lstrip(".").encode()[-LONGEST_NAME:].decode(errors="ignore")  # the end says what it is
    return kept or "capture"

"""The blocks of the page: what is said of many connections, compressed, in temporary files until the page is made."""

from __future__ import annotations

import base64
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, TextIO

from markupsafe import Markup

ROWS_PER_BLOCK: Final = 5000
VIEWS_PER_BLOCK: Final = 200
PACKETS_PER_BLOCK: Final = 100
BLOCK_BYTES: Final = 2 << 20  # of JSON, before it is compressed
LEVEL: Final = 3
_CHUNK: Final = 1 << 16


class Blocks:
    """Blocks of the page, each of many connections: [the first value of each], [the second of each] ...

    What is alike stands side by side that way. `starts` holds the number of the first connection of each block.
    """

    def __init__(self, spool: TextIO, kind: str, connections: int) -> None:
        self.starts: list[int] = []
        self.count = 0
        self.packed = 0  # bytes in the page
        self._spool = spool
        self._kind = kind
        self._connections = connections
        self._values: list[list[bytes]] = []  # of each connection
        self._size = 0

    def add(self, values: list[bytes]) -> None:
        """One more connection: the JSON of each of its values."""
        if not self._values:
            self.starts.append(self.count)
        self._values.append(values)
        self._size += sum(map(len, values))
        self.count += 1
        if self._size >= BLOCK_BYTES or len(self._values) >= self._connections:
            self.end()

    def end(self) -> None:
        """Writes what there is as a block: an element that browsers take for data."""
        if not self._values:
            return
        columns = zip(*self._values, strict=True)
        content = b"[" + b",\n".join([b"[" + b",".join(column) + b"]" for column in columns]) + b"]"
        packed = base64.b64encode(zlib.compress(content, LEVEL)).decode()
        self._spool.write(f'<script type="application/x-deflate" class="{self._kind}">{packed}</script>\n')
        self.packed += len(packed)
        self._values = []
        self._size = 0


class PageBlocks:
    """All blocks of a page: the table's rows, the views of connections, and the packets of those that keep them."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._spools = [self._stack.enter_context(_spool()) for _ in range(3)]
        self.rows = Blocks(self._spools[0], "rows", ROWS_PER_BLOCK)
        self.views = Blocks(self._spools[1], "views", VIEWS_PER_BLOCK)
        self.packets = Blocks(self._spools[2], "packets", PACKETS_PER_BLOCK)

    def end(self) -> None:
        """Writes what is not written yet."""
        for blocks in (self.rows, self.views, self.packets):
            blocks.end()

    def chunks(self) -> Iterator[Markup]:
        """All elements, in pieces: what was made before, and holds nothing to escape."""
        for spool in self._spools:
            spool.seek(0)
            while chunk := spool.read(_CHUNK):
                yield Markup(chunk)

    def close(self) -> None:
        """Throws the temporary files away."""
        self._stack.close()


def _spool() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="ascii", newline="")

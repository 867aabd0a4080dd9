"""Connections made ready for the page, in whichever process found them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from analyzer.analysis.connection.kinds import Alike
from analyzer.analysis.findings.kept import Kept
from analyzer.analysis.model.connection import Connection, Finding
from analyzer.analysis.model.detail import ConnectionDetail
from analyzer.report.html.connection_view import Memo, encoded, row, view
from analyzer.report.html.kind_entries import KindEntries
from analyzer.report.html.packets import packet_columns
from analyzer.report.prose import labels


class Entry(msgspec.Struct):
    """A connection made ready for the page, in whichever process found it.

    `row`, `view` and `packets` hold the JSON of each value of the functions of html_view; `packets` may be empty.
    """

    connection: Connection
    row: list[bytes]
    view: list[bytes]
    packets: list[bytes]


class AlikeEntry(msgspec.Struct, frozen=True, gc=False):
    """The same of a connection of a known kind."""

    alike: Alike
    row: list[bytes]
    view: list[bytes]


class Later(NamedTuple):
    """The packets of a connection that come after its entry."""

    capture: str
    first_frame: int
    packets: list[bytes]


class Prepare:
    """Makes entries; used in each process, and knows only what that process has seen.

    `wants` is asked before packets are worked out. They are wanted of the first `limit` connections, and of the first
    `limit` with each kind of error or warning: many that fail alike are not worth the room, one that fails in its own
    way is.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._seen = 0
        self._faults: Counter[str] = Counter()
        self._memo: Memo = {}
        self._kinds = KindEntries(self._memo)

    def wants(self, connection: Connection) -> bool:
        """Whether the packets of this connection are to be worked out. Asked once of each, in any order."""
        self._seen += 1
        # Connections come as they end: one that comes late may yet be among the first by its number.
        return self.rare(faults(connection)) or self._seen <= self.limit or connection.stream < self.limit

    def rare(self, codes: set[str]) -> bool:
        """Whether a connection with these `faults` is one of the first with something that is wrong with it."""
        wrong = False
        for code in codes:
            self._faults[code] += 1
            wrong |= self._faults[code] <= self.limit
        return wrong

    def entry(self, result: tuple[Connection, ConnectionDetail | None]) -> Entry:
        """A connection made ready."""
        connection, detail = result
        said = encoded(view(connection, self._memo).values())
        packets = [] if detail is None else self.columns(connection, detail)
        return Entry(_slim(connection), encoded(row(connection)), said, packets)

    def alike(self, alike: Alike) -> Entry | AlikeEntry:
        """A connection of a known kind made ready: it takes so little that nobody sends it to another process."""
        rendered = self._kinds.rendered(alike)
        return self.entry((alike.connection(), None)) if rendered is None else AlikeEntry(alike, *rendered)

    def packets(self, result: tuple[Connection, ConnectionDetail | None]) -> Later:
        """What a later reading brings of a connection whose entry was made before."""
        connection, detail = result
        columns = [] if detail is None else self.columns(connection, detail)
        return Later(connection.capture, connection.first_frame, columns)

    def columns(self, connection: Connection, detail: ConnectionDetail) -> list[bytes]:
        return encoded(packet_columns(connection, detail))


def faults(connection: Connection) -> set[str]:
    """Codes of the errors and warnings of a connection; an error of the server without a finding is one too."""
    return _faults(connection.findings, connection)


def faults_of(alike: Alike) -> set[str]:
    """Those of one of a known kind."""
    return _faults(alike.kind.findings if alike.outline is None else alike.outline.findings, alike.kind.connection)


def _faults(found: Sequence[Finding | Kept], alike: Connection) -> set[str]:
    codes = {one.code for one in found if labels.rank(one.severity) <= 1}
    return codes or ({str(alike.error.code)} if alike.error is not None else set())


def _slim(c: Connection) -> Connection:
    """The connection without the long lists that its entry says already: it may go from one process to another."""
    greeting = None if c.greeting is None else replace(c.greeting, capabilities=[], status_flags=[])
    login = None if c.login is None else replace(c.login, capabilities=[], attributes=None)
    auth = None if c.authentication is None else replace(c.authentication, steps=[], switches=[])
    return replace(c, greeting=greeting, login=login, authentication=auth, commands={})

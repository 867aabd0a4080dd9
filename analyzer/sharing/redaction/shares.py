"""What several processes that redact connections of one capture find, and how that becomes one."""

from __future__ import annotations

from typing import NamedTuple

from analyzer.sharing.appended_file import AppendedFile
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.plain import PlainSpool
from analyzer.sharing.redaction.packets import PacketRedactor
from analyzer.sharing.redaction.replacements import difference
from analyzer.sharing.redaction.spool import StreamSpool


class _Counted(NamedTuple):
    """What was counted: replacements by kind, zeroed bytes, connections, those that stay closed; who was opened."""

    replaced: dict[str, int]
    zeroed: int
    connections: int
    closed: int
    opened: set[int]


class RedactionShares:
    """Of what was replaced: names of schemas and accounts are known to all alike, or one process finds them all."""

    def __init__(self, packets: PacketRedactor, streams: StreamSpool, plain: PlainSpool, ends: ConnectionEnds) -> None:
        self._packets = packets
        self._streams, self._plain, self._ends = streams, plain, ends
        self._before = self._counted()

    def _counted(self) -> _Counted:
        packets, ends = self._packets, self._ends
        counts = dict(packets.replacements.counts)
        return _Counted(counts, packets.zeroed, ends.count, ends.closed, set(self._plain.opened))

    def settled(self) -> object:
        return self._packets.sql.known_names

    def share(self) -> None:
        self._before = self._counted()
        for file in self._files():
            file.share()

    def found(self) -> _Counted:
        now, before = self._counted(), self._before
        return _Counted(
            difference(now.replaced, before.replaced),
            now.zeroed - before.zeroed,
            now.connections - before.connections,
            now.closed - before.closed,
            now.opened - before.opened,
        )

    def join(self, found: _Counted) -> None:
        packets, ends = self._packets, self._ends
        for kind, count in found.replaced.items():
            packets.replacements.count(kind, count)
        packets.zeroed += found.zeroed
        ends.count += found.connections
        ends.closed += found.closed
        self._plain.opened |= found.opened

    def forget_others(self) -> None:
        for file in self._files():
            file.forget_others()

    def _files(self) -> tuple[AppendedFile, ...]:
        return *self._streams.files, *self._plain.files, self._ends.rows.file

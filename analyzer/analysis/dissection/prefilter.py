"""What of a connection's packets has to be looked at for what is asked of them: most can be passed over."""

from __future__ import annotations

from typing import Final

from analyzer.analysis.dissection.computed_fields import GETTERS, OF_FRAME, REQUEST_FIELDS
from analyzer.analysis.dissection.fields.extract import HEADERS, MAKERS, NOTES
from analyzer.analysis.dissection.filters import Filter
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.packets.field_spans import record_name
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.records.base import Malformed
from analyzer.protocol.records.response import Data
from analyzer.protocol.tables.commands import COM_QUERY, COM_QUIT
from analyzer.protocol.wire.framing import RawPacket

# What an observer that is `full` is not told of, or only undecoded.
ROWS: Final = frozenset(
    {"TextRow", "BinaryRow", "ColumnDefinition41", "ColumnDefinition320", "Statistics", "BinlogEvent"}
    | {"Data row", "Data column", "Data parameter", "Data event"}
)


class Sieve:
    """Tells from its record alone that a packet can not match, which is so of most; decided once for each record."""

    __slots__ = ("_asked", "_keep", "_known", "_tracks")

    def __init__(self, keep: Filter, asked: frozenset[str] | None = None, tracks: bool = False) -> None:
        """With `asked`, packets of a frame are looked at together: those pass that have one of these fields.

        `tracks` says that what a packet answers is shown, whatever the filter asks for.
        """
        self._keep = keep
        self._asked = asked
        self._known: dict[str, bool] = {}
        self._tracks = tracks or bool(keep.fields & REQUEST_FIELDS)

    def passes(self, scene: RequestTracker, role: int, packet: RawPacket, record: AnyRecord, machine: Machine) -> bool:
        """Whether the packet may match. What it says of commands and their answers is noted if the filter asks that."""
        known = isinstance(record, Malformed) or self.may(record_name(record))
        if not known and self._tracks:
            scene.request(role, packet, record, machine)
        return known

    def may(self, name: str) -> bool:
        """Whether packets of such records may match."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._holds(name)
        return known

    def _holds(self, name: str) -> bool:
        if self._asked is None:
            return self._keep.can_hold(lambda field: _has(name, field))
        return any(field not in OF_FRAME and _has(name, field) for field in self._asked)


def _has(record: str, field: str) -> bool:
    makers = MAKERS.get(field, frozenset())
    # An event of a binlog has whatever its type has.
    return field in GETTERS or field in HEADERS or field in NOTES or record in makers


def in_rows(name: str) -> bool:
    """Whether rows, definitions and events may have the field: what is passed over where nobody asks for it."""
    return name in GETTERS or name in HEADERS or name in NOTES or bool(MAKERS.get(name, frozenset()) & ROWS)


# Commands that are known groups, by their codes.
_PLAIN: Final = {COM_QUERY: "ComQuery", COM_QUIT: "ComQuit"}
# What the layer around a packet says of it, and what rows alone can tell.
_OF_PACKETS: Final = frozenset({"tls", "handshark.encrypted", "handshark.capture"})


class Skim:
    """What is looked at where rows and definitions say nothing of what is asked, and frames are shown as a whole.

    Packets that hold none of the fields are not decoded: of them it counts only that their frame holds packets.

    frames      every frame with packets is shown, or may match
    spoken      codes of plain commands that hold what is asked: of COM_QUERY and COM_QUIT
    turns       plain responses do not, and may be passed over; so may plain executes where `executes` says so, errors
                and what ends a connection where `failures` does
    """

    __slots__ = ("_asked", "_known", "executes", "failures", "frames", "spoken", "turns")

    def __init__(self, asked: frozenset[str], frames: bool) -> None:
        self._asked = asked
        self._known: dict[str, bool] = {}
        self.frames = frames
        self.spoken = frozenset(code for code, name in _PLAIN.items() if self._holds(name))
        self.executes = not self._holds("ComStmtExecute")
        self.failures = not self._holds("ErrPacket")
        self.turns = not any(map(self._holds, ("OKPacket", "EOFPacket", "ColumnCount")))

    @classmethod
    def of(cls, keep: Filter | None, fields: frozenset[str]) -> Skim | None:
        """The skim for a filter and the fields that are shown; None where every packet has to be looked at."""
        asked = fields | (keep.fields if keep is not None else frozenset())
        inside = asked - OF_FRAME
        if asked & _OF_PACKETS:
            return None
        if keep is not None and "mysql" in inside and "mysql" not in fields | keep.valued:
            inside -= {"mysql"}  # whether there are packets at all
        if any(map(in_rows, inside)):
            return None
        around = OF_FRAME | {"mysql"}
        return cls(inside, keep is None or keep.can_hold(around.__contains__))

    def wants(self, record: AnyRecord) -> bool:
        """Whether a packet may hold what is asked."""
        # Data goes by several names.
        kind = f"Data {record.kind}" if isinstance(record, Data) else type(record).__name__
        known = self._known.get(kind)
        if known is None:
            known = self._known[kind] = isinstance(record, Malformed) or self._holds(kind)
        return known

    def _holds(self, name: str) -> bool:
        return any(name in MAKERS.get(field, ()) for field in self._asked)

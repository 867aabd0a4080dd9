"""Session state changes: what an OK packet says of the session when SERVER_SESSION_STATE_CHANGED is set.

Sources: MySQL source documentation, "OK_Packet" (session state information); MariaDB Server documentation, "OK_Packet".
Each change is int<1> type, string<lenenc> data; what the data holds depends on the type. A type nobody knows, and data
that is not what its type says, is kept as it stands.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from analyzer.errors import DecodeError
from analyzer.protocol.records.nested import enter, narrow, probe
from analyzer.protocol.tables.session_track import (
    SESSION_TRACK_GTIDS,
    SESSION_TRACK_SCHEMA,
    SESSION_TRACK_STATE_CHANGE,
    SESSION_TRACK_SYSTEM_VARIABLES,
    SESSION_TRACK_TRANSACTION_CHARACTERISTICS,
    SESSION_TRACK_TRANSACTION_STATE,
    SESSION_TRACK_TYPES,
)
from analyzer.protocol.wire.reader import Reader, Writer


class SessionChange(msgspec.Struct, frozen=True, tag_field="change"):
    """One change. `kind` is its byte on the wire."""

    @property
    def kind(self) -> int:
        raise NotImplementedError

    @classmethod
    def read(cls, r: Reader) -> Self:
        """Reads the data, which ends with the reader."""
        raise NotImplementedError

    def write(self, w: Writer) -> None:
        raise NotImplementedError

    def summary(self) -> str:
        return ""


class SystemVariable(SessionChange, frozen=True, tag="SESSION_TRACK_SYSTEM_VARIABLES"):
    """A system variable of the session has a new value."""

    name: str
    value: str

    @property
    def kind(self) -> int:
        return SESSION_TRACK_SYSTEM_VARIABLES

    @classmethod
    def read(cls, r: Reader) -> Self:
        return cls(r.lenenc_text("session_track_variable"), r.lenenc_text("session_track_value"))

    def write(self, w: Writer) -> None:
        w.lenenc_bytes(self.name)
        w.lenenc_bytes(self.value)

    def summary(self) -> str:
        return f"{self.name} = {self.value!r}"


class _OneText(SessionChange, frozen=True):
    """Changes that are one string<lenenc>."""

    value: str

    @classmethod
    def read(cls, r: Reader) -> Self:
        return cls(r.lenenc_text("session_track_value"))

    def write(self, w: Writer) -> None:
        w.lenenc_bytes(self.value)


class Schema(_OneText, frozen=True, tag="SESSION_TRACK_SCHEMA"):
    """The default schema is another."""

    @property
    def kind(self) -> int:
        return SESSION_TRACK_SCHEMA

    def summary(self) -> str:
        return f"schema {self.value!r}"


class StateChange(SessionChange, frozen=True, tag="SESSION_TRACK_STATE_CHANGE"):
    """Whether session state changed ("1") that is not listed itself.

    The manual makes it a string<lenenc>; both servers write it without a length.
    """

    value: str

    @classmethod
    def read(cls, r: Reader) -> Self:
        return cls(r.rest_text("session_track_value"))

    def write(self, w: Writer) -> None:
        w.raw(self.value)

    @property
    def kind(self) -> int:
        return SESSION_TRACK_STATE_CHANGE

    def summary(self) -> str:
        return f"session state changed: {self.value}"


class Gtids(SessionChange, frozen=True, tag="SESSION_TRACK_GTIDS"):
    """GTIDs of the transaction that was committed, as text. `encoding_specification` is 0."""

    encoding_specification: int
    value: str

    @property
    def kind(self) -> int:
        return SESSION_TRACK_GTIDS

    @classmethod
    def read(cls, r: Reader) -> Self:
        return cls(r.u8("session_track_encoding"), r.lenenc_text("session_track_value"))

    def write(self, w: Writer) -> None:
        w.u8(self.encoding_specification)
        w.lenenc_bytes(self.value)

    def summary(self) -> str:
        return f"GTIDs {self.value}"


class TransactionCharacteristics(_OneText, frozen=True, tag="SESSION_TRACK_TRANSACTION_CHARACTERISTICS"):
    """Statements that begin the transaction anew elsewhere; empty where there is none."""

    @property
    def kind(self) -> int:
        return SESSION_TRACK_TRANSACTION_CHARACTERISTICS

    def summary(self) -> str:
        return f"transaction: {self.value!r}"


class TransactionState(_OneText, frozen=True, tag="SESSION_TRACK_TRANSACTION_STATE"):
    """Eight letters, one for each kind of thing the transaction has done: `T_RW____` and the like."""

    @property
    def kind(self) -> int:
        return SESSION_TRACK_TRANSACTION_STATE

    def summary(self) -> str:
        return f"transaction state {self.value}"


class RawChange(SessionChange, frozen=True, tag="raw"):
    """A change of a type nobody knows, or whose data is not what its type says."""

    type: int
    data: bytes

    @property
    def kind(self) -> int:
        return self.type

    def write(self, w: Writer) -> None:
        w.raw(self.data)

    def summary(self) -> str:
        return f"{SESSION_TRACK_TYPES.get(self.type, f'type {self.type}')}: {len(self.data)} bytes"


CHANGES: Final[dict[int, type[SessionChange]]] = {
    SESSION_TRACK_SYSTEM_VARIABLES: SystemVariable,
    SESSION_TRACK_SCHEMA: Schema,
    SESSION_TRACK_STATE_CHANGE: StateChange,
    SESSION_TRACK_GTIDS: Gtids,
    SESSION_TRACK_TRANSACTION_CHARACTERISTICS: TransactionCharacteristics,
    SESSION_TRACK_TRANSACTION_STATE: TransactionState,
}


def read_changes(r: Reader) -> tuple[SessionChange, ...]:
    """Reads the counted list of changes. Raises Truncated where an entry goes beyond it."""
    outer = enter(r, "session_state_info_length")
    changes: list[SessionChange] = []
    while r.pos < r.end:
        type_ = r.u8("session_track_type")
        start = r.pos
        size = r.lenenc("session_track_length")
        end = narrow(r, "session_track_length", size, start)
        kind = CHANGES.get(type_)
        if kind is None or not _fits(kind, r):
            changes.append(RawChange(type_, r.rest("session_track_data")))
        else:
            changes.append(kind.read(r))
        r.end = end
    r.end = outer
    return tuple(changes)


def _fits(kind: type[SessionChange], r: Reader) -> bool:
    ahead = probe(r)
    try:
        kind.read(ahead)
    except DecodeError:
        return False
    return ahead.pos == ahead.end


def write_changes(w: Writer, changes: tuple[SessionChange, ...]) -> None:
    inside = Writer()
    for change in changes:
        data = Writer()
        change.write(data)
        inside.u8(change.kind)
        inside.lenenc_bytes(data.getvalue())
    w.lenenc_bytes(inside.getvalue())

"""Rows of logins of a known shape: a packet's is as in the first of them, but where something free in it is shown."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import Final

from analyzer.analysis.conversation.observer import BaseObserver, KnownLogin
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.dissection.row_lines import RowParts, RowsInHand
from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.wire.framing import HEADER, RawPacket

# Shapes whose rows are remembered.
MOST_SHAPES: Final = 256

# Who sent a packet, the place of the segment in which it ends, and what is shown of it; or the piece that it is in
# each login, and how that is decoded.
_Row = tuple[int, int, bytes, int, Dissection | None, Context | None]


class LoginRows(BaseObserver):
    """Those of one shape: looks at the packets of the first.

    whole  nothing but packets came, and those that are decoded anew come out as they did
    codec  of the client's text behind it
    """

    __slots__ = ("_decodes", "_first", "_login", "_parts", "_rows", "_scene", "codec", "whole")

    def __init__(self, scene: RequestTracker, login: KnownLogin, decodes: bool, parts: RowParts) -> None:
        self._scene = scene
        self._decodes = decodes
        self._login: KnownLogin | None = login
        self._parts = parts
        # The first piece has several segments, each other has one.
        self._first = len(login.frames) - len(login.free)
        self._rows: list[_Row] = []
        self.codec: str | None = None
        self.whole = True
        login.show(self, places=True)
        self._login = None

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        login = self._login
        assert login is not None
        one = Dissection.of(self._scene, role, packet, record, machine, before, False)
        context = copy(machine.context)
        body = self._shown(one)
        piece, told = max(packet.frame - self._first, 0), self._parts.told
        free = login.free[piece]
        if not free if told is None else told.isdisjoint(free):
            self._rows.append((role, packet.frame, body, piece, None, None))
        else:
            alone = login.contents[piece][HEADER:] == packet.payload
            self._rows.append((role, packet.frame, body, piece, one, context))
            self.whole = self.whole and alone and self._body(one, packet.payload, context) == body
        self.codec = machine.context.client_codec

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        self.whole = False

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.whole = False

    def put(self, rows: RowsInHand, login: KnownLogin) -> None:
        """Writes those of another."""
        frames, times = login.frames, login.times
        for role, place, shown, piece, one, context in self._rows:
            body: bytes | None = shown
            if one is not None and context is not None:
                body = self._body(one, login.contents[piece][HEADER:], context)
            rows.begin(role, frames[place], times[place])
            rows.lines.put(body or shown)
            rows.end()

    def _shown(self, one: Dissection) -> bytes:
        one.settle(self._decodes)
        return self._parts.body(one)

    def _body(self, one: Dissection, payload: bytes, context: Context) -> bytes | None:
        """What is shown of a packet with other bytes; None where they are none of it."""
        with suppress(DecodeError):
            return self._shown(one.other(payload, context))
        return None


class KnownLoginRows:
    """Those of all shapes of a capture; `decodes`: fields of packets are shown."""

    __slots__ = ("_decodes", "_parts", "_shapes")

    def __init__(self, decodes: bool, parts: RowParts) -> None:
        self._decodes = decodes
        self._parts = parts
        self._shapes: dict[object, LoginRows] = {}

    def of(self, scene: RequestTracker, login: KnownLogin) -> LoginRows | None:
        """Those of a login's shape; None where it has to be looked at packet by packet."""
        found = self._shapes.get(login.shape)
        if found is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            found = self._shapes[login.shape] = LoginRows(scene, login, self._decodes, self._parts)
        return found if found.whole else None

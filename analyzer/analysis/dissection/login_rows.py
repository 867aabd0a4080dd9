"""Rows of logins of a known shape: each is as in the first of them, but for what the greeting says of itself."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Final

from analyzer.analysis.conversation.observer import BaseObserver, KnownLogin
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.dissection.request_tracker import RequestTracker
from analyzer.analysis.dissection.row_lines import RowsInHand
from analyzer.protocol.machine.machine import AnyRecord, Machine
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10
from analyzer.protocol.wire.framing import RawPacket

# Shapes whose rows are remembered.
MOST_SHAPES: Final = 256

Body = Callable[[Dissection], bytes]


class LoginRows(BaseObserver):
    """Those of one shape: looks at the packets of the first.

    whole  nothing but packets came
    codec  of the client's text behind it
    """

    __slots__ = ("_body", "_greeting", "_packets", "_scene", "codec", "whole")

    def __init__(self, scene: RequestTracker, body: Body) -> None:
        self._scene = scene
        self._body = body
        self._greeting: Dissection | None = None
        # Who sent each packet, the place of the segment in which it ends, and what is shown of it.
        self._packets: list[tuple[int, int, bytes]] = []
        self.codec: str | None = None
        self.whole = True

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        one = Dissection.of(self._scene, role, packet, record, machine, before, False)
        body = self._body(one)
        if isinstance(record, HandshakeV10 | HandshakeV9):
            one.settle(False)
            self._greeting, body = one, b""
        self._packets.append((role, packet.frame, body))
        self.codec = machine.context.client_codec

    def event(self, role: int, record: str, summary: str, length: int, frame: int, time_ns: int) -> None:
        self.whole = False

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.whole = False

    def put(self, rows: RowsInHand, login: KnownLogin) -> None:
        """Writes those of another."""
        frames, times = login.frames, login.times
        for role, place, shown in self._packets:
            body = shown
            if not body:
                assert self._greeting is not None
                one = copy(self._greeting)
                one.record = login.greeting
                body = self._body(one)
            rows.begin(role, frames[place], times[place])
            rows.lines.put(body)
            rows.end()


class KnownLoginRows:
    """Those of all shapes of a capture. `body` makes what is shown of a packet."""

    __slots__ = ("_body", "_shapes")

    def __init__(self, body: Body) -> None:
        self._body = body
        self._shapes: dict[object, LoginRows] = {}

    def of(self, scene: RequestTracker, login: KnownLogin) -> LoginRows | None:
        """Those of a login's shape; None where it has to be looked at packet by packet."""
        found = self._shapes.get(login.shape)
        if found is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            found = self._shapes[login.shape] = LoginRows(scene, self._body)
            login.show(found, places=True)
        return found if found.whole else None

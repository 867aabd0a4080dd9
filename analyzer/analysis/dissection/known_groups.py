"""Packets of a frame that come again and again: what is asked of them is worked out of the first, but for their frame.

Logins of one shape hold the same fields but for those that are free, many statements are sent again and again, and of
most answers nothing is asked but that they are there. What was worked out once is a `KnownGroup`; of those that follow
only the frame's own fields are read. It is used where packets that come again differ in nothing that is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from analyzer.analysis.conversation.observer import KnownLogin, Observer
from analyzer.analysis.dissection.computed_fields import GETTERS, OF_EACH_FRAME, FrameView
from analyzer.analysis.dissection.fields.base import Value
from analyzer.analysis.dissection.fields.extract import given_by
from analyzer.analysis.dissection.packet import Dissection, FrameGroup

# Statements that are remembered, and bytes of one.
MOST_STATEMENTS: Final = 1 << 12
LONGEST_STATEMENT: Final = 1 << 10

# What a statement is told from others by: its payload, its character set, what is in force, whether TLS is around it.
StatementKey = tuple[bytes, str | None, int, bool]


class KnownGroup:
    """Packets of one frame, and what its owner knows of them.

    passes  whether the filter lets them through, where it asks nothing of their frame
    row     makes a row of them in another frame
    """

    __slots__ = ("packets", "passes", "role", "row", "source")

    def __init__(self, packets: list[Dissection]) -> None:
        self.packets = packets
        self.role = packets[0].role
        self.source = FrameGroup(packets)
        self.passes: bool | None = None
        self.row: Callable[[FrameView], Any] | None = None

    def again(self, view: FrameView) -> list[Dissection]:
        """The packets in another frame."""
        return [one.again(view) for one in self.packets]


class InFrame:
    """A known group in a frame, as display filters ask it."""

    __slots__ = ("group", "view")

    def __init__(self, group: KnownGroup, view: FrameView) -> None:
        self.group = group
        self.view = view

    def values(self, name: str) -> Sequence[Value]:
        if name in OF_EACH_FRAME:
            return GETTERS[name](self.view)  # type: ignore[arg-type]
        return self.group.source.values(name)


class Looking(Protocol):
    """Who puts packets into groups: what looks on for it, and the groups."""

    watcher: Observer

    def groups(self) -> list[list[Dissection]]:
        """All of them; nothing more comes."""


class KnownGroups:
    """Those of one analysis, for the fields that are asked."""

    def __init__(self, asked: frozenset[str]) -> None:
        self._asked = asked
        # By shape of login: groups with the places of their segments; None where something asked is free.
        self._logins: dict[object, list[tuple[KnownGroup, int]] | None] = {}
        # None: it was seen once.
        self._statements: dict[StatementKey, KnownGroup | None] = {}
        self._unread: dict[int, KnownGroup] = {}

    def of_login(self, login: KnownLogin, look: Callable[[], Looking]) -> list[tuple[KnownGroup, int]] | None:
        """The groups of a login with the places of their segments; None where it has to be looked at packet by packet.

        `look` makes who looks at the first of its shape.
        """
        shape = login.shape
        if shape not in self._logins:
            self._logins[shape] = self._learnt(login, look())
        return self._logins[shape]

    def _learnt(self, login: KnownLogin, looked: Looking) -> list[tuple[KnownGroup, int]] | None:
        if not self._asked.isdisjoint(given_by(frozenset().union(*login.free))):
            return None
        login.show(looked.watcher, places=True)
        return [(KnownGroup(group), group[0].frame) for group in looked.groups()]

    def statement(self, key: StatementKey, make: Callable[[], Dissection]) -> KnownGroup | None:
        """A client's packet that is one statement, made by `make`; None where it has not come before."""
        known = self._statements
        found = known.get(key)
        if found is None and len(key[0]) <= LONGEST_STATEMENT:
            if key in known:
                found = known[key] = KnownGroup([make()])
            else:
                if len(known) >= MOST_STATEMENTS:
                    known.clear()
                known[key] = None
        return found

    def unread(self, view: FrameView) -> KnownGroup:
        """Packets of a frame of which nothing is asked but that they are there."""
        found = self._unread.get(view.role)
        if found is None:
            one = Dissection.passed(view.scene, view.role, view.frame, view.time_ns)
            found = self._unread[view.role] = KnownGroup([one])
        return found

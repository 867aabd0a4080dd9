"""Sessions that are known as a whole: what becomes of one behind its login is what becomes of all."""

from __future__ import annotations

from typing import Final

from analyzer.analysis.conversation.login_shapes import PlainSession, SessionShape, turns_of
from analyzer.analysis.conversation.observer import TurnObserver
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.tables.commands import COM_PING, COM_QUERY, COM_QUIT
from analyzer.sharing.redaction.replacements import difference
from analyzer.sharing.redaction.turns import TurnRedactor

# Commands that leave nothing behind which the next one needs.
_ALONE: Final = frozenset({COM_QUERY, COM_PING, COM_QUIT})
_MOST: Final = 1024


class RedactedSession:
    """What becomes of what both say behind a login, as long as `version` names are known.

    counts  what was replaced in it, by kind; `zeroed` bytes of it were not understood
    """

    __slots__ = ("answered", "asked", "counts", "version", "zeroed")

    def __init__(self, said: tuple[bytes, bytes], counts: dict[str, int], zeroed: int, version: int) -> None:
        self.asked, self.answered = said
        self.counts = counts
        self.zeroed = zeroed
        self.version = version


class _Listening(TurnObserver):
    """Notes what becomes of turns."""

    __slots__ = ("_escapes", "_turns", "answered", "asked")

    def __init__(self, turns: TurnRedactor, escapes: bool | None) -> None:
        self._turns = turns
        self._escapes = escapes
        self.asked: list[bytes] = []
        self.answered: list[bytes | bytearray] = []

    @property
    def turns(self) -> bool:
        return True

    @property
    def failures(self) -> bool:
        return True

    @property
    def all_turns(self) -> bool:
        return True

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        turns = self._turns
        self._escapes = turns.turn(turn, machine, self._escapes)
        self.asked.append(turns.asked)
        self.answered.append(turns.answered)


class KnownSessions:
    """Redacted sessions; None for those of which not all comes in turns."""

    __slots__ = ("_known", "turns")

    def __init__(self, turns: TurnRedactor) -> None:
        self.turns = turns
        self._known: dict[SessionShape, RedactedSession | None] = {}

    def get(self, plain: PlainSession, client: int, escapes: bool | None, ends: Ends) -> RedactedSession | None:
        """What becomes of a session behind its login; `escapes`: whether a backslash escapes there."""
        session = plain.session
        if session is None:
            return None
        names = self.turns.packets.sql
        if session in self._known:
            found = self._known[session]
            if found is None or found.version == names.known_names:
                return found
        version = names.known_names
        made = self._made(session, client, escapes, ends)
        if version != names.known_names:
            return None  # it names somebody for the first time
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[session] = made
        return made

    def _made(self, session: SessionShape, client: int, escapes: bool | None, ends: Ends) -> RedactedSession | None:
        if not _ALONE.issuperset(session.codes):
            return None
        packets, listening = self.turns.packets, _Listening(self.turns, escapes)
        counts = packets.replacements.counts
        before, zeroed = dict(counts), packets.zeroed
        nothing = [0] * len(session.said)
        turns_of(client, session.login, ends, session.said, nothing, nothing, listening)
        replaced, left = difference(counts, before), packets.zeroed - zeroed
        # It has not come yet.
        counts.clear()
        counts.update(before)
        packets.zeroed = zeroed
        said = b"".join(listening.asked), b"".join(listening.answered)
        for by_client, made in zip((True, False), said, strict=True):
            if sum(len(data) for one, data in session.said if one == by_client) != len(made):
                return None
        return RedactedSession(said, replaced, left, packets.sql.known_names)

"""Commands that failed, had no whole answer, or kept their client waiting: by error code and statement, over time.

Memory depends on the number of groups and slots, not of commands.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from analyzer.analysis.model.command import MISSING, Command

# Why a command is counted here.
FAILED: Final = "failed"  # the server answered with an error
CUT_OFF: Final = "cut off"  # its answer is not in the capture, or not all of it
WAITED: Final = "waited"  # its answer began after WAITED_NS
REASONS: Final = (FAILED, CUT_OFF, WAITED)

WAITED_NS: Final = 1_000_000_000
# Groups that are told apart for each reason; what comes later is counted together.
MOST_GROUPS: Final = 1000
OTHERS: Final = "(others)"
# Slots of time that are kept; they grow as the capture turns out to be longer.
SLOTS: Final = 64
SLOT_NS: Final = 1_000_000_000
# Connections of a group that are told apart.
MOST_CONNECTIONS: Final = 1000


class Occurrences(msgspec.Struct):
    """When something happened: first and last time, and how often in each slot of `slot_ns`.

    Slots begin at multiples of their length, so that those of several processes fall together.
    """

    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    slot_ns: int = SLOT_NS
    slots: dict[int, int] = {}

    def add(self, time_ns: int) -> None:
        if time_ns < self.first_ns or not self.count:
            self.first_ns = time_ns
        if time_ns > self.last_ns or not self.count:
            self.last_ns = time_ns
        self.count += 1
        slots, slot = self.slots, time_ns // self.slot_ns
        slots[slot] = slots.get(slot, 0) + 1
        if len(slots) > SLOTS:
            self._bound()

    def merge(self, other: Occurrences) -> None:
        if not other.count:
            return
        self.first_ns = min(self.first_ns, other.first_ns) if self.count else other.first_ns
        self.last_ns = max(self.last_ns, other.last_ns) if self.count else other.last_ns
        self.count += other.count
        while self.slot_ns < other.slot_ns:
            self._double()
        shift = self.slot_ns // other.slot_ns
        for slot, number in other.slots.items():
            self.slots[slot // shift] = self.slots.get(slot // shift, 0) + number
        self._bound()

    def busiest(self) -> tuple[int, int, int]:
        """(start, length, how often) of the slot in which it happened most."""
        slot, number = max(self.slots.items(), key=lambda item: (item[1], -item[0]))
        return slot * self.slot_ns, self.slot_ns, number

    def _bound(self) -> None:
        while len(self.slots) > SLOTS:
            self._double()

    def _double(self) -> None:
        self.slot_ns *= 2
        halved: dict[int, int] = {}
        for slot, number in self.slots.items():
            halved[slot // 2] = halved.get(slot // 2, 0) + number
        self.slots = halved


class FailureGroup(msgspec.Struct):
    """Commands with the same statement that failed with the same error, were cut off, or waited.

    `message` and `example` (capture, stream, frame) are those of the one that began first, of several that began at one
    time of the least of these; `longest_ns` is the longest wait.
    """

    reason: str
    code: int | None
    statement: str
    message: str = ""
    when: Occurrences = msgspec.field(default_factory=Occurrences)
    connections: set[tuple[str, int]] = set()
    longest_ns: int = 0
    example: tuple[str, int, int] | None = None

    def add(self, where: tuple[str, int, int], time_ns: int, latency_ns: int | None, message: str) -> None:
        """One more, at (capture, stream, frame)."""
        if self._is_first(time_ns, where):
            self.example, self.message = where, message
        self.when.add(time_ns)
        if len(self.connections) < MOST_CONNECTIONS:
            self.connections.add(where[:2])
        self.longest_ns = max(self.longest_ns, latency_ns or 0)

    def _is_first(self, time_ns: int, where: tuple[str, int, int]) -> bool:
        return self.example is None or (time_ns, where) < (self.when.first_ns, self.example)

    def merge(self, other: FailureGroup) -> None:
        if other.example is not None and self._is_first(other.when.first_ns, other.example):
            self.example, self.message = other.example, other.message
        self.when.merge(other.when)
        room = MOST_CONNECTIONS - len(self.connections)
        if room >= len(other.connections):
            self.connections |= other.connections
        elif room:  # as many as one that counts all of them keeps
            self.connections |= set(sorted(other.connections - self.connections)[:room])
        self.longest_ns = max(self.longest_ns, other.longest_ns)


def reason_of(command: Command) -> str | None:
    """Why a command counts as one with which something was wrong; None where nothing was."""
    if command.error is not None:
        return FAILED
    if command.response == MISSING or command.complete is False:
        return CUT_OFF
    if command.latency_ns is not None and command.latency_ns >= WAITED_NS:
        return WAITED
    return None


class CommandTrouble(NamedTuple):
    """A command with which something was wrong. `statement` is its statement without literals; of error and message
    there are none where it did not fail."""

    reason: str
    code: int | None
    statement: str
    message: str
    time_ns: int
    latency_ns: int | None
    frame: int


def trouble_of(command: Command, reason: str, statement: str) -> CommandTrouble:
    """That of a command, for a reason that `reason_of` gave."""
    code, message = (None, "") if command.error is None else (command.error.code, command.error.message)
    return CommandTrouble(reason, code, statement, message, command.time_ns, command.latency_ns, command.frame)


class CommandFailures(msgspec.Struct):
    """All of them, by reason, code and statement."""

    groups: dict[tuple[str, int | None, str], FailureGroup] = {}

    def add(self, command: Command, reason: str, statement: str) -> None:
        """Counts a command for a reason that `reason_of` gave. `statement` is its statement without literals."""
        self.put(trouble_of(command, reason, statement), command.capture, command.stream)

    def put(self, trouble: CommandTrouble, capture: str, stream: int) -> None:
        """Counts a command of a connection."""
        reason, code, statement, message, time_ns, latency_ns, frame = trouble
        self.group(reason, code, statement).add((capture, stream, frame), time_ns, latency_ns, message)

    def place(self, capture: str, stream: int) -> None:
        """Says where they were, of a connection whose number was not known while they were counted."""
        for group in self.groups.values():
            group.connections = {(capture, stream)}
            group.example = None if group.example is None else (capture, stream, group.example[2])

    def merge(self, other: CommandFailures) -> None:
        """Adds what another process, or another capture, has seen."""
        for group in other.groups.values():
            self.group(group.reason, group.code, group.statement).merge(group)

    def of(self, reason: str) -> list[FailureGroup]:
        """The groups of a reason: the most frequent first, of those that waited the longest first."""
        found = [group for group in self.groups.values() if group.reason == reason]
        if reason == WAITED:
            return sorted(found, key=lambda group: (-group.longest_ns, group.statement))
        return sorted(found, key=lambda group: (-group.when.count, group.code or 0, group.statement))

    def count(self, reason: str) -> int:
        """How many commands there are of a reason."""
        return sum(group.when.count for group in self.groups.values() if group.reason == reason)

    def group(self, reason: str, code: int | None, statement: str) -> FailureGroup:
        """The group of these; that of all others where there are too many."""
        key = (reason, code, statement)
        group = self.groups.get(key)
        if group is None:
            if len(self.groups) >= MOST_GROUPS:
                key = (reason, None, OTHERS)
            group = self.groups.setdefault(key, FailureGroup(*key))
        return group

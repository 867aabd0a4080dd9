"""What the commands of a capture come to: what they were for, by statement, over time, and those with which something
was wrong. Counted for each connection while they end, and merged.

Memory depends on the number of different statements, not of commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.commands.failures import WAITED_NS, CommandFailures, Occurrences, reason_of
from analyzer.analysis.commands.pending import PendingCommand, Request, asked_statement, shown_statement
from analyzer.analysis.commands.statistics import OTHERS, CommandGroup, statement_name, statement_of
from analyzer.analysis.commands.tracker import CommandTracker
from analyzer.analysis.model.command import ENCRYPTED, MISSING, Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.tables.commands import COM_STMT_PREPARE, COMMAND_NAMES, COMMANDS

if TYPE_CHECKING:
    from analyzer.analysis.commands.digest import Digests

READING: Final = "reading"
WRITING: Final = "writing"
REPLICATION: Final = "replication"
OTHER_USE: Final = "other"

# The first word of a statement -> what it is for; all that is not here is something else.
_USES: Final = {
    **dict.fromkeys(("select", "show", "with", "table", "values", "explain", "describe", "desc"), READING),
    **dict.fromkeys(("insert", "update", "delete", "replace", "load", "truncate"), WRITING),
}
_REPLICATING: Final = frozenset({"binlog_dump", "binlog_dump_gtid", "register_slave", "table_dump"})
_LONGEST_WORD: Final = 10

# Statements that are told apart, of one connection and of all.
MOST_OF_ONE: Final = 500
MOST_STATEMENTS: Final = 5000
# Texts whose name is kept at hand, and their characters.
MOST_TEXTS: Final = 10_000
MOST_CHARACTERS: Final = 8 << 20
# Bytes that a group of commands takes, roughly.
GROUP: Final = 1500
# The first slots of time: they grow with the capture.
SLOT_NS: Final = 1_000_000


def use_of(code: int, statement: str | None) -> str:
    """What a command is for. The first word of a statement says it; a comment is not looked into."""
    if statement is None or code == COM_STMT_PREPARE:
        return REPLICATION if COMMANDS.get(code) in _REPLICATING else OTHER_USE
    words = statement[: _LONGEST_WORD * 2].split(None, 1)
    return _USES.get(words[0].lower(), OTHER_USE) if words else OTHER_USE


def _moments() -> Occurrences:
    return Occurrences(slot_ns=SLOT_NS)


class Workload(msgspec.Struct):
    """Commands by use, by statement, over time; partial results merge.

    `statements` has one group with an empty name where statements are not told apart. `failed`: times of those that the
    server answered with an error.
    """

    uses: Counter[str] = msgspec.field(default_factory=Counter)
    statements: dict[str, CommandGroup] = {}
    failures: CommandFailures = msgspec.field(default_factory=CommandFailures)
    went_well: Occurrences = msgspec.field(default_factory=_moments)
    failed: Occurrences = msgspec.field(default_factory=_moments)

    @property
    def commands(self) -> int:
        """How many there are."""
        return self.went_well.count + self.failed.count

    def whole(self) -> CommandGroup:
        """All commands as one group."""
        found = CommandGroup("all")
        for group in self.statements.values():
            found.merge(group)
        return found

    def place(self, capture: str, stream: int) -> None:
        """Says where they were, of a connection whose number was not known while they were counted."""
        for group in self.statements.values():
            group.example = None if group.example is None else (capture, stream, group.example[2])
        for failure in self.failures.groups.values():
            failure.connections = {(capture, stream)}
            failure.example = None if failure.example is None else (capture, stream, failure.example[2])

    def merge(self, other: Workload) -> None:
        """Adds what another connection, process or capture has seen."""
        self.uses.update(other.uses)
        self.failures.merge(other.failures)
        self.went_well.merge(other.went_well)
        self.failed.merge(other.failed)
        for name, group in other.statements.items():
            self.group(name, MOST_STATEMENTS).merge(group)

    def slowest(self, most: int) -> list[CommandGroup]:
        """The statements that took most time together, the first of them first."""
        ranked = sorted(self.statements.values(), key=lambda one: (-one.durations.total, -one.count, one.name))
        return ranked[:most]

    def group(self, name: str, most: int) -> CommandGroup:
        """The group of this name; that of all others where there are `most` already."""
        found = self.statements.get(name)
        if found is None:
            name = name if len(self.statements) < most else OTHERS
            found = self.statements.setdefault(name, CommandGroup(name))
        return found


class WorkloadCounter:
    """Counts commands of one capture, in one process. `statements`: whether they are told apart.

    `capture` is the capture's name: it is set before the first command ends.
    """

    def __init__(self, mask: StatementMask | None, statements: bool) -> None:
        self.capture = ""
        self._mask = mask
        self._statements = statements
        self._digests: Digests | None = None
        self._known: dict[tuple[int, str | None], tuple[str, str]] = {}
        self._characters = 0
        self._begun: list[WorkloadTracker] = []
        self._open: dict[int, WorkloadTracker] = {}

    def watch(self, tcp: TcpConnection) -> WorkloadTracker:
        """Who looks on at a connection that begins."""
        return WorkloadTracker(tcp, self, self._begun.append)

    def taken(self, stream: int) -> Workload | None:
        """What the commands of the connection with this number came to, once it is over; None where it had none."""
        self._number()
        tracker = self._open.pop(stream, None)
        if tracker is None:
            return None
        tracker.workload.place(self.capture, stream)
        return tracker.workload

    def going_on(self) -> list[tuple[int, TcpConnection]]:
        """The connections that are not over, by number. Those that ended and were not taken are forgotten."""
        self._number()
        self._open = {number: one for number, one in self._open.items() if one.tcp.handler is not None}
        return [(number, one.tcp) for number, one in self._open.items()]

    def so_far(self, stream: int) -> Workload:
        """What the commands of a connection that goes on came to since this was asked last; `taken` has the rest."""
        tracker = self._open[stream]
        found = tracker.workload
        if found.commands:
            tracker.workload = Workload()
            found.place(self.capture, stream)
        return found

    def _number(self) -> None:
        """A number is known when the connection has turned out to be MySQL's."""
        for one in self._begun:
            self._open[one.tcp.number] = one
        self._begun.clear()

    def count(self, tracker: CommandTracker, pending: PendingCommand, workload: Workload) -> None:
        """Counts a command that is over."""
        request = pending.request
        name, use = self._kind(request)
        workload.uses[use] += 1
        time_ns = request.time_ns
        failed = pending.error is not None
        (workload.failed if failed else workload.went_well).add(time_ns)
        answered = pending.response_frame is not None
        whole = pending.ended and not pending.torn
        if failed or not whole or (answered and pending.first_ns - time_ns >= WAITED_NS):
            self._noted(tracker.command(self.capture, pending, self._mask), workload)
        rows = (pending.rows or 0) + sum(each.rows or 0 for each in pending.before or ())
        workload.group(name, MOST_OF_ONE).count_one(
            pending.last_ns - time_ns if answered and pending.last_ns >= time_ns else None,
            whole or pending.response == ENCRYPTED,
            failed,
            pending.response == MISSING,
            rows,
            request.length + pending.bytes_response,
            (self.capture, tracker.tcp.number, request.frame),
        )

    def _noted(self, command: Command, workload: Workload) -> None:
        reason = reason_of(command)
        if reason is not None:
            workload.failures.add(command, reason, statement_of(command, self._digest()))

    def _kind(self, request: Request) -> tuple[str, str]:
        """The name of a command's group (its statement without literals, or its name in brackets), and its use."""
        text = asked_statement(request)
        key = request.code, text
        found = self._known.get(key)
        if found is None:
            name = ""
            if self._statements:
                shown = text if text is None or self._mask is None else shown_statement(request, text, self._mask)
                named = COMMAND_NAMES[request.code]
                name = statement_name(named, shown, self._digest()) if shown else f"({named})"
            self._characters += len(text or "")
            if len(self._known) >= MOST_TEXTS or self._characters > MOST_CHARACTERS:
                self._known.clear()
                self._characters = len(text or "")
            self._known[key] = found = name, use_of(request.code, text)
        return found

    def _digest(self) -> Digests:
        if self._digests is None:
            # A large library comes with it, which only failures and statements need.
            from analyzer.analysis.commands.digest import Digests

            self._digests = Digests()
        return self._digests


class WorkloadTracker(CommandTracker):
    """Counts the commands of one connection as they end, and keeps none of them."""

    __slots__ = ("_begun", "_counter", "workload")

    def __init__(self, tcp: TcpConnection, counter: WorkloadCounter, begun: Callable[[WorkloadTracker], None]) -> None:
        super().__init__(tcp, [])
        self.workload = Workload()
        self._counter = counter
        self._begun = begun

    def begin(self, client: int) -> None:
        super().begin(client)
        self._begun(self)

    @property
    def held(self) -> int:
        return super().held + GROUP * len(self.workload.statements)

    def put(self, pending: PendingCommand) -> None:
        self._counter.count(self, pending, self.workload)

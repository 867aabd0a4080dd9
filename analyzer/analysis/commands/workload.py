"""What the commands of a capture come to: what they were for, by statement, over time, and those with which something
was wrong. Counted for each connection while they end, and merged.

Memory depends on the number of different statements, not of commands.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.commands.failures import (
    WAITED_NS,
    CommandFailures,
    CommandTrouble,
    Occurrences,
    reason_of,
    trouble_of,
)
from analyzer.analysis.commands.pending import (
    PendingCommand,
    Request,
    asked_statement,
    pending_of,
    shown_statement,
    text_of,
)
from analyzer.analysis.commands.statistics import OTHERS, CommandGroup, statement_name, statement_of
from analyzer.analysis.commands.turn_tracker import TurnSink, TurnTracker
from analyzer.analysis.conversation.login_shapes import PlainSession, SessionShape, turns_of
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.model.command import ENCRYPTED, MISSING, Command
from analyzer.analysis.packets.statement_mask import StatementMask
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.tables.commands import COM_QUERY, COM_STMT_PREPARE, COMMAND_NAMES, COMMANDS

if TYPE_CHECKING:
    from analyzer.analysis.commands.digest import Digests
    from analyzer.protocol.machine.terminators import Ends

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
# Bytes that a group of commands takes, roughly, and a command that is to be counted.
GROUP: Final = 1500
COUNTED: Final = 250
# Commands of one connection that are counted with those of others once it is over; more are counted apart.
MOST_COUNTED: Final = 16
# Whole sessions of which the commands are known.
MOST_SESSIONS: Final = 4096
# The first slots of time: they grow with the capture.
SLOT_NS: Final = 1_000_000


def use_of(code: int, statement: str | None) -> str:
    """What a command is for. The first word of a statement says it; a comment is not looked into."""
    if statement is None or code == COM_STMT_PREPARE:
        return REPLICATION if COMMANDS.get(code) in _REPLICATING else OTHER_USE
    words = statement[: _LONGEST_WORD * 2].split(None, 1)
    return _USES.get(words[0].lower(), OTHER_USE) if words else OTHER_USE


# A command: the name of its group, its use, its time, whether it failed; then what `CommandGroup.count_one` asks of it
# (duration, whole, missing, rows, bytes), and its frame.
Counted = tuple[str, str, int, bool, int | None, bool, bool, int, int, int]


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

    def count(self, command: Counted, capture: str, stream: int, most: int) -> None:
        """Counts a command of a connection; `most`: statements that are told apart."""
        name, use, time_ns, failed, duration_ns, whole, missing, rows, size, frame = command
        self.uses[use] += 1
        (self.failed if failed else self.went_well).add(time_ns)
        group = self.group(name, most)
        group.count_one(duration_ns, whole, failed, missing, rows, size, (capture, stream, frame))

    def place(self, capture: str, stream: int) -> None:
        """Says where they were, of a connection whose number was not known while they were counted. `failures` is not
        of one connection."""
        for group in self.statements.values():
            group.example = None if group.example is None else (capture, stream, group.example[2])

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


class WorkloadCounter(TurnSink):
    """Counts commands of one capture, in one process. `statements`: whether they are told apart.

    `capture` is the capture's name: it is set before the first command ends.
    """

    def __init__(self, mask: StatementMask | None, statements: bool) -> None:
        super().__init__(0)
        self.whole = True
        self.mask = mask
        self._statements = statements
        self._digests: Digests | None = None
        self._known: dict[tuple[int, str | None], tuple[str, str]] = {}
        self._characters = 0
        self._begun: list[WorkloadTracker] = []
        self._open: dict[int, WorkloadTracker] = {}
        # What is counted of sessions that are known as a whole; None where that is not all of their commands.
        self._sessions: dict[SessionShape, SessionSketch | None] = {}

    def tracker(self, tcp: TcpConnection) -> TurnTracker:
        return SessionSketch(tcp, self, [])

    def watch(self, tcp: TcpConnection) -> WorkloadTracker:
        """Who looks on at a connection that begins."""
        return WorkloadTracker(tcp, self, self._begun)

    def taken(self, stream: int) -> WorkloadTracker | None:
        """Who has counted the commands of the connection with this number, which is over; None where it had none."""
        if self._begun:
            self._number()
        return self._open.pop(stream, None)

    def going_on(self) -> list[tuple[int, TcpConnection]]:
        """The connections that are not over, by number. Those that ended and were not taken are forgotten."""
        self._number()
        self._open = {number: one for number, one in self._open.items() if one.tcp.handler is not None}
        return [(number, one.tcp) for number, one in self._open.items()]

    def so_far(self, stream: int) -> Workload:
        """What the commands of a connection that goes on came to since this was asked last; `taken` has the rest."""
        found = Workload()
        self._open[stream].into(found)
        return found

    def _number(self) -> None:
        """A number is known when the connection has turned out to be MySQL's."""
        for one in self._begun:
            self._open[one.tcp.number] = one
        self._begun.clear()

    def add(self, frame: int, tracker: TurnTracker, each: PlainTurn | PendingCommand) -> None:
        """Counts a command that is over."""
        if isinstance(tracker, WorkloadTracker):
            counted = self._of_turn(tracker, each) if isinstance(each, PlainTurn) else self._of_any(tracker, each)
            tracker.take(counted)

    def session(self, tracker: TurnTracker, plain: object, ends: Ends) -> bool:
        """Counts the commands of a session as those of others that said the same."""
        if not isinstance(plain, PlainSession) or plain.session is None or plain.behind is None:
            return False
        shape, (frames, times) = plain.session, plain.behind
        if shape not in self._sessions:
            if len(self._sessions) >= MOST_SESSIONS:
                self._sessions.clear()
            self._sessions[shape] = self._sketched(tracker, plain, ends)
        known = self._sessions[shape]
        if known is None or not isinstance(tracker, WorkloadTracker):
            return False
        found: list[Counted] = []
        for name, use, begin, failed, took, whole, missing, rows, size, frame in known.commands:
            time_ns = times[begin]
            lasted = None if took is None else times[begin + took] - time_ns
            if lasted is not None and not 0 <= lasted < WAITED_NS:
                return False  # it may be one that waited, or a clock goes back
            found.append((name, use, time_ns, failed, lasted, whole, missing, rows, size, frames[frame]))
        for each in found:
            tracker.take(each)
        for one in known.troubles:
            begin, wait = one.time_ns, one.latency_ns
            latency = None if wait is None else times[begin + wait] - times[begin]
            tracker.note(one._replace(time_ns=times[begin], latency_ns=latency, frame=frames[one.frame]))
        tracker.number = len(found)
        return True

    def _sketched(self, tracker: TurnTracker, plain: PlainSession, ends: Ends) -> SessionSketch | None:
        session, sketch = plain.session, tracker.again()
        if session is None or not isinstance(sketch, SessionSketch):
            return None
        places = [*range(len(session.said))]
        turns_of(tracker.client, plain.shape, ends, session.said, places, places, sketch)
        return sketch if len(sketch.commands) == sum(session.answers.counts.values()) else None

    def _of_turn(self, tracker: WorkloadTracker, turn: PlainTurn) -> Counted:
        """What is counted of a plain command: it has its whole response, or none is due."""
        code, statement, time_ns, last_ns = turn.code, turn.statement, turn.time_ns, turn.last_ns
        text = None if statement is None else statement.query
        if code == COM_QUERY:
            text = text_of(turn.said())
        name, use = self._known.get((code, text)) or self._kind(pending_of(turn, None).request, text)
        failed = turn.failed()
        answered = turn.length > 0
        if failed or (answered and turn.first_ns - time_ns >= WAITED_NS):
            self._noted(tracker.of_turn(self.capture, turn, self.mask), tracker)
        rows = 0 if failed or turn.columns is None or turn.end is None else turn.rows
        took = last_ns - time_ns if answered and last_ns >= time_ns else None
        return (name, use, time_ns, failed, took, True, False, rows, len(turn.request) + turn.length, turn.frame)

    def _of_any(self, tracker: WorkloadTracker, pending: PendingCommand) -> Counted:
        request = pending.request
        text = asked_statement(request)
        name, use = self._known.get((request.code, text)) or self._kind(request, text)
        time_ns = request.time_ns
        failed = pending.error is not None
        answered = pending.response_frame is not None
        whole = pending.ended and not pending.torn
        if failed or not whole or (answered and pending.first_ns - time_ns >= WAITED_NS):
            self._noted(tracker.command(self.capture, pending, self.mask), tracker)
        return (
            name,
            use,
            time_ns,
            failed,
            pending.last_ns - time_ns if answered and pending.last_ns >= time_ns else None,
            whole or pending.response == ENCRYPTED,
            pending.response == MISSING,
            (pending.rows or 0) + sum(each.rows or 0 for each in pending.before or ()),
            request.length + pending.bytes_response,
            request.frame,
        )

    def _noted(self, command: Command, tracker: WorkloadTracker) -> None:
        reason = reason_of(command)
        if reason is not None:
            tracker.note(trouble_of(command, reason, statement_of(command, self._digest())))

    def _kind(self, request: Request, text: str | None) -> tuple[str, str]:
        """The name of a command's group (its statement without literals, or its name in brackets), and its use."""
        name = ""
        if self._statements:
            shown = text if text is None or self.mask is None else shown_statement(request, text, self.mask)
            named = COMMAND_NAMES[request.code]
            name = statement_name(named, shown, self._digest()) if shown else f"({named})"
        self._characters += len(text or "")
        if len(self._known) >= MOST_TEXTS or self._characters > MOST_CHARACTERS:
            self._known.clear()
            self._characters = len(text or "")
        self._known[request.code, text] = found = name, use_of(request.code, text)
        return found

    def _digest(self) -> Digests:
        if self._digests is None:
            # A large library comes with it, which only failures and statements need.
            from analyzer.analysis.commands.digest import Digests

            self._digests = Digests()
        return self._digests


class WorkloadTracker(TurnTracker):
    """Counts the commands of one connection as they end, and keeps none of them but the first few to be counted.

    `wrong`: those with which something was.
    """

    __slots__ = ("_begun", "_counted", "_counter", "_workload", "wrong")

    def __init__(self, tcp: TcpConnection, counter: WorkloadCounter, begun: list[WorkloadTracker]) -> None:
        super().__init__(tcp, counter)
        self._counter = counter
        self.wrong: CommandFailures | None = None
        self._counted: list[Counted] = []
        self._workload: Workload | None = None
        self._begun = begun

    def begin(self, client: int) -> None:
        super().begin(client)
        self._begun.append(self)

    @property
    def held(self) -> int:
        groups = 0 if self._workload is None else len(self._workload.statements)
        return super().held + GROUP * groups + COUNTED * len(self._counted)

    def note(self, trouble: CommandTrouble) -> None:
        """Takes a command with which something was wrong."""
        if self.wrong is None:
            self.wrong = CommandFailures()
        self.wrong.put(trouble, self._counter.capture, self.tcp.number)

    def take(self, command: Counted) -> None:
        """Takes a command that is to be counted."""
        counted = self._counted
        counted.append(command)
        if len(counted) >= MOST_COUNTED:
            if self._workload is None:
                self._workload = Workload()
            self._count(self._workload, MOST_OF_ONE)

    def _count(self, workload: Workload, most: int) -> None:
        capture, stream = self._counter.capture, self.tcp.number
        for each in self._counted:
            workload.count(each, capture, stream, most)
        self._counted.clear()

    def into(self, total: Workload) -> None:
        """Counts all in `total`, where its number is known; it begins anew."""
        capture, stream = self._counter.capture, self.tcp.number
        if self._workload is None:
            self._count(total, MOST_STATEMENTS)
        else:
            self._count(self._workload, MOST_OF_ONE)
            self._workload.place(capture, stream)
            total.merge(self._workload)
            self._workload = None
        if self.wrong is not None:
            self.wrong.place(capture, stream)
            total.failures.merge(self.wrong)
            self.wrong = None


class SessionSketch(WorkloadTracker):
    """What is counted of the commands of a session that is known as a whole: with places among the segments behind its
    login in place of frames and times."""

    __slots__ = ("commands", "troubles")

    def __init__(self, tcp: TcpConnection, counter: WorkloadCounter, begun: list[WorkloadTracker]) -> None:
        super().__init__(tcp, counter, begun)
        self.commands: list[Counted] = []
        self.troubles: list[CommandTrouble] = []

    def take(self, command: Counted) -> None:
        self.commands.append(command)

    def note(self, trouble: CommandTrouble) -> None:
        self.troubles.append(trouble)

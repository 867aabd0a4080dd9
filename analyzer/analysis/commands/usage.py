"""What the commands of a capture were for, how long they took, and those with which something was wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.commands.failures import CommandFailures, reason_of
from analyzer.analysis.commands.statistics import Durations, statement_of
from analyzer.analysis.model.command import Command

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


def use_of(command: Command) -> str:
    """What a command is for. The first word of a statement says it; a comment is not looked into."""
    if command.statement is None or command.command == "stmt_prepare":
        return REPLICATION if command.command in _REPLICATING else OTHER_USE
    words = command.statement[: _LONGEST_WORD * 2].split(None, 1)
    return _USES.get(words[0].lower(), OTHER_USE) if words else OTHER_USE


class CommandUsage(msgspec.Struct):
    """Counted while commands end; partial results merge."""

    commands: int = 0
    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    durations: Durations = msgspec.field(default_factory=Durations)
    failures: CommandFailures = msgspec.field(default_factory=CommandFailures)

    def add(self, command: Command, digests: Digests | None) -> None:
        """`digests` are needed where `reason_of` the command is not None."""
        self.commands += 1
        self.kinds[use_of(command)] += 1
        if command.duration_ns is not None:
            self.durations.add(command.duration_ns)
        reason = reason_of(command)
        if reason is not None and digests is not None:
            self.failures.add(command, reason, statement_of(command, digests))

    def merge(self, other: CommandUsage) -> None:
        """Adds what another process, or another capture, has seen."""
        self.commands += other.commands
        self.kinds.update(other.kinds)
        self.durations.merge(other.durations)
        self.failures.merge(other.failures)

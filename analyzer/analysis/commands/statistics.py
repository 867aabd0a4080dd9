"""Response times and counts of commands, grouped. Memory depends on the number of groups, not of commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from analyzer.analysis.commands.failures import WAITED_NS, CommandFailures, reason_of
from analyzer.analysis.model.command import MISSING, Command

if TYPE_CHECKING:
    from analyzer.analysis.commands.digest import Digests

# Groups of one kind that are told apart; what comes later is counted together.
MOST_GROUPS: Final = 20_000
MOST_CHARACTERS: Final = 16 << 20  # of their names, and of the samples
LONGEST_SAMPLE: Final = 4096  # characters of a statement that stands for its group
OTHERS: Final = "(others)"
# Bits of a duration that are kept in its bucket: percentiles are at most 1/32 too high.
_BITS: Final = 5
# Commands that are about a prepared statement.
OF_STATEMENT: Final = frozenset({"stmt_fetch", "stmt_reset", "stmt_close", "stmt_send_long_data"})

# By "error" only commands that failed are counted: by the code of the error and the statement.
KINDS: Final = ("server", "user", "client", "database", "command", "statement", "error")


def _bucket(ns: int) -> int:
    shift = max(ns.bit_length() - _BITS - 1, 0)
    return (shift << _BITS) + (ns >> shift)


def _highest(bucket: int) -> int:
    """The longest duration that falls into a bucket."""
    shift = max((bucket >> _BITS) - 1, 0)
    return ((bucket - (shift << _BITS) + 1) << shift) - 1


class Durations(msgspec.Struct):
    """How often which duration (nanoseconds) was seen."""

    count: int = 0
    total: int = 0
    longest: int = 0
    buckets: dict[int, int] = {}

    def add(self, ns: int) -> None:
        ns = max(ns, 0)
        self.count += 1
        self.total += ns
        self.longest = max(self.longest, ns)
        buckets, bucket = self.buckets, _bucket(ns)
        buckets[bucket] = buckets.get(bucket, 0) + 1

    def merge(self, other: Durations) -> None:
        self.count += other.count
        self.total += other.total
        self.longest = max(self.longest, other.longest)
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    @property
    def mean(self) -> int | None:
        return self.total // self.count if self.count else None

    def percentile(self, percent: float) -> int | None:
        """The duration that so many percent do not go beyond; exact to 1/32. None where there are none."""
        if not self.count:
            return None
        due = self.count * percent / 100
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= due:
                return min(_highest(bucket), self.longest)
        return self.longest

    def histogram(self) -> Iterator[tuple[int, int, int]]:
        """(from, up to, how many) for each doubling of the duration from the shortest to the longest seen."""
        doublings: dict[int, int] = {}
        for bucket, count in self.buckets.items():
            bits = _highest(bucket).bit_length()
            doublings[bits] = doublings.get(bits, 0) + count
        if doublings:
            for bits in range(min(doublings), max(doublings) + 1):
                yield (1 << bits) >> 1, 1 << bits, doublings.get(bits, 0)


class CommandGroup(msgspec.Struct):
    """Commands that have something in common. `example` is the slowest's (capture, stream, frame), of several that took
    equally long the least of these: whoever counted what, parts merge to the same.

    `sample` is the slowest's statement (of groups by statement), `sample_cut` whether its end is left out.

    `incomplete`: bytes of so many, or of their responses, are missing. Their times are left out, for they are at least
    that; so rows and bytes are at least what is said.
    """

    name: str
    count: int = 0
    errors: int = 0
    unanswered: int = 0
    rows: int = 0
    bytes: int = 0
    incomplete: int = 0
    durations: Durations = msgspec.field(default_factory=Durations)
    example: tuple[str, int, int] | None = None
    sample: str | None = None
    sample_cut: bool = False

    def add(self, command: Command) -> None:
        """Counts a command."""
        self.count_one(
            command.duration_ns,
            command.complete is not False,
            command.error is not None,
            command.response == MISSING,
            command.rows or 0,
            command.bytes_request + command.bytes_response,
            (command.capture, command.stream, command.frame),
        )

    def count_one(
        self,
        duration_ns: int | None,
        whole: bool,
        failed: bool,
        missing: bool,
        rows: int,
        size: int,
        where: tuple[str, int, int],
    ) -> None:
        """Counts a command; `missing`: it has no response. `where` is its capture, stream and frame."""
        self.count += 1
        self.errors += failed
        self.rows += rows
        self.bytes += size
        if duration_ns is None:
            self.unanswered += missing
            return
        if not whole:
            self.incomplete += 1
            return
        if duration_ns >= self.durations.longest and self._is_slowest(duration_ns, where):
            self.example = where
        self.durations.add(duration_ns)

    def _is_slowest(self, duration_ns: int, where: tuple[str, int, int] | None) -> bool:
        """Whether what took so long, and was there, is the slowest; None: nothing is known to have taken any time."""
        if where is None or self.example is None:
            return where is not None
        longest = self.durations.longest
        return duration_ns > longest or (duration_ns == longest and where < self.example)

    def merge(self, other: CommandGroup) -> None:
        self.count += other.count
        self.errors += other.errors
        self.unanswered += other.unanswered
        self.incomplete += other.incomplete
        self.rows += other.rows
        self.bytes += other.bytes
        if self._is_slowest(other.durations.longest, other.example):
            self.example = other.example
            self.sample, self.sample_cut = other.sample, other.sample_cut
        elif self.example is None and other.sample is not None and (self.sample is None or other.sample < self.sample):
            self.sample, self.sample_cut = other.sample, other.sample_cut
        self.durations.merge(other.durations)


# What groups can be ordered by -> their place, the highest first.
ORDERS: Final[dict[str, Callable[[CommandGroup], int]]] = {
    "total": lambda group: group.durations.total,
    "mean": lambda group: group.durations.mean or 0,
    "p95": lambda group: group.durations.percentile(95) or 0,
    "max": lambda group: group.durations.longest,
    "count": lambda group: group.count,
    "errors": lambda group: group.errors,
    "rows": lambda group: group.rows,
    "bytes": lambda group: group.bytes,
}


class CommandStatistics(msgspec.Struct):
    """All commands, for each kind of group asked for its groups by name, and those with which something was wrong."""

    kinds: tuple[str, ...]
    all: CommandGroup = msgspec.field(default_factory=lambda: CommandGroup("all"))
    groups: dict[str, dict[str, CommandGroup]] = {}
    failures: CommandFailures = msgspec.field(default_factory=CommandFailures)
    characters: int = 0  # of the groups' names

    def add(self, exchange: Command, digests: Digests) -> None:
        self.all.add(exchange)
        # Nearly all commands are well: that is seen at once.
        well = exchange.error is None and exchange.complete and (exchange.latency_ns or 0) < WAITED_NS
        reason = None if well else reason_of(exchange)
        if reason is not None:
            self.failures.add(exchange, reason, statement_of(exchange, digests))
        for kind in self.kinds:
            if kind == "error" and exchange.error is None:
                continue
            group = self._group(kind, _name(kind, exchange, digests))
            group.add(exchange)
            if kind == "statement":
                text = _text(exchange)
                if text is not None:
                    self._sample(group, exchange, text)

    def _sample(self, group: CommandGroup, exchange: Command, statement: str) -> None:
        """Keeps the statement of the slowest of a group; the least of them where none is known to have taken time."""
        sample = statement[:LONGEST_SAMPLE]
        if group.example is None:
            if group.sample is not None and group.sample <= sample:
                return
        elif group.example != (exchange.capture, exchange.stream, exchange.frame):
            return
        if self.characters + len(sample) <= MOST_CHARACTERS:
            self.characters += len(sample) - len(group.sample or "")
            group.sample, group.sample_cut = sample, len(sample) < len(statement) or bool(exchange.statement_cut)

    def merge(self, other: CommandStatistics) -> None:
        """Adds what another process, or another capture, has seen."""
        self.all.merge(other.all)
        self.failures.merge(other.failures)
        for kind, groups in other.groups.items():
            for name, group in groups.items():
                self._group(kind, name).merge(group)

    def slowest(self, kind: str) -> list[CommandGroup]:
        """The groups of a kind, those that took most time together first."""
        return self.ranked(kind, "total")

    def ranked(self, kind: str, order: str) -> list[CommandGroup]:
        """The groups of a kind in an order of ORDERS."""
        place = ORDERS[order]
        return sorted(self.groups.get(kind, {}).values(), key=lambda group: (-place(group), group.name))

    def share(self, group: CommandGroup) -> float | None:
        """Which part of the time of all commands a group took; None where none took any."""
        whole = self.all.durations.total
        return group.durations.total / whole if whole else None

    def _group(self, kind: str, name: str) -> CommandGroup:
        groups = self.groups.setdefault(kind, {})
        group = groups.get(name)
        if group is None:
            if len(groups) >= MOST_GROUPS or self.characters + len(name) > MOST_CHARACTERS:
                name = OTHERS
            if name not in groups:
                self.characters += len(name)
            group = groups.setdefault(name, CommandGroup(name))
        return group


def statement_of(exchange: Command, digests: Digests) -> str:
    """The statement without its literals; the command in brackets where it has none."""
    return statement_name(exchange.command, _text(exchange), digests)


def _text(exchange: Command) -> str | None:
    """The statement that a command is about; None where it is about none."""
    return exchange.argument if exchange.command in OF_STATEMENT else exchange.statement


def statement_name(command: str, statement: str | None, digests: Digests) -> str:
    """A statement without its literals; the command in brackets where there is none."""
    return digests.of(statement) if statement else f"({command})"


def _name(kind: str, exchange: Command, digests: Digests) -> str:
    if kind == "statement":
        return statement_of(exchange, digests)
    if kind == "error":
        code = exchange.error.code if exchange.error is not None else "?"
        return f"{code} {statement_of(exchange, digests)}"
    if kind == "command":
        return exchange.command
    if kind == "server":
        end = exchange.server
        return f"{end.address}:{end.port}" if end is not None else "?"
    if kind == "client":
        return exchange.client.address if exchange.client is not None else "?"
    value = exchange.user if kind == "user" else exchange.database
    return value if value is not None else "?"

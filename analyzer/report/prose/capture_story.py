"""The story of a whole capture in plain words: what kind of traffic it is, what went wrong, in order of what matters.

Sentences are for somebody who runs databases and does not know the protocol. Codes stand beside them, not in them.
Memory depends on the kinds of what is told, not on the number of connections. Text from the wire is as it came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from analyzer.analysis import Alike
from analyzer.analysis.commands.failures import CUT_OFF, FAILED, WAITED, FailureGroup
from analyzer.analysis.commands.workload import READING, REPLICATION, WRITING, Workload
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.helpers import span
from analyzer.analysis.model.connection import Connection, Finding, Source
from analyzer.report.prose import labels
from analyzer.report.prose.clock import UTC_CLOCK, WallClock
from analyzer.report.prose.own_part import MOST_PLACES, OwnPart, own_part, said_of
from analyzer.report.prose.summary import OUTCOME_WORDS

# Kinds that are counted by name; later ones are counted together.
MOST_KINDS: Final = 1000
NAMED: Final = 3  # users, hosts, servers, drivers that a sentence names
STREAMS: Final = 8  # connections that are named under a finding
TITLES: Final = {rule.code: rule.title for rule in TABLE}
# Findings that say why commands have no whole answer.
UNANSWERED: Final = frozenset(
    {"answer-lost", "client-gave-up", "command-cut-off", "idle-connection-dropped", "path-mtu", "server-went-down"}
    | {"unanswered-commands"}
)
STATEMENTS: Final = 3  # that are shown of one kind of failure
LONGEST_STATEMENT: Final = 160


class Point(NamedTuple):
    """One thing that is told: its heading, the code that stands behind it, its sentences; and the finding that it is
    made from, the first of `several` of its kind."""

    title: str
    severity: str
    code: str
    sentences: list[str]
    finding: Finding | None = None
    several: bool = False


class FindingTally:
    """One kind of finding over all connections; message and advice are those of the first."""

    def __init__(self, first: Finding) -> None:
        self.first = first
        self.connections = 0
        self.streams: list[tuple[str, int]] = []
        self.users: Counter[str] = Counter()
        self.clients: Counter[str] = Counter()
        self.first_ns = 0
        self.last_ns = 0
        self.messages: set[str] = set()
        self.refused = 0  # connections whose login the server refused
        self.errors: set[int] = set()

    def add(self, places: StoryPlaces, own: OwnPart, message: str) -> None:
        """One more connection of which it was found."""
        if len(self.messages) < MOST_KINDS:
            self.messages.add(message)
        if len(self.streams) < STREAMS:
            self.streams.append((own.capture, own.stream))
        self.first_ns = min(self.first_ns, own.start_ns) if self.connections else own.start_ns
        self.last_ns = max(self.last_ns, own.end_ns)
        self.connections += 1
        if places.refused:
            self.refused += 1
            if places.error is not None and len(self.errors) < MOST_KINDS:
                self.errors.add(places.error)
        _count(self.clients, own.host)
        if places.user is not None:
            _count(self.users, places.user)


class StoryPlaces(NamedTuple):
    """Where a connection is counted: the same for all that are of its kind.

    named    counters, and the name in each
    tallies  of what was found, and the number of the finding that is told of
    error    the code with which the server refused it, or ended it; None where it sent no error
    """

    named: list[tuple[Counter[str], str]]
    tallies: list[tuple[FindingTally, int]]
    user: str | None
    refused: bool
    error: int | None
    lossy: bool
    healthy: bool


class CaptureStory:
    """Collects connections and what is known of commands; `opening`, `points` and `closing` tell it."""

    def __init__(self, clock: WallClock = UTC_CLOCK) -> None:
        self.clock = clock
        self.connections = 0
        self.healthy = 0
        self.workload = Workload()
        self.outcomes: Counter[str] = Counter()
        self._clients: Counter[str] = Counter()
        self._servers: Counter[str] = Counter()
        self._users: Counter[str] = Counter()
        self._drivers: Counter[str] = Counter()
        self._tls: Counter[str] = Counter()
        self._lossy = 0
        self._tallies: dict[tuple[str, str], FindingTally] = {}
        self._places: dict[object, StoryPlaces] = {}

    def add(self, connection: Connection) -> None:
        self.count(self.places(connection), own_part(connection), connection.findings)

    def add_alike(self, alike: Alike, own: OwnPart) -> None:
        """One more of a known kind."""
        found = said_of(alike)
        # What is found of one may rest on others.
        key = alike.kind if alike.outline is None else (alike.kind, *[(one.code, one.severity) for one in found])
        places = self._places.get(key)
        if places is None:
            places = self.places(alike.connection())
            if len(self._places) < MOST_PLACES:
                self._places[key] = places
        self.count(places, own, found)

    def places(self, c: Connection) -> StoryPlaces:
        """Where a connection is to be counted, from now on."""
        product = f"{labels.product(c.greeting)} at " if c.greeting is not None else ""
        named = [(self.outcomes, c.outcome), _place(self._servers, f"{product}{labels.endpoint(c.server)}")]
        user = None
        if c.login is not None:
            user = c.login.user or "(anonymous)"
            named.append(_place(self._users, user))
            named.append(_place(self._drivers, labels.driver(c) or "an unnamed driver"))
        if c.tls is not None:
            named.append((self._tls, "read" if c.tls.decrypted else "sealed"))
        elif c.login is not None:
            named.append((self._tls, "none"))
        # Of several of one kind the gravest speaks.
        gravest: dict[str, int] = {}
        for number, one in enumerate(c.findings):
            found = gravest.get(one.code)
            if found is None or labels.rank(one.severity) < labels.rank(c.findings[found].severity):
                gravest[one.code] = number
        return StoryPlaces(
            named,
            [(self._tally(c.findings[number]), number) for number in gravest.values()],
            user,
            c.outcome == "rejected",
            None if c.error is None else c.error.code,
            c.tcp.gaps > 0,
            all(one.severity == "info" for one in c.findings),
        )

    def count(self, places: StoryPlaces, own: OwnPart, findings: Sequence[Finding]) -> None:
        """Counts a connection."""
        self.connections += 1
        self._lossy += places.lossy
        self.healthy += places.healthy
        for counter, name in places.named:
            counter[name] += 1
        _count(self._clients, own.host)
        for tally, number in places.tallies:
            tally.add(places, own, findings[number].message)

    def _tally(self, finding: Finding) -> FindingTally:
        key = finding.severity, finding.code
        found = self._tallies.get(key)
        if found is None:
            found = self._tallies[key] = FindingTally(finding)
        return found

    # -- what kind of traffic --------------------------------------------------------------------------------------

    def opening(self, sources: Sequence[Source]) -> list[str]:
        """What the capture holds, in a few sentences; one where there is no connection."""
        first = [source.first_time_ns for source in sources if source.first_time_ns is not None]
        last = [source.last_time_ns for source in sources if source.last_time_ns is not None]
        frames = labels.count(sum(source.frames for source in sources), "frame")
        said = []
        if first and last:
            begin, lasted = self.clock.stamp(min(first)), max(last) - min(first)
            if lasted > 0 or sum(source.frames for source in sources) < 2:
                said.append(f"The capture has {frames}, begins on {begin} and lasts {span(lasted)}.")
            else:
                said.append(f"The capture has {frames}. All have the same time ({begin}): times are not usable.")
        else:
            said.append(f"The capture has {frames}.")
        if not self.connections:
            return [*said, "There is no MySQL or MariaDB connection in it."]
        if self.connections == 1:
            said.append(f"It holds one MySQL connection, from {named(self._clients)} to {named(self._servers)}.")
        else:
            hosts, servers = labels.count(len(self._clients), "host"), labels.count(len(self._servers), "server")
            said.append(
                f"It holds {self.connections:,} MySQL connections, from {hosts} ({named(self._clients)}) to {servers} "
                f"({named(self._servers)})."
            )
        if self._users:
            who = "The client" if self.connections == 1 else "The clients"
            said.append(f"{who} logged in as {named(self._users, quoted=True)}, with {named(self._drivers)}.")
        said += self._privacy()
        said.append(self._ended())
        said += self._traffic()
        if self._lossy:
            said.append(
                f"The capture lacks bytes of {labels.count(self._lossy, 'connection')}: what is said of those may miss "
                "something."
            )
        return said

    def _privacy(self) -> Iterator[str]:
        sealed, read, clear = self._tls["sealed"], self._tls["read"], self._tls["none"]
        if clear and not sealed + read:
            yield "All of it went over the network unencrypted."
        elif clear:
            yield f"{labels.count(clear, 'login')} of {clear + sealed + read:,} went over the network unencrypted."
        if sealed:
            yield (
                f"{labels.count(sealed, 'connection')} went on inside TLS, and no keys are at hand: what was said "
                "there is not known."
            )
        elif read and not clear:
            yield "All of it was inside TLS, and the keys are at hand."

    def _ended(self) -> str:
        ranked = self.outcomes.most_common()
        if len(ranked) == 1:
            each = {1: "It was", 2: "Both were"}.get(self.connections, "All were")
            return f"{each} {OUTCOME_WORDS.get(ranked[0][0], ranked[0][0])}."
        said = [f"{number:,} {OUTCOME_WORDS.get(outcome, outcome)}" for outcome, number in ranked]
        return f"Of the connections {_listed(said)}."

    def _traffic(self) -> Iterator[str]:
        workload = self.workload
        if not workload.commands:
            return
        parts = [
            f"{number:,} {word}"
            for number, word in (
                (workload.uses[READING], "read data"),
                (workload.uses[WRITING], "changed data"),
                (workload.uses[REPLICATION], "asked for the binlog, as replicas do"),
            )
            if number
        ]
        rest = workload.commands - sum(workload.uses[kind] for kind in (READING, WRITING, REPLICATION))
        if parts and rest:
            parts.append(f"{rest:,} did something else (settings, transactions, pings)")
        of_which = f": {_listed(parts)}" if parts else ""
        who = "The client" if self.connections == 1 else "The clients"
        yield f"{who} sent {labels.count(workload.commands, 'command')}{of_which}."
        times = workload.whole().durations
        if times.count:
            half, most = times.percentile(50) or 0, times.percentile(95) or 0
            if not most:
                return  # no time passed: the capture has none
            yield f"Half of them were answered within {span(half)}, 95 % within {span(most)}."

    # -- what went wrong -------------------------------------------------------------------------------------------

    def points(self) -> list[Point]:
        """What went wrong: findings that are errors, statements that failed, warnings, waits. The worst first."""
        found = [self._of_finding(tally) for tally in self.ranked("error")]
        found += self._failed()
        found += [self._of_finding(tally) for tally in self.ranked("warning")]
        found += [] if self._explained() else self._unanswered()
        found += self._waited()
        return found

    def remarks(self) -> list[Point]:
        """What is worth knowing and nothing wrong."""
        found = [self._of_finding(tally) for tally in self.ranked("info")]
        # The cause is told above: these are the commands that it struck.
        return [*self._unanswered(), *found] if self._explained() else found

    def _explained(self) -> bool:
        """Whether what went wrong says already why commands have no answer."""
        return any(severity != "info" and code in UNANSWERED for severity, code in self._tallies)

    def ranked(self, severity: str) -> list[FindingTally]:
        """The kinds of findings of a severity, the most frequent first."""
        of_it = [tally for (grade, _), tally in self._tallies.items() if grade == severity]
        return sorted(of_it, key=lambda tally: (-tally.connections, tally.first_ns, tally.first.code))

    def _of_finding(self, tally: FindingTally) -> Point:
        one = tally.first
        return Point(
            TITLES.get(one.code, one.code), one.severity, one.code, self._sentences(tally), one, tally.connections > 1
        )

    def _sentences(self, tally: FindingTally) -> list[str]:
        who = f", of {named(tally.users, quoted=True)}" if tally.users else ""
        hosts = f" from {named(tally.clients)}"
        if self.connections == 1:
            return [tally.first.message]
        if tally.connections == 1:
            return [tally.first.message, f"This is {_streams(tally)}{who}{hosts}."]
        share = "all" if tally.connections == self.connections else f"{tally.connections:,} of {self.connections:,}"
        when = _between(tally.first_ns, tally.last_ns, self.clock)
        where = f"It happened on {share} connections{who}{hosts}, {when}: {_streams(tally)}."
        lead = "" if len(tally.messages) == 1 else "The first of them: "
        return [where, lead + tally.first.message]

    def _failed(self) -> Iterator[Point]:
        by_code: dict[int, list[FailureGroup]] = {}
        for group in self.workload.failures.of(FAILED):
            by_code.setdefault(group.code or 0, []).append(group)
        ranked = sorted(by_code.items(), key=lambda item: (-sum(group.when.count for group in item[1]), item[0]))
        for code, groups in ranked:
            number = sum(group.when.count for group in groups)
            said = [f"The server answered {labels.count(number, 'command')} with an error: {groups[0].message!r}."]
            said += _when(groups, self.clock)
            said += _statements(groups)
            title = "Statements that the server refused" if number > 1 else "A statement that the server refused"
            yield Point(title, "error", f"error {code}", said)

    def _unanswered(self) -> Iterator[Point]:
        groups = self.workload.failures.of(CUT_OFF)
        if groups:
            number = self.workload.failures.count(CUT_OFF)
            one = number == 1
            said = [
                f"The answer to {labels.count(number, 'command')} is not in the capture, or not all of it: "
                f"{'it was' if one else 'they were'} still under way when the connection or the capture ended, or "
                "frames are missing."
            ]
            said += _when(groups, self.clock) + _statements(groups)
            yield Point("Commands without a whole answer", "warning", "", said)

    def _waited(self) -> Iterator[Point]:
        groups = self.workload.failures.of(WAITED)
        if groups:
            number = self.workload.failures.count(WAITED)
            longest = max(group.longest_ns for group in groups)
            many = f"{number:,} commands waited a second or more" if number > 1 else "One command waited"
            said = [f"{many} for the beginning of the answer, {'the longest ' if number > 1 else ''}{span(longest)}."]
            said += _when(groups, self.clock) + _statements(groups)
            yield Point("Commands that waited", "warning", "", said)

    def closing(self) -> str:
        """What is to be said of the connections in which nothing was wrong; empty where there are none."""
        if not self.healthy:
            return ""
        if self.healthy == self.connections:
            if self.workload.failures.groups:
                return "Beyond that nothing went wrong."
            return "Nothing went wrong in what the capture shows."
        return f"Nothing is wrong with the other {labels.count(self.healthy, 'connection')}."


def _place(counter: Counter[str], kind: str) -> tuple[Counter[str], str]:
    """A counter, and the name by which it counts a kind."""
    return counter, kind if kind in counter or len(counter) < MOST_KINDS else "others"


def _count(counter: Counter[str], kind: str) -> None:
    _, name = _place(counter, kind)
    counter[name] += 1


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def named(counter: Counter[str], quoted: bool = False) -> str:
    """The most frequent by name, and how many more there are."""
    ranked = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    said = [repr(name) if quoted else name for name, _ in ranked[:NAMED]]
    more = len(ranked) - len(said)
    return _listed([*said, f"{more:,} more"] if more else said)


def _streams(tally: FindingTally) -> str:
    several = len({capture for capture, _ in tally.streams}) > 1
    numbers = [f"{stream} of {capture}" if several else str(stream) for capture, stream in tally.streams]
    more = tally.connections - len(numbers)
    word = "connection" if tally.connections == 1 else "connections"
    return f"{word} {_listed([*numbers, f'{more:,} more'] if more else numbers)}"


def _between(first_ns: int, last_ns: int, clock: WallClock) -> str:
    return f"between {clock.time_of_day(first_ns)} and {clock.time_of_day(last_ns)} {clock.name}"


def _when(groups: Sequence[FailureGroup], clock: WallClock) -> list[str]:
    """On how many connections, and when."""
    streams = {one for group in groups for one in group.connections}
    first, last = min(group.when.first_ns for group in groups), max(group.when.last_ns for group in groups)
    begin = clock.time_of_day(first)
    when = f"at {begin} {clock.name}" if begin == clock.time_of_day(last) else _between(first, last, clock)
    where = labels.count(len(streams), "connection")
    example = groups[0].example
    named = f" (frame {example[2]:,} of connection {example[1]})" if example is not None else ""
    return [f"That was {when} on {where}{named}."]


def _statements(groups: Sequence[FailureGroup]) -> list[str]:
    """The statements, the most frequent first, as items of a list."""
    said = []
    for group in groups[:STATEMENTS]:
        text = group.statement
        text = text if len(text) <= LONGEST_STATEMENT else text[: LONGEST_STATEMENT - 3] + "..."
        said.append(f"- {group.when.count:,} x {text}")
    more = len(groups) - len(said)
    return [*said, f"- {labels.count(more, 'other statement')}"] if more > 0 else said

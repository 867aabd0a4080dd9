"""What the overview of a run is made from: counted while connections pass, for the page's pictures, Markdown and
comparisons. Counting takes the same memory for ten connections or millions.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from typing import Final, NamedTuple

from analyzer.analysis import Alike
from analyzer.analysis.connection.kinds import ConnectionKind
from analyzer.analysis.model.connection import Connection
from analyzer.report.prose import labels
from analyzer.report.prose.own_part import MOST_PLACES, OwnPart, own_part

# Kinds that are counted by name; later ones count as "other".
MOST_KINDS: Final = 1000
OTHER: Final = "other"
# Users and drivers that are counted by name between one client and one server.
MOST_OF_PAIR: Final = 20
# Bars of logins over time, and the slots they are counted in before the length of the capture is known.
BARS: Final = 48
SLOTS: Final = 4096
# Durations are counted in steps of a fiftieth of a decade (4.7 %), from 1 us on.
STEPS: Final = 50
DECADES: Final = 9

OUTCOMES: Final = (
    ("accepted", ("accepted",)),
    ("rejected", ("rejected",)),
    ("aborted", ("aborted",)),
    ("not known", ("encrypted", "unknown")),
)
PHASES: Final = (
    ("TCP connect", "tcp_connect_ns"),
    ("Greeting", "greeting_ns"),
    ("TLS", "tls_ns"),
    ("Login", "login_ns"),
    ("Authentication", "authentication_ns"),
)


NO_TLS: Final = "none"
UNSEEN_TLS: Final = "TLS, version not seen"
UNNAMED: Final = "not named"
# Kinds for which the table of connections has no text of its own.
NO_CELL: Final = frozenset({NO_TLS, UNSEEN_TLS, UNNAMED, OTHER})


def _begin(step: int) -> int:
    """The first nanosecond of a step."""
    ns = int(1000 * 10 ** (step / STEPS)) - 2
    while STEPS * math.log10(ns / 1000) < step:
        ns += 1
    return ns


_BEGINS: Final = [_begin(step) for step in range(1, STEPS * DECADES + 1)]


class DurationHistogram:
    """A histogram with steps of equal ratio."""

    def __init__(self) -> None:
        self.counts = [0] * (STEPS * DECADES + 1)
        self.total = 0
        self.largest = 0

    def add(self, ns: int) -> None:
        self.total += 1
        self.largest = max(self.largest, ns)
        self.counts[bisect_right(_BEGINS, ns)] += 1

    def quantile(self, share: float) -> int:
        """Nanoseconds that `share` of all take at most, to within a step."""
        due = share * self.total
        seen = 0
        for step, count in enumerate(self.counts):
            seen += count
            if seen >= due and seen:
                return min(int(1000 * 10 ** ((step + 1) / STEPS)), self.largest)
        return self.largest


class Timeline:
    """Outcomes in slots of time, which grow as the capture turns out to be longer."""

    def __init__(self) -> None:
        self.slot_ns = 1_000_000
        self.origin: int | None = None
        self.slots: dict[int, list[int]] = {}

    def add(self, time_ns: int, outcome: int) -> None:
        if self.origin is None:
            self.origin = time_ns
        slot = (time_ns - self.origin) // self.slot_ns
        counts = self.slots.get(slot)
        if counts is None:
            counts = self.slots[slot] = [0] * len(OUTCOMES)
        counts[outcome] += 1
        while len(self.slots) > SLOTS or max(slot, -slot) > SLOTS * 4:
            self.slot_ns *= 2
            halved: dict[int, list[int]] = {}
            for old, counts in self.slots.items():
                into = halved.setdefault(old // 2, [0] * len(OUTCOMES))
                for index, count in enumerate(counts):
                    into[index] += count
            self.slots = halved
            slot //= 2

    def bars(self) -> tuple[int, int, list[list[int]]]:
        """(time of the first bar's start, length of a bar, outcomes of each bar)."""
        if self.origin is None or not self.slots:
            return 0, 1, []
        first, last = min(self.slots), max(self.slots)
        per_bar = max(1, -(-(last - first + 1) // BARS))
        count = -(-(last - first + 1) // per_bar)
        bars = [[0] * len(OUTCOMES) for _ in range(count)]
        for slot, counts in self.slots.items():
            into = bars[(slot - first) // per_bar]
            for index, number in enumerate(counts):
                into[index] += number
        return self.origin + first * self.slot_ns, per_bar * self.slot_ns, bars


class Pair:
    """Connections of one client's host to one server."""

    __slots__ = ("connections", "drivers", "in_clear", "refused", "users")

    def __init__(self) -> None:
        self.connections = 0
        self.refused = 0
        self.in_clear = 0  # logins without TLS
        self.users: Counter[str] = Counter()
        self.drivers: Counter[str] = Counter()

    def add(self, places: ChartPlaces) -> None:
        self.connections += 1
        self.refused += places.refused
        self.in_clear += places.in_clear
        if places.user is not None:
            self.users[_name(self.users, places.user, MOST_OF_PAIR)] += 1
            self.drivers[_name(self.drivers, places.driver, MOST_OF_PAIR)] += 1


class ChartPlaces(NamedTuple):
    """Where a connection is counted: the same for all that are of its kind.

    outcome  its place in OUTCOMES
    named    counters, and the name in each
    server, user, driver, refused, in_clear  what the pair of its host and its server counts; no user, no login
    """

    outcome: int
    named: list[tuple[Counter[str], str]]
    server: str
    user: str | None
    driver: str
    refused: bool
    in_clear: bool


class ChartData:
    """What the pictures are made from. `pairs`: (client's host, server) -> their connections."""

    def __init__(self) -> None:
        self.plugins: Counter[str] = Counter()
        self.tls: Counter[str] = Counter()
        self.drivers: Counter[str] = Counter()
        self.servers: Counter[str] = Counter()
        self.durations = {name: DurationHistogram() for name, _ in PHASES}
        self.total = DurationHistogram()
        self.in_clear = 0
        self.timeline = Timeline()
        self.pairs: dict[tuple[str, str], Pair] = {}
        self._phases = list(self.durations.values())
        self._places: dict[ConnectionKind, ChartPlaces] = {}
        self._outcomes = {outcome: index for index, (_, names) in enumerate(OUTCOMES) for outcome in names}

    @property
    def logins(self) -> int:
        """Connections with a login or with TLS."""
        return self.tls.total()

    def add(self, connection: Connection) -> None:
        self.count(self.places(connection), own_part(connection))

    def add_alike(self, alike: Alike, own: OwnPart) -> None:
        """One more of a known kind."""
        places = self._places.get(alike.kind)
        if places is None:
            places = self.places(alike.connection())
            if len(self._places) < MOST_PLACES:
                self._places[alike.kind] = places
        self.count(places, own)

    def places(self, c: Connection) -> ChartPlaces:
        """Where a connection is to be counted, from now on."""
        named = []
        if c.authentication is not None and c.authentication.plugin:
            named.append(_place(self.plugins, c.authentication.plugin))
        if c.login is not None or c.tls is not None:
            named.append(_place(self.tls, NO_TLS if c.tls is None else c.tls.version or UNSEEN_TLS))
        driver = labels.driver(c) if c.login is not None else ""
        if c.login is not None:
            named.append(_place(self.drivers, driver or UNNAMED))
        if c.greeting is not None:
            named.append(_place(self.servers, labels.product(c.greeting)))
        return ChartPlaces(
            self._outcomes.get(c.outcome, len(OUTCOMES) - 1),
            named,
            labels.endpoint(c.server),
            None if c.login is None else c.login.user or "(anonymous)",
            driver or UNNAMED,
            c.outcome == "rejected",
            c.login is not None and c.tls is None,
        )

    def count(self, places: ChartPlaces, own: OwnPart) -> None:
        """Counts a connection."""
        self.timeline.add(own.start_ns, places.outcome)
        for counter, name in places.named:
            counter[name] += 1
        self.in_clear += places.in_clear
        self._pair(own.host, places.server).add(places)
        for histogram, ns in zip(self._phases, own.phases, strict=True):
            if ns is not None:
                histogram.add(ns)
        if own.total_ns is not None:
            self.total.add(own.total_ns)

    def _pair(self, client: str, server: str) -> Pair:
        found = self.pairs.get((client, server))
        if found is None:
            key = (client, server) if len(self.pairs) < MOST_KINDS else (OTHER, OTHER)
            found = self.pairs.setdefault(key, Pair())
        return found


def _name(counter: Counter[str], kind: str, most: int = MOST_KINDS) -> str:
    """By which a counter counts a kind."""
    return kind if kind in counter or len(counter) < most else OTHER


def _place(counter: Counter[str], kind: str) -> tuple[Counter[str], str]:
    return counter, _name(counter, kind)

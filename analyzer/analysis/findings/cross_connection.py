"""What the connections of one capture say of one another.

Findings that rest on earlier connections are made in two halves: a rule finds what one connection shows, and `Across`,
which every connection passes in the order of its first frame, completes it, or drops it. Where several processes share
a capture, only their parent sees all connections: it does this, from short notes of those that are finished already.
So the result is the same for any number of processes. Bounded: what was idle longest is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, Generic, TypeVar

import msgspec

from analyzer.analysis.findings.helpers import span
from analyzer.analysis.findings.rule import CERTAIN, ERROR, INFO, LIKELY, WARNING
from analyzer.analysis.findings.rules.server_ended_session import idle_of
from analyzer.analysis.model.connection import Connection, Finding

# Codes of findings that are completed here: connections that have one may not be rendered before.
ACROSS: Final = frozenset(
    {"probe-connection", "host-blocked", "cached-login-never-hits", "slow-login", "server-ended-session"}
)
BLOCKED: Final = 1129
MOST: Final = 4096
# Idle times that are remembered of a server.
MOST_IDLE: Final = 64
# Frames of earlier connections that are named.
NAMED: Final = 5
# A login is slow against others if it took so many times their median, of at least so many.
TIMES: Final = 5
ENOUGH: Final = 5
SLOW_NS: Final = 1_000_000_000
RANK: Final = {ERROR: 0, WARNING: 1, INFO: 2}

Server = tuple[str, int]


class Broken(msgspec.Struct, array_like=True):
    """Note of a connection that ended without a login."""

    client: str
    server: Server
    start_ns: int
    frame: int
    probe: bool


class LoggedIn(msgspec.Struct, array_like=True):
    """Note of an accepted login. `cached`: caching_sha2_password with a password."""

    client: str
    server: Server
    user: str
    cached: bool
    path: str | None
    total_ns: int | None


Note = Broken | LoggedIn
K = TypeVar("K")
V = TypeVar("V")


class _Recent(Generic[K, V]):
    """A dictionary that forgets what was not asked for longest."""

    def __init__(self) -> None:
        self._items: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        self._items[key] = value
        if len(self._items) > MOST:
            self._items.popitem(last=False)


class _Ended(msgspec.Struct):
    """Connections of one client address to one server that ended without a login."""

    count: int = 0
    probes: int = 0
    first_probe_ns: int = 0
    last_probe_ns: int = 0
    frames: list[int] = []


class _Logins(msgspec.Struct):
    full: int = 0
    fast: int = 0


def is_open(connection: Connection) -> bool:
    """Whether a finding of the connection waits to be completed."""
    return any(finding.code in ACROSS for finding in connection.findings)


def note_of(connection: Connection) -> Note | None:
    """What later connections need to know of this one."""
    server = (connection.server.address, connection.server.port)
    login = connection.login
    if connection.outcome == "accepted":
        if login is None:
            return None
        authentication = connection.authentication
        cached = (
            authentication is not None
            and authentication.plugin == "caching_sha2_password"
            and authentication.password_protection != "empty"
        )
        path = authentication.path if authentication is not None else None
        total = connection.timing.total_ns
        return LoggedIn(connection.client.address, server, login.user, cached, path, total)
    if login is not None or connection.outcome not in ("aborted", "rejected") or not connection.tcp.bytes_from_server:
        return None
    if connection.error is not None and connection.error.code == BLOCKED:
        return None
    probe = any(finding.code == "probe-connection" for finding in connection.findings)
    return Broken(connection.client.address, server, connection.start_time_ns, connection.first_frame, probe)


class Across:
    """Takes every MySQL connection of a capture in the order of its number: `judge`, or `note` for one that is done."""

    def __init__(self) -> None:
        self._ended: _Recent[tuple[str, Server], _Ended] = _Recent()
        self._logins: _Recent[tuple[str, Server, str], _Logins] = _Recent()
        # server -> logins by the bits of their duration in microseconds
        self._durations: _Recent[Server, list[int]] = _Recent()
        # server -> how many seconds sessions were idle that ended from its side
        self._idle: _Recent[Server, list[float]] = _Recent()

    def judge(self, connection: Connection) -> None:
        """Completes the findings of a connection, and remembers it."""
        if connection.findings and is_open(connection):
            connection.findings = [f for f in connection.findings if f.code not in ACROSS or self._keep(connection, f)]
            connection.findings.sort(key=lambda finding: RANK[finding.severity])
        note = note_of(connection)
        if note is not None:
            self.note(note)

    def note(self, note: Note) -> None:
        """Remembers a connection."""
        if isinstance(note, LoggedIn):
            self._login(note)
            return
        key = (note.client, note.server)
        ended = self._ended.get(key)
        if ended is None:
            ended = _Ended()
            self._ended.put(key, ended)
        ended.count += 1
        if note.probe:
            ended.probes += 1
            ended.first_probe_ns = ended.first_probe_ns or note.start_ns
            ended.last_probe_ns = note.start_ns
        ended.frames = [*ended.frames[1 - NAMED :], note.frame]

    def _login(self, note: LoggedIn) -> None:
        if note.cached:
            key = (note.client, note.server, note.user)
            logins = self._logins.get(key)
            if logins is None:
                logins = _Logins()
                self._logins.put(key, logins)
            if note.path == "full":
                logins.full += 1
            elif note.path == "fast":
                logins.fast += 1
        if note.total_ns is not None:
            counts = self._durations.get(note.server)
            if counts is None:
                counts = [0] * 64
                self._durations.put(note.server, counts)
            counts[min((note.total_ns // 1000).bit_length(), 63)] += 1

    # -- the second halves ---------------------------------------------------------------------------------------------

    def _keep(self, connection: Connection, finding: Finding) -> bool:
        """Completes a finding; False where the other connections do not bear it out."""
        return bool(getattr(self, "_" + finding.code.replace("-", "_"))(connection, finding))

    def _probe_connection(self, connection: Connection, finding: Finding) -> bool:
        ended = self._ended.get(_pair(connection))
        if ended is not None and ended.probes:
            number = ended.probes + 1
            each = (connection.start_time_ns - ended.first_probe_ns) // ended.probes
            finding.message += f" It is number {number} from there in this capture, one every {span(each)} on average."
            finding.evidence.append(f"{ended.probes} before it, the last {_since(connection, ended.last_probe_ns)} ago")
        return True

    def _host_blocked(self, connection: Connection, finding: Finding) -> bool:
        ended = self._ended.get(_pair(connection))
        if ended is None:
            finding.doubt = "what broke off before is not in this capture"
            return True
        which = ", ".join(map(str, ended.frames))
        plural = "s" if ended.count > 1 else ""
        finding.message += (
            f" The capture holds {ended.count} connection{plural} of this host before it that ended without a login"
            + (f", {ended.probes} of them without a byte of the client." if ended.probes else ".")
        )
        last = "the last of them begin" if ended.count > NAMED else "they begin" if plural else "it begins"
        finding.evidence.append(f"{ended.count} broken connection{plural} before it; {last} with frame {which}")
        return True

    def _cached_login_never_hits(self, connection: Connection, finding: Finding) -> bool:
        user = connection.login.user if connection.login else ""
        logins = self._logins.get((*_pair(connection), user))
        if logins is None:
            return False
        if logins.fast and finding.confidence != CERTAIN:
            return False  # the cache does know this client
        finding.evidence.append(f"{logins.full + logins.fast} logins before it, {logins.full} on the full path")
        if logins.full < 2 and finding.confidence != CERTAIN:
            finding.severity = INFO
        return True

    def _slow_login(self, connection: Connection, finding: Finding) -> bool:
        total = connection.timing.total_ns or 0
        counts: list[int] = self._durations.get((connection.server.address, connection.server.port)) or []
        if sum(counts) < ENOUGH:
            return total >= SLOW_NS
        median = _median(counts)
        if total < SLOW_NS and total < TIMES * median:
            return False
        finding.message += f" The median of the {sum(counts)} logins before it is about {span(median)}."
        return True

    def _server_ended_session(self, connection: Connection, finding: Finding) -> bool:
        """Sessions that all end after the same time were ended by a clock."""
        idle = idle_of(finding.evidence)
        if idle is None:
            return True
        server = (connection.server.address, connection.server.port)
        before = self._idle.get(server)
        if before is None:
            before = []
            self._idle.put(server, before)
        alike = sum(abs(idle - other) <= max(1.0, idle / 100) for other in before)
        if alike:
            plural = "s" if alike > 1 else ""
            finding.message += f" It is not alone: {alike} session{plural} before it ended so after the same time."
            finding.evidence.append(f"{alike} session{plural} before it, idle for {idle:.0f} s too: an idle time-out")
            finding.confidence = LIKELY
        before.append(idle)
        del before[:-MOST_IDLE]
        return True


def _pair(connection: Connection) -> tuple[str, Server]:
    return connection.client.address, (connection.server.address, connection.server.port)


def _since(connection: Connection, earlier_ns: int) -> str:
    return span(connection.start_time_ns - earlier_ns)


def _median(counts: list[int]) -> int:
    """The median in ns, to a factor of about 1.4, of durations counted by the bits of their microseconds."""
    half = sum(counts) // 2
    passed: Any = 0
    for bits, count in enumerate(counts):
        passed += count
        if passed > half:
            return (3 << bits) // 4 * 1000
    return 0

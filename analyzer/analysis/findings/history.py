"""What earlier connections of a capture leave behind for those after them. What was idle longest is forgotten."""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import structs

from analyzer.analysis.model.connection import Authentication, Connection, Login

BLOCKED: Final = 1129
MOST: Final = 4096
# Frames of earlier connections that are named.
NAMED: Final = 5

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


class Recent(Generic[K, V]):
    """A dictionary that forgets what was not asked for longest."""

    def __init__(self) -> None:
        self._items: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: K) -> V | None:
        found = self._items.get(key)
        if found is not None:
            self._items.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        self._items[key] = value
        if len(self._items) > MOST:
            self._items.popitem(last=False)


class Kill(msgspec.Struct):
    """KILL of a session, sent on a connection that is the capture's `stream`."""

    stream: int
    client: str
    frame: int
    time_ns: int


class BrokenOff(msgspec.Struct):
    """Connections of one client address to one server that ended without a login."""

    count: int = 0
    probes: int = 0
    first_probe_ns: int = 0
    last_probe_ns: int = 0
    frames: list[int] = []


class LoginPaths(msgspec.Struct):
    full: int = 0
    fast: int = 0


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
    probe = any(finding.code in ("probe-connection", "health-check") for finding in connection.findings)
    return Broken(connection.client.address, server, connection.start_time_ns, connection.first_frame, probe)


def outline_of(connection: Connection) -> Connection:
    """A connection with what is asked of it when its findings are completed, and little else: it goes to another
    process."""
    login, exchange = connection.login, connection.authentication
    outline = copy(connection)
    outline.tls = outline.driver = None
    if connection.greeting is not None:
        outline.greeting = structs.replace(connection.greeting, capabilities=[], status_flags=[])
    outline.commands = {}
    if login is not None:
        outline.login = Login(login.user, None, None, [], 0, None, None, None, None, login.frame)
    if exchange is not None:
        outline.authentication = Authentication(exchange.plugin, [], exchange.path, exchange.password_protection, [])
    return outline


class History:
    """What is remembered of connections, by client, server and user.

    ended      (client, server): those that ended without a login
    logins     (client, server, user): logins of caching_sha2_password by their path
    accepted   (port, user): addresses of client and server of logins that were accepted
    durations  server: logins by the bits of their duration in microseconds
    idle       server: how many seconds sessions were idle that ended from its side
    kills      (server, thread id): who asked for that session to be ended
    """

    def __init__(self) -> None:
        self.ended: Recent[tuple[str, Server], BrokenOff] = Recent()
        self.logins: Recent[tuple[str, Server, str], LoginPaths] = Recent()
        self.accepted: Recent[tuple[int, str], list[tuple[str, str]]] = Recent()
        self.durations: Recent[Server, list[int]] = Recent()
        self.idle: Recent[Server, list[float]] = Recent()
        self.kills: Recent[tuple[Server, int], Kill] = Recent()

    def note(self, note: Note) -> None:
        """Remembers a connection."""
        if isinstance(note, LoggedIn):
            self.logged_in(note, note.client, note.total_ns)
            return
        key = (note.client, note.server)
        ended = self.ended.get(key)
        if ended is None:
            ended = BrokenOff()
            self.ended.put(key, ended)
        ended.count += 1
        if note.probe:
            ended.probes += 1
            ended.first_probe_ns = ended.first_probe_ns or note.start_ns
            ended.last_probe_ns = note.start_ns
        ended.frames = [*ended.frames[1 - NAMED :], note.frame]

    def logged_in(self, known: LoggedIn, client: str, total_ns: int | None) -> None:
        """Remembers a login that is like a known one, but for its client and how long it took."""
        server, user = known.server, known.user
        if known.cached:
            key = (client, server, user)
            logins = self.logins.get(key)
            if logins is None:
                logins = LoginPaths()
                self.logins.put(key, logins)
            if known.path == "full":
                logins.full += 1
            elif known.path == "fast":
                logins.fast += 1
        account, pair = (server[1], user), (client, server[0])
        pairs = self.accepted.get(account)
        if pairs is None:
            self.accepted.put(account, [pair])
        elif len(pairs) < NAMED and pair not in pairs:
            pairs.append(pair)
        if total_ns is not None:
            counts = self.durations.get(server)
            if counts is None:
                counts = [0] * 64
                self.durations.put(server, counts)
            counts[min((total_ns // 1000).bit_length(), 63)] += 1


def pair_of(connection: Connection) -> tuple[str, Server]:
    """Client address and server endpoint of a connection."""
    return connection.client.address, (connection.server.address, connection.server.port)

"""Connections of one kind: alike in all but numbers, so that what is told of them is worked out once.

They have a login shape, a server and a way to end in common, and what was found of them. What is each one's own
stands in a flat row. The first of a kind goes the whole way; what is made of its row has to equal it, or there is no
kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Final

import msgspec

from analyzer.analysis.findings.history import History, LoggedIn, Note, note_of, outline_of
from analyzer.analysis.findings.kept import Kept, own_texts
from analyzer.analysis.model import connection as model

if TYPE_CHECKING:
    from analyzer.analysis.findings.cross_connection import Across

# What stands first in every row, by the path in a `Connection`.
PLACES: Final = {
    path: place
    for place, path in enumerate(
        (
            *("stream", "client.address", "client.port", "first_frame", "last_frame", "start_time_ns", "end_time_ns"),
            *("tcp.out_of_order", "tcp.bytes_from_client", "tcp.bytes_from_server", "greeting.connection_id"),
            *("timing.tcp_connect_ns", "timing.greeting_ns", "timing.tls_ns", "timing.login_ns"),
            *("timing.authentication_ns", "timing.total_ns"),
            *("greeting.frame", "login.frame", "verdict.frame", "error.frame"),
        )
    )
}
STREAM: Final = PLACES["stream"]
ADDRESS: Final = PLACES["client.address"]
FIRST: Final = PLACES["first_frame"]
# Behind it stands when it ended.
START: Final = PLACES["start_time_ns"]
TOTAL: Final = PLACES["timing.total_ns"]
# Behind those of the fixed places: frames of the steps and of the switches, counts of commands, values of attributes.
# The frames are in the order of `kept.frames_of`.
FRAMES: Final = PLACES["greeting.frame"]
STEPS: Final = len(PLACES)
TIMING: Final = PLACES["timing.tcp_connect_ns"]
LOGGED_IN: Final = PLACES["login.frame"]
REFUSED: Final = PLACES["error.frame"]
_SPAN: Final = slice(PLACES["first_frame"], PLACES["end_time_ns"] + 1)
_THREAD: Final = PLACES["greeting.connection_id"]

Row = tuple[Any, ...]


class ConnectionKind:
    """What connections of one kind have in common.

    connection  the first of the kind: what no place of a row holds is as it is there
    findings    of each, with places for its frames
    tls         of each, with places among `frames` for its frames; None where there is none
    steps, switches, counts  places in a row: frames of the exchange's packets, and how often each command was sent
    attributes  name -> place of attributes of the login that are each client's own
    own         of each finding the places of texts that are the connection's own; `has_own`: there are some
    is_none     those that seemed to be of this kind go the whole way
    is_watched  its user is one that watches over servers
    is_open     a finding waits for other connections
    lasts       when sessions of it begin, in microseconds, as its certificates are told of by date; None: at any time
    templates   what renderers have made for it, by whom
    """

    __slots__ = (
        "_note",
        "_outline",
        "_own",
        "attributes",
        "connection",
        "counts",
        "findings",
        "frames",
        "free",
        "has_own",
        "is_none",
        "is_open",
        "is_watched",
        "lasts",
        "own",
        "plans",
        "steps",
        "switches",
        "templates",
        "tls",
    )

    def __init__(
        self,
        connection: model.Connection,
        attributes: dict[str, int],
        findings: tuple[Kept, ...] = (),
        tls: model.Tls | None = None,
        inside: int = 0,
    ) -> None:
        """`attributes`: names of those that are each client's own, with their numbers in the record. `inside`: how
        much of its own a connection has beside the frames of its login, for `tls` and findings."""
        # All rules come with them: who tells of no connection goes without.
        from analyzer.analysis.findings.cross_connection import OPEN
        from analyzer.analysis.findings.rules.health_check import known_user

        exchange = connection.authentication
        steps = len(exchange.steps) if exchange is not None else 0
        switches = len(exchange.switches) if exchange is not None else 0
        stop = STEPS + steps + switches + inside
        self.connection = connection
        self.findings = findings
        self.tls = tls
        self.steps = slice(STEPS, STEPS + steps)
        self.switches = slice(STEPS + steps, STEPS + steps + switches)
        self.frames = slice(FRAMES, stop)
        self.counts = slice(stop, stop + len(connection.commands))
        self.attributes = {name: place for place, name in enumerate(attributes, self.counts.stop)}
        stop = self.counts.stop + len(attributes)
        self.own = []
        for kept in findings:
            self.own.append(slice(stop, stop + len(kept.own)))
            stop += len(kept.own)
        self.templates: dict[Callable[..., object], Any] = {}
        # Which conditions of rules are met -> the kind with what is found then.
        self.plans: dict[object, ConnectionKind] = {}
        self.is_none = False
        self.lasts: range | None = None
        self.is_watched = bool(known_user(connection))
        self.has_own = any(kept.own for kept in findings)
        self.is_open = any(kept.code in OPEN for kept in findings)
        self._own = attributes
        self.free = tuple(attributes.values())
        self._note = note_of(connection)
        self._outline = outline_of(connection)

    def with_findings(self, findings: tuple[Kept, ...]) -> ConnectionKind:
        """The kind of those of which this is found."""
        return ConnectionKind(self.connection, self._own, findings)

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: what was made of it for this one is left behind."""
        inside = self.counts.start - self.switches.stop
        return ConnectionKind, (self.connection, self._own, self.findings, self.tls, inside)

    def made(self, row: Row, findings: list[model.Finding]) -> model.Connection:
        """The whole connection."""
        alike = self.connection
        tcp, commands = alike.tcp, row[self.counts] if alike.commands else ()
        (stream, address, port, first, last, start_ns, end_ns, out_of_order, from_client, from_server) = row[:10]
        return model.Connection(
            alike.capture,
            stream,
            model.Endpoint(address, port),
            alike.server,
            first,
            last,
            start_ns,
            end_ns,
            model.Tcp(tcp.syn, tcp.fin_from, tcp.rst_from, 0, out_of_order, 0, from_client, from_server),
            alike.phase_reached,
            alike.outcome,
            self._error(row),
            self._greeting(row),
            self._login(row),
            self.tls_of(row),
            self._exchange(row),
            alike.compression,
            dict(zip(alike.commands, commands, strict=True)),
            model.Timing(*row[TIMING:FRAMES]),
            alike.driver,
            alike.fingerprint,
            findings,
        )

    def outline(self, row: Row) -> model.Connection:
        """A connection as `outline_of` gives it, but for counts of bytes and frames within, which nobody asks for."""
        outline = copy(self._outline)
        outline.stream, outline.client = row[STREAM], model.Endpoint(row[ADDRESS], row[ADDRESS + 1])
        outline.first_frame, outline.last_frame, outline.start_time_ns, outline.end_time_ns = row[_SPAN]
        outline.timing = model.Timing(*row[TIMING:FRAMES])
        if outline.greeting is not None:
            outline.greeting = copy(outline.greeting)
            outline.greeting.connection_id = row[_THREAD]
        outline.findings = self.findings_of(row)
        return outline

    def findings_of(self, row: Row) -> list[model.Finding]:
        """What is found of one."""
        if not self.findings:
            return []
        frames = row[self.frames]
        if not self.has_own:
            return [kept.filled(frames) for kept in self.findings]
        return [kept.filled(frames + row[own]) for kept, own in zip(self.findings, self.own, strict=True)]

    def with_own(self, row: Row, times: Sequence[int]) -> Row | None:
        """A row with the texts of its findings that are a connection's own, of `times_of`; None where it lacks one."""
        for kept in self.findings:
            if kept.own:
                texts = own_texts(kept, times)
                if texts is None:
                    return None
                row = (*row, *texts)
        return row

    def remember(self, row: Row, history: History) -> None:
        """Has a history remember one."""
        known = self._note
        if isinstance(known, LoggedIn):
            history.logged_in(known, row[ADDRESS], row[TOTAL])

    def note(self, row: Row) -> Note | None:
        """What later connections need to know of one."""
        known = self._note
        if not isinstance(known, LoggedIn):
            return None
        return LoggedIn(row[ADDRESS], known.server, known.user, known.cached, known.path, row[TOTAL])

    def _error(self, row: Row) -> model.ErrorReport | None:
        error = self.connection.error
        if error is None:
            return None
        return model.ErrorReport(error.code, error.sqlstate, error.message, row[REFUSED], error.phase)

    def _greeting(self, row: Row) -> model.Greeting | None:
        greeting = self.connection.greeting
        if greeting is None:
            return None
        return model.Greeting(
            greeting.protocol_version,
            greeting.server_version,
            greeting.flavor,
            row[_THREAD],
            greeting.auth_plugin,
            greeting.capabilities,
            greeting.collation_id,
            greeting.collation,
            greeting.status_flags,
            row[FRAMES],
        )

    def _login(self, row: Row) -> model.Login | None:
        login = self.connection.login
        if login is None:
            return None
        attributes = login.attributes
        if attributes is not None:
            attributes = attributes.copy()
            for name, place in self.attributes.items():
                attributes[name] = row[place]
        return model.Login(
            login.user,
            login.database,
            login.auth_plugin,
            login.capabilities,
            login.max_packet_size,
            login.collation_id,
            login.collation,
            attributes,
            login.zstd_level,
            row[LOGGED_IN],
        )

    def tls_of(self, row: Row) -> model.Tls | None:
        """The `tls` of a connection."""
        if self.tls is None:
            return None
        frames = row[self.frames]
        made = copy(self.tls)
        made.alerts, made.inferred = [*map(copy, made.alerts)], copy(made.inferred)
        made.certificates, made.client_certificates = made.certificates.copy(), made.client_certificates.copy()
        made.offered_versions, made.alpn_offered = made.offered_versions.copy(), made.alpn_offered.copy()
        if made.requested_frame is not None:
            made.requested_frame = frames[made.requested_frame]
        for part in seen_in(made):
            part.frame = frames[part.frame]
        return made

    def _exchange(self, row: Row) -> model.Authentication | None:
        exchange = self.connection.authentication
        if exchange is None:
            return None
        steps, switches = row[self.steps], row[self.switches]
        return model.Authentication(
            exchange.plugin,
            [model.Switch(one.from_, one.to, frame) for one, frame in zip(exchange.switches, switches, strict=True)],
            exchange.path,
            exchange.password_protection,
            [
                model.Step(one.sender, one.record, one.summary, frame)
                for one, frame in zip(exchange.steps, steps, strict=True)
            ],
        )


def seen_in(tls: model.Tls) -> list[model.Alert | model.Inferred]:
    """What is told of single records of a TLS session."""
    return [*tls.alerts, *([] if tls.inferred is None else [tls.inferred])]


class Alike(msgspec.Struct, frozen=True, gc=False):
    """A connection of a known kind: what is its own.

    outline  of one that has passed: what is asked of it where a finding waits for other connections, as `outline_of`
             has it, and with the findings as they are; None where none waits
    """

    kind: ConnectionKind
    row: Row
    outline: model.Connection | None = None

    @property
    def stream(self) -> int:
        """Its number in the capture."""
        stream: int = self.row[STREAM]
        return stream

    def passed(self, across: Across) -> Alike:
        """The same once it has passed, in the order of connections: others know of it, and it has what they decide."""
        kind, row = self.kind, self.row
        if kind.is_open:
            outline = kind.outline(row)
            across.judge(outline)
            return Alike(kind, row, outline)
        kind.remember(row, across.history)
        return self

    def findings(self) -> list[model.Finding]:
        """What is found of it, as far as that is decided."""
        return self.kind.findings_of(self.row) if self.outline is None else self.outline.findings

    def connection(self) -> model.Connection:
        """The whole connection."""
        return self.kind.made(self.row, self.findings())

    def note(self) -> Note | None:
        """What later connections need to know of it."""
        return self.kind.note(self.row)

"""Connections of which nothing shows: a login of a known shape, plain commands, an end. They are told of without facts.

What is asked here of one are the conditions of rules that others of its kind may meet; `COVERED` says whether there are
no more. All else that rules ask of a login is the same for those with one key. Who is not ordinary goes another way.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from analyzer.analysis.connection.kinds import Alike, ConnectionKind, Row
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.conversation.login_shapes import LoginShape, PlainSession, answered
from analyzer.analysis.conversation.shape_learning import record_attributes
from analyzer.analysis.findings.conditions import asks_for_events, has_error, has_failed_command, left_open
from analyzer.analysis.findings.engine import BITS, OF_LOGIN, SESSION, Key, asked_of
from analyzer.analysis.findings.kept import frames_of
from analyzer.analysis.findings.rule import Evidence, times_of
from analyzer.analysis.findings.rules import (
    cached_login_never_hits,
    change_user_refused,
    client_gave_up,
    command_after_quit,
    command_cut_off,
    connection_churn,
    connection_reset,
    health_check,
    overlapping_commands,
    packet_too_large,
    server_ended_session,
    server_went_down,
    session_killed,
    slow_login,
    statement_leak,
    unanswered_commands,
)
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.tables.commands import COM_PING, COM_QUIT, COM_STATISTICS, COM_STMT_PREPARE

MOST_KNOWN: Final = 4096
# Conditions that the key of a connection decides.
OF_KEY: Final = frozenset(
    {has_error, has_failed_command, left_open, asks_for_events}
    | {server_ended_session.is_unasked, server_went_down.applies, change_user_refused.was_asked}
)
# Those that no ordinary connection meets.
RULED_OUT: Final = frozenset(
    {cached_login_never_hits.applies, client_gave_up.applies, command_after_quit.applies, command_cut_off.applies}
    | {connection_churn.applies, connection_reset.applies, health_check.applies, overlapping_commands.applies}
    | {packet_too_large.was_cut, slow_login.applies, statement_leak.leaves_many, unanswered_commands.applies}
    | {session_killed.applies}
)
COVERED: Final = {condition for _, condition in asked_of(SESSION)} <= OF_LOGIN | OF_KEY | RULED_OUT
# Constants of others, once more: here they are numbers of C.
_SHORT_NS: Final = health_check.SHORT_NS
_FEW: Final = health_check.FEW_COMMANDS
_WORTH_NS: Final = slow_login.WORTH_NS
_UNUSUAL: Final = sum(BITS[condition] for condition in RULED_OUT)


class LoginPlaces:
    """Where the values of a row stand in what is kept of a login.

    frames, times  places of its segments: in the order of `frames_of` and `times_of`
    greeted, logged_in, decided  the first of `frames`
    thread         of the greeting's bytes: the first, and the one behind the last
    attributes     of the login's bytes, of those that are each client's own; `names`: theirs, with their numbers
    full           whether the password itself was asked for
    """

    __slots__ = (
        *("attributes", "decided", "frames", "full", "greeted", "logged_in", "names", "thread", "thread_end"),
        "times",
    )

    def __init__(self, shape: LoginShape) -> None:
        known = shape.known
        self.frames = frames_of(known)
        self.times = times_of(known)
        self.greeted, self.logged_in, self.decided = known.greeting.frame, known.login.frame, known.auth.verdict_frame
        thread = next((field.place for field in shape.fields[0] if field.name == "thread_id"), slice(0, 0))
        self.thread, self.thread_end = thread.start, thread.stop
        free = [field for field in shape.fields[shape.login] if field.attribute >= 0]
        free.sort(key=lambda field: field.attribute)
        self.attributes = [field.place for field in free]
        said = () if known.login.record is None else record_attributes(known.login.record)
        self.names = {said[field.attribute][0]: field.attribute for field in free}
        self.full = known.auth.path == "full"


class Ordinary:
    """The kinds of ordinary connections of one capture, by what decides them.

    due  the key of the connection that was looked at last, where its kind is not known; None where it is not ordinary
    """

    __slots__ = ("_known", "_places", "due")

    def __init__(self) -> None:
        self._known: dict[Hashable, ConnectionKind] = {}
        self._places: dict[LoginShape, LoginPlaces] = {}
        self.due: Hashable | None = None

    def told(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> Alike | None:
        """What is an ordinary connection's own; None where it is none, or of no kind that is known."""
        self.due = None
        plain = conversation.plain
        if plain is None or not plain.shape.steps or not COVERED or has_signs(tcp, evidence):
            return None
        places = regular_places(self._places, conversation, plain)
        if places is None:
            return None
        client = tcp.halves[conversation.client]
        server = tcp.halves[1 - conversation.client]
        session = plain.session
        codes, failed = answered(plain.answers) if session is None else (session.codes, session.failed)
        by_client = is_before(client.fin_frame, server.fin_frame)
        key = (plain.shape, tcp.endpoints[1 - conversation.client], codes, failed, by_client, server.fin_frame > 0)
        kind = self._known.get(key)
        if kind is None:
            self.due = key
            return None
        if may_be_check(tcp, plain, places, kind):
            return None
        row = row_of(tcp, conversation, plain, places, codes, None, ())
        return None if row is None else alike_of(kind, row, plain, places)

    def learn(self, tcp: TcpConnection, conversation: Conversation, alike: Alike, met: Key) -> None:
        """Others like the connection that was looked at last are of this kind, where its row is the same here."""
        plain, key = conversation.plain, self.due
        if plain is None or key is None or met[0] & _UNUSUAL:
            return
        row = row_of(tcp, conversation, plain, self._places[plain.shape], answered(plain.answers)[0], None, ())
        if row is None or row != alike.row[: len(row)]:
            return
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[key] = alike.kind


def has_signs(tcp: TcpConnection, evidence: Evidence) -> bool:
    """Whether something went wrong on the way, or is known of the capture."""
    if tcp.trouble is not None or tcp.retransmissions or tcp.gaps:
        return True
    if evidence.cut_short or evidence.twin is not None or evidence.password is not None:
        return True
    return tcp.last_ns <= tcp.first_ns or bool(evidence.refused or evidence.clock.tells)


def regular_places(
    known: dict[LoginShape, LoginPlaces], conversation: Conversation, plain: PlainSession
) -> LoginPlaces | None:
    """Where the values of a login stand, `known` by its shape; None where more shows of the connection than others of
    its shape have in common."""
    places = known.get(plain.shape)
    if places is None:
        places = known[plain.shape] = LoginPlaces(plain.shape)
    regular = _is_regular(plain, conversation.client, places) and not _place_matters(conversation, places)
    return places if regular else None


def alike_of(kind: ConnectionKind, row: Row, plain: PlainSession, places: LoginPlaces) -> Alike | None:
    """A connection of a kind, by its row but for texts of its findings; None where it lacks one of these."""
    own: Row | None = row
    if kind.has_own:
        own = kind.with_own(row, [plain.times[place] for place in places.times])
    return None if own is None else Alike(kind, own)


def _is_regular(plain: PlainSession, client: int, places: LoginPlaces) -> bool:
    """Whether nothing shows of a session but that commands failed."""
    answers, closing = plain.answers, plain.closing
    if not answers.is_orderly() or closing.unasked_frame or closing.reset is not None:
        return False
    # The client left before the verdict came.
    end = closing.end
    return end is None or end[0] != client or plain.frames[places.decided] <= end[2]


def _place_matters(conversation: Conversation, places: LoginPlaces) -> bool:
    """Whether it matters which of its client's connections it is."""
    place = conversation.place
    if place is None:
        return False
    nth, burst, _ = place
    return (places.full and nth > 1) or (burst >= connection_churn.FIRST and connection_churn.is_milestone(burst))


def may_be_check(tcp: TcpConnection, plain: PlainSession, places: LoginPlaces, kind: ConnectionKind) -> bool:
    """Whether it may be a health check, or prepares more than it closes."""
    answers = plain.answers
    counts = answers.counts
    if counts.get(COM_STMT_PREPARE, 0) >= statement_leak.MANY:
        return True
    if tcp.last_ns - tcp.first_ns > _SHORT_NS or len(counts) > _FEW or sum(counts.values()) > _FEW:
        return False
    if kind.is_watched or COM_PING in counts or COM_STATISTICS in counts:
        return True
    login, opening = plain.frames[places.logged_in], answers.opening
    if login < plain.frames[places.greeted]:
        return True
    return bool(opening) and opening[0].code == COM_QUIT and opening[0].frame == login


def row_of(
    tcp: TcpConnection,
    conversation: Conversation,
    plain: PlainSession,
    places: LoginPlaces,
    codes: tuple[int, ...],
    tls_ns: int | None,
    inside: Sequence[int],
) -> Row | None:
    """What is a connection's own, but for texts of its findings; None where clocks went back, or the login was slow.

    `inside`: frames of its TLS session.
    """
    if tcp.syn_ns is None or tcp.connected_ns is None:
        return None
    frames, times = plain.frames, plain.times
    syn_ns, connected_ns = tcp.syn_ns, tcp.connected_ns
    greeting_ns, login_ns = times[places.times[0]], times[places.times[1]]
    verdict_ns = times[places.times[3]]
    if not syn_ns <= connected_ns <= greeting_ns <= login_ns <= verdict_ns or tcp.first_ns > verdict_ns:
        return None
    total_ns = verdict_ns - tcp.first_ns
    if total_ns >= _WORTH_NS:
        return None
    client = tcp.halves[conversation.client]
    server = tcp.halves[1 - conversation.client]
    if client.rst_frame or server.rst_frame:
        return None
    address, port = tcp.endpoints[conversation.client]
    counts = plain.answers.counts
    thread, greeting = 0, plain.greeting
    for byte in range(places.thread_end - 1, places.thread - 1, -1):
        thread = thread << 8 | greeting[byte]
    row = [
        *(tcp.number, address, port, tcp.first_frame, tcp.last_frame, tcp.first_ns, tcp.last_ns, tcp.out_of_order),
        *(client.bytes, server.bytes, thread, connected_ns - syn_ns, greeting_ns - connected_ns, tls_ns),
        *(login_ns - greeting_ns, verdict_ns - login_ns, total_ns),
    ]
    for place in places.frames:
        row.append(frames[place])
    if inside:
        row += inside
    for code in codes:
        row.append(counts[code])
    for where in places.attributes:
        row.append(plain.login[where].decode("ascii"))
    return tuple(row)


def is_before(mine: int, theirs: int) -> bool:
    """Whether one frame came before another; 0: it never came."""
    return mine > 0 and (not theirs or mine < theirs)

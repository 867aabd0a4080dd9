"""Connections in TLS of which nothing shows: those with one outline are told of alike.

Either nobody can open it, or it holds a known login and plain turns. What is told of one rests on what its key holds,
as long as nothing went wrong. The second of a key is followed once more, with marks for the frames of its segments: so
it shows where they stand in what is told. The third has to be told of as the kind that was so made says; after that,
others are not followed any more.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from analyzer.analysis.connection import ordinary
from analyzer.analysis.connection.kinds import FRAMES, STEPS, Alike, ConnectionKind, Row, seen_in
from analyzer.analysis.connection.ordinary import (
    LoginPlaces,
    alike_of,
    has_signs,
    is_before,
    may_be_check,
    regular_places,
    row_of,
)
from analyzer.analysis.connection.tls import ENCRYPTED
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.conversation.login_shapes import LoginShape, answered
from analyzer.analysis.conversation.sealed_session import BEGUN
from analyzer.analysis.findings.catalog import TABLE
from analyzer.analysis.findings.conditions import asks_for_events, has_tls, without_login
from analyzer.analysis.findings.engine import OF_LOGIN, SESSION, asked_of
from analyzer.analysis.findings.kept import MARK, kept_in
from analyzer.analysis.findings.rule import OWN_MARK, Evidence, Own
from analyzer.analysis.findings.rules import (
    client_gave_up,
    connection_churn,
    connection_reset,
    encrypted_login,
    health_check,
    keys_missing,
    packet_too_large,
    plaintext_before_tls,
    plaintext_in_tls,
    statement_leak,
    weak_tls,
)
from analyzer.analysis.findings.signs import NO_LOGIN, TLS
from analyzer.analysis.model import connection as model
from analyzer.net.tcp.reassembly import TcpConnection

MOST_KNOWN: Final = 4096
# Nothing is said of waiting in a connection that is over before.
LONG_NS: Final = 1_000_000_000
# In `ConnectionKind.frames`: where those of the session's segments begin.
SEGMENTS: Final = STEPS - FRAMES
# What may be found of one: frames and the client's random are all of their texts that is its own.
SAID: Final = frozenset({keys_missing.RULE.code, encrypted_login.RULE.code})
# Conditions of rules that the key decides, and those that no such connection meets, or of which nothing is said.
OF_KEY: Final = frozenset({has_tls, without_login, plaintext_before_tls.injected, plaintext_in_tls.applies})
RULED_OUT: Final = frozenset(
    {client_gave_up.applies, connection_churn.applies, connection_reset.applies, asks_for_events}
    | {health_check.applies, packet_too_large.was_cut, statement_leak.leaves_many}
)
COVERED: Final = {condition for _, condition in asked_of(TLS | NO_LOGIN)} <= OF_LOGIN | OF_KEY | RULED_OUT
# The same of those that were opened.
SAID_OPENED: Final = frozenset({rule.code for rule in TABLE if rule.of_login} | {weak_tls.RULE.code})
OF_KEY_OPENED: Final = OF_KEY | ordinary.OF_KEY
COVERED_OPENED: Final = {
    condition for _, condition in asked_of(TLS | SESSION)
} <= OF_LOGIN | OF_KEY_OPENED | ordinary.RULED_OUT
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1) // _MICROSECOND
# Before and behind all times of captures, in microseconds.
_EVER: Final = 1 << 62


class Looked(msgspec.Struct, frozen=True):
    """A connection that was looked at, and is of no kind that is known yet.

    places  of its login, where it was opened; then `inside` is how many frames of its session stand in the row
    times   of the login's segments
    began   when its session did, in microseconds
    """

    key: Hashable
    row: Row
    inside: int
    places: LoginPlaces | None
    times: list[int]
    began: int


class SealedKinds:
    """The kinds of such connections of one capture, by what decides them.

    due    the connection that was looked at last, where its kind is not known; None where it has to go the whole way
           in any case
    """

    __slots__ = ("_known", "_learnt", "_places", "_seen", "due")

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()
        self._learnt: dict[Hashable, ConnectionKind | None] = {}
        self._known: dict[Hashable, ConnectionKind] = {}
        self._places: dict[LoginShape, LoginPlaces] = {}
        self.due: Looked | None = None

    def told(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> Alike | None:
        """What is such a connection's own; None where it is none, or of no kind that is known."""
        self.due = None
        sealed, plain = conversation.sealed, conversation.plain
        if sealed is None or plain is None or has_signs(tcp, evidence):
            return None
        if sealed.keys is not None:
            return self._told_opened(tcp, conversation)
        key, row = _key(tcp, conversation), _row(tcp, conversation)
        if key is None or row is None or not COVERED or tcp.last_ns - tcp.first_ns >= LONG_NS:
            return None
        kind = self._known.get(key)
        if kind is None:
            self.due = Looked(key, row, len(row) - STEPS, None, [], 0)
            return None
        return Alike(kind, row)

    def _told_opened(self, tcp: TcpConnection, conversation: Conversation) -> Alike | None:
        """The same of one that was opened."""
        sealed, plain = conversation.sealed, conversation.plain
        key = _key(tcp, conversation)
        if key is None or sealed is None or plain is None or sealed.opener is None or not COVERED_OPENED:
            return None
        places = regular_places(self._places, conversation, plain)
        if places is None:
            return None
        codes, failed = answered(plain.answers)
        key = (key, plain.shape, bytes(sealed.opener.outline), codes, failed)
        row = _row_opened(tcp, conversation, places, codes)
        if row is None:
            return None
        began = sealed.times[0] // 1000
        kind = self._known.get(key)
        if kind is not None and kind.lasts is not None and began not in kind.lasts:
            del self._known[key]
            self._learnt.pop(key, None)
            kind = None
        if kind is None:
            inside = 1 + BEGUN + len(sealed.frames)
            self.due = Looked(key, row, inside, places, [plain.times[place] for place in places.times], began)
            return None
        return None if may_be_check(tcp, plain, places, kind) else alike_of(kind, row, plain, places)

    def again(self, conversation: Conversation) -> Conversation | None:
        """The connection that was looked at last with marks for frames, where a kind is to be made of it."""
        due = self.due
        if due is None or due.key in self._learnt:
            return None
        if due.key not in self._seen:  # it may be the only one
            if len(self._seen) >= MOST_KNOWN:
                self._seen.clear()
            self._seen.add(due.key)
            return None
        return conversation.again(MARK + _segments_of(due))

    def learn(self, told: model.Connection, marked: model.Connection | None, own: Sequence[Own]) -> None:
        """The connection that was looked at last is told of like this; `marked`: as it is with marks for frames, and
        for what was asked for with `own`."""
        due = self.due
        if due is None:
            return
        if marked is not None:
            if len(self._learnt) >= MOST_KNOWN:
                self._learnt.clear()
            kind = self._learnt[due.key] = _kind(told, marked, due, own)
        else:
            kind = self._learnt.get(due.key)
        if kind is None:
            return
        row = kind.with_own(due.row, due.times)
        if row is None or kind.made(row, kind.findings_of(row)) != told:
            self._learnt[due.key] = None  # others like it go the whole way
        elif marked is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[due.key] = kind


def _key(tcp: TcpConnection, conversation: Conversation) -> Hashable | None:
    """All that what is told rests on, but for what stands in the row; None where more than that may matter."""
    plain, sealed, closing = conversation.plain, conversation.sealed, conversation.closing
    if plain is None or sealed is None or not sealed.over or sealed.server_hello is None:
        return None
    asked = plain if plain.asked is None else plain.asked
    # The greeting and the SSLRequest in a segment each.
    if len(asked.frames) != 1 + BEGUN or closing.end is None or closing.reset is not None:
        return None
    place = conversation.place
    if place is not None and place[1] >= connection_churn.FIRST and connection_churn.is_milestone(place[1]):
        return None
    client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
    if client.rst_frame or server.rst_frame:
        return None
    return (
        *(asked.shape, tcp.endpoints[1 - conversation.client], sealed.client_hello, sealed.server_hello),
        *(bytes(sealed.outline), closing.end[:2], closing.end[2] == sealed.frames[-1], conversation.client),
        *(is_before(client.fin_frame, server.fin_frame), client.fin_frame > 0, server.fin_frame > 0, tcp.closed),
        *(client.fin_unseen, server.fin_unseen, client.acked >= 0, server.acked >= 0),
    )


def _row(tcp: TcpConnection, conversation: Conversation) -> Row | None:
    """What is a connection's own; None where clocks went back."""
    plain, sealed, end = conversation.plain, conversation.sealed, conversation.closing.end
    if plain is None or sealed is None or end is None or tcp.syn_ns is None or tcp.connected_ns is None:
        return None
    greeting_ns, asked_ns = plain.times[1], plain.times[-1]
    if not tcp.syn_ns <= tcp.connected_ns <= greeting_ns <= asked_ns <= sealed.times[0] <= end[3]:
        return None
    client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
    thread = next((field.place for field in plain.shape.fields[0] if field.name == "thread_id"), slice(0))
    return (
        *(tcp.number, *tcp.endpoints[conversation.client], tcp.first_frame, tcp.last_frame, tcp.first_ns, tcp.last_ns),
        *(tcp.out_of_order, client.bytes, server.bytes, int.from_bytes(plain.greeting[thread], "little")),
        *(tcp.connected_ns - tcp.syn_ns, greeting_ns - tcp.connected_ns, None, None, None, None),
        *(plain.frames[1], 0, 0, 0),
        *(*plain.frames[1:], *sealed.frames_with(end[2]), sealed.random.hex()),
    )


def _row_opened(
    tcp: TcpConnection, conversation: Conversation, places: LoginPlaces, codes: tuple[int, ...]
) -> Row | None:
    """The same of one that was opened, but for texts of its findings."""
    plain, sealed, end = conversation.plain, conversation.sealed, conversation.closing.end
    if plain is None or sealed is None or plain.asked is None or end is None:
        return None
    # The greeting, the SSLRequest, the TLS session, and the first that was opened of it.
    greeting_ns, asked_ns, secured_ns = plain.times[1 : 2 + BEGUN]
    if not greeting_ns <= asked_ns <= sealed.times[0] <= secured_ns <= end[3]:
        return None
    frames = [*plain.asked.frames[1:], *sealed.frames_with(end[2])]
    return row_of(tcp, conversation, plain, places, codes, secured_ns - asked_ns, frames)


def _segments_of(due: Looked) -> int:
    """In `ConnectionKind.frames`: where those of the session's segments begin."""
    return SEGMENTS if due.places is None else len(due.places.frames)


def _kind(
    connection: model.Connection, marked: model.Connection, due: Looked, own: Sequence[Own]
) -> ConnectionKind | None:
    """The kind of a connection; None where more is told of it than others are known to have in common."""
    said = SAID if due.places is None else SAID_OPENED
    if any(finding.code not in said for finding in marked.findings) or marked.tls is None:
        return None
    tls, requested, first = marked.tls, marked.tls.requested_frame, _segments_of(due)
    places = {MARK + place: place for place in range(first, first + due.inside)}
    if due.places is None:
        random = str(due.row[-1])
        places[OWN_MARK] = first + due.inside - 1
        for finding in marked.findings:
            finding.evidence = [text.replace(random, str(OWN_MARK)) for text in finding.evidence]
    else:
        places |= {OWN_MARK + number: first + due.inside + number for number in range(len(own))}
    kept = kept_in(marked.findings, places, () if due.places is None else own)
    if kept is None or requested not in places or any(part.frame not in places for part in seen_in(tls)):
        return None
    for part in seen_in(tls):
        part.frame = places[part.frame]
    tls.requested_frame = places[requested]
    kind = ConnectionKind(connection, {} if due.places is None else due.places.names, kept, tls, due.inside)
    if due.places is not None:
        kind.lasts = _lasts([*tls.certificates, *tls.client_certificates], due.began)
        return kind if tls.decrypted and connection.login is not None else None
    if connection.login is not None or connection.authentication is not None or connection.error is not None:
        return None
    alike = connection.outcome == ENCRYPTED and not tls.certificates and not tls.client_certificates
    return kind if alike and not kind.is_open else None


def _lasts(certificates: Sequence[model.Certificate], time_us: int) -> range:
    """The times around one at which the same is told of certificates (`tls.certificate_of`), in microseconds."""
    first, stop = -_EVER, _EVER
    for one in certificates:
        begin, end = _microseconds(one.not_before), _microseconds(one.not_after)
        days = (end - time_us) // _DAY
        first, stop = max(first, end - (days + 1) * _DAY + 1), min(stop, end - days * _DAY + 1)
        if time_us < begin:
            stop = min(stop, begin)
        else:
            first = max(first, begin)
    return range(first, stop)


def _microseconds(date: str) -> int:
    return (datetime.fromisoformat(date) - datetime.fromtimestamp(0, UTC)) // _MICROSECOND

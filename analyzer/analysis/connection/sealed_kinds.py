"""Connections in TLS that nobody can open, of which nothing shows: those with one outline are told of alike.

What is told of one rests on what its key holds, as long as it was short and nothing went wrong. The second of a key is
followed once more, with marks for the frames of its segments: so it shows where they stand in what is told. The third
has to be told of as the kind that was so made says; after that, others are not followed any more.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from analyzer.analysis.connection.kinds import FRAMES, STEPS, Alike, ConnectionKind, Row, seen_in
from analyzer.analysis.connection.ordinary import has_signs, is_before
from analyzer.analysis.connection.tls import ENCRYPTED
from analyzer.analysis.conversation.conversation import Conversation
from analyzer.analysis.findings.conditions import asks_for_events, has_tls, without_login
from analyzer.analysis.findings.engine import OF_LOGIN, asked_of
from analyzer.analysis.findings.kept import MARK, kept_in
from analyzer.analysis.findings.rule import OWN_MARK, Evidence
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
)
from analyzer.analysis.findings.signs import NO_LOGIN, TLS
from analyzer.analysis.model import connection as model
from analyzer.net.tcp.reassembly import TcpConnection

MOST_KNOWN: Final = 4096
# Segments before TLS.
BEGUN: Final = 2
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


class SealedKinds:
    """The kinds of such connections of one capture, by what decides them.

    due    the key and the row of the connection that was looked at last, where its kind is not known; None where it
           has to go the whole way in any case
    """

    __slots__ = ("_known", "_learnt", "_seen", "due")

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()
        self._learnt: dict[Hashable, ConnectionKind | None] = {}
        self._known: dict[Hashable, ConnectionKind] = {}
        self.due: tuple[Hashable, Row] | None = None

    def told(self, tcp: TcpConnection, conversation: Conversation, evidence: Evidence) -> Alike | None:
        """What is such a connection's own; None where it is none, or of no kind that is known."""
        self.due = None
        if not COVERED or has_signs(tcp, evidence):
            return None
        key, row = _key(tcp, conversation), _row(tcp, conversation)
        if key is None or row is None:
            return None
        kind = self._known.get(key)
        if kind is None:
            self.due = key, row
            return None
        return Alike(kind, row)

    def again(self, conversation: Conversation) -> Conversation | None:
        """The connection that was looked at last with marks for frames, where a kind is to be made of it."""
        if self.due is None or self.due[0] in self._learnt:
            return None
        if self.due[0] not in self._seen:  # it may be the only one
            if len(self._seen) >= MOST_KNOWN:
                self._seen.clear()
            self._seen.add(self.due[0])
            return None
        return conversation.again(MARK + SEGMENTS)

    def learn(self, connection: model.Connection, marked: model.Connection | None) -> None:
        """The connection that was looked at last is told of like this; `marked`: as it is with marks for frames."""
        if self.due is None:
            return
        key, row = self.due
        if marked is not None:
            if len(self._learnt) >= MOST_KNOWN:
                self._learnt.clear()
            kind = self._learnt[key] = _kind(connection, marked, row)
        else:
            kind = self._learnt.get(key)
        if kind is None:
            return
        if kind.made(row, kind.findings_of(row)) != connection:
            self._learnt[key] = None  # others like it go the whole way
        elif marked is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = kind


def _key(tcp: TcpConnection, conversation: Conversation) -> Hashable | None:
    """All that what is told rests on, but for what stands in the row; None where more than that may matter."""
    plain, sealed, closing = conversation.plain, conversation.sealed, conversation.closing
    if plain is None or sealed is None or not sealed.over or sealed.server_hello is None:
        return None
    # The greeting and the SSLRequest in a segment each.
    if len(plain.frames) != 1 + BEGUN or closing.end is None or closing.reset is not None:
        return None
    if tcp.last_ns - tcp.first_ns >= LONG_NS:
        return None
    place = conversation.place
    if place is not None and place[1] >= connection_churn.FIRST and connection_churn.is_milestone(place[1]):
        return None
    client, server = tcp.halves[conversation.client], tcp.halves[1 - conversation.client]
    if client.rst_frame or server.rst_frame:
        return None
    return (
        *(plain.shape, tcp.endpoints[1 - conversation.client], sealed.client_hello, sealed.server_hello),
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
        *(tcp.connected_ns - tcp.syn_ns, greeting_ns - tcp.connected_ns, None, None, None),
        *(plain.frames[1], 0, 0, 0),
        *(*plain.frames[1:], *sealed.frames, end[2], sealed.random.hex()),
    )


def _kind(connection: model.Connection, marked: model.Connection, row: Row) -> ConnectionKind | None:
    """The kind of a connection; None where more is told of it than others are known to have in common."""
    if any(finding.code not in SAID for finding in marked.findings) or marked.tls is None:
        return None
    if connection.login is not None or connection.authentication is not None or connection.error is not None:
        return None
    random, tls, requested = str(row[-1]), marked.tls, marked.tls.requested_frame
    inside = len(row) - STEPS
    places = {MARK + place: place for place in range(SEGMENTS, SEGMENTS + inside)}
    places[OWN_MARK] = SEGMENTS + inside - 1
    for finding in marked.findings:
        finding.evidence = [text.replace(random, str(OWN_MARK)) for text in finding.evidence]
    kept = kept_in(marked.findings, places)
    if kept is None or requested not in places or any(part.frame not in places for part in seen_in(tls)):
        return None
    for part in seen_in(tls):
        part.frame = places[part.frame]
    tls.requested_frame = places[requested]
    kind = ConnectionKind(connection, {}, kept, tls, inside)
    alike = connection.outcome == ENCRYPTED and not tls.certificates and not tls.client_certificates
    return kind if alike and not kind.is_open else None

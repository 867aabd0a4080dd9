"""What of a login is free: learnt from one that is followed with places of its segments for frames and times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

from analyzer.analysis.conversation.classifier import MYSQL, Chunk
from analyzer.analysis.conversation.facts import Facts, FaultFacts, HostileFacts
from analyzer.errors import DecodeError
from analyzer.protocol.auth.base import CLEARTEXT
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.records.authentication import AuthSwitchRequest
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import FREE_ATTRIBUTES, HandshakeResponse41
from analyzer.protocol.wire.framing import HEADER
from analyzer.protocol.wire.reader import TracingReader

# States of the connection phase in which the login is not decided, and TLS is not due.
UNDER_WAY: Final = frozenset({st.GREETING, st.LOGIN, st.SECURE_LOGIN, st.AUTHENTICATION})
# The place of the client's login among the pieces: behind the greeting, and inside TLS behind the SSLRequest too.
LOGIN_PIECE: Final = 1
LOGIN_IN_TLS: Final = 2
SWITCH: Final = 0xFE
ATTRIBUTES: Final = "attributes"


class FreeField(msgspec.Struct, frozen=True):
    """A record's field in a piece, at the bytes `place`, of which those at `free` may be any (decimal `digits`).

    `attribute` is its number where it is the value of a connection attribute.
    """

    name: str
    place: slice
    free: slice
    number: bool = False
    digits: bool = False
    attribute: int = -1


class Learning(msgspec.Struct, frozen=True):
    """Facts of a login in places of segments, the machine behind it, and the free fields of each piece."""

    facts: Facts
    machine: Machine
    fields: list[tuple[FreeField, ...]]


class LearnedFrom(Protocol):
    """A conversation, as a shape is learnt from it."""

    kind: int

    @property
    def facts(self) -> Facts:
        """What it leaves behind."""

    @property
    def machine(self) -> Machine:
        """Where it stands."""

    @property
    def is_plain(self) -> bool:
        """Whether all packets so far are whole, nothing is missing, and nothing is around the packets."""

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Takes a piece."""

    def release(self) -> None:
        """Nothing more is to come."""


def learn(follower: LearnedFrom, client: int, pieces: list[Chunk], login_piece: int) -> Learning | None:
    """What is to be known of a login that was decided with one of `pieces`; None where it is not like others.

    `follower` has seen nothing of it. Where pieces come before that of the login, the handshake of TLS is behind them.
    """
    if len(pieces) <= login_piece or pieces[0][0] == client or pieces[LOGIN_PIECE][0] != client:
        return None
    place = 0
    found: list[tuple[FreeField, ...]] = []
    for index, (sender, data, ends, _, _) in enumerate(pieces):
        places = list(range(place + 1, place + 1 + len(ends)))
        place += len(ends)
        follower.data(sender, data, list(ends), places, list(places))
        if follower.kind != MYSQL or not follower.is_plain or not _is_regular(follower.machine):
            return None
        try:
            fields = _fields(follower, index, login_piece, sender == client, data)
        except DecodeError:
            return None
        if fields is None:
            return None
        found.append(fields)
        if LOGIN_PIECE <= index < login_piece:
            if follower.machine.state != st.TLS_HANDSHAKE:
                return None
            follower.machine.secured()
        elif follower.machine.state not in UNDER_WAY:
            return Learning(follower.facts, follower.machine, found) if _is_clean(follower.facts) else None
    return None


def _is_regular(machine: Machine) -> bool:
    """Whether a machine is where another one of the same shape would be."""
    if machine.context.assumed or machine.one_sided or machine.queue or machine.command is not None:
        return False
    # What a server gives other plugins says something: a question, a name.
    plugin = machine.plugin
    return machine.sequence_error is None and (plugin is None or plugin.random_data)


def _is_clean(facts: Facts) -> bool:
    """Whether a login that was just decided left nothing behind that others of its shape might not."""
    greeting, login, auth = facts.greeting, facts.login, facts.auth
    if greeting.proxy is not None or greeting.early_error or greeting.server_first:
        return False
    if login.lost or login.before_tls is not None or login.tls_frame is not None:
        return False
    # A password in clear text is kept nowhere.
    if auth.messages_in_clear or auth.protection == CLEARTEXT or auth.verdict_lost:
        return False
    if facts.commands or facts.closing.unasked_frame:
        return False
    return facts.faults == FaultFacts() and facts.hostile == HostileFacts() and facts.answers.untouched


def _fields(
    follower: LearnedFrom, index: int, login_piece: int, by_client: bool, data: bytes
) -> tuple[FreeField, ...] | None:
    """The free fields of a piece that the follower has just taken; None where it is not to be learnt from."""
    packets = list(_packets(data))
    facts, machine = follower.facts, follower.machine
    greeting = facts.greeting.record
    if not isinstance(greeting, HandshakeV10) or not packets:
        return None
    if index == 0:
        return _free_of(greeting, Context(), data) if len(packets) == 1 else None
    if not by_client:
        return tuple(field for at in packets for field in _data_of_switch(machine, at, data))
    if len(packets) != 1:
        return None
    login, exchange = facts.login.record, machine.exchange
    opaque = exchange is not None and exchange.opaque
    if index > login_piece:
        whole = slice(HEADER, len(data))
        return (FreeField("data", whole, whole),) if opaque else ()
    if login is None:
        return () if index == LOGIN_PIECE else None  # an SSLRequest
    if not isinstance(login, HandshakeResponse41):
        return None
    fields = _free_of(login, Context(server=greeting.capability_flags), data)
    return fields if opaque or fields is None else tuple(one for one in fields if one.name != "auth_response")


def _packets(data: bytes) -> Iterator[int]:
    """Where the packets of a piece begin; it ends with the last of them, as nothing is under way behind it."""
    at = 0
    while at + HEADER <= len(data):
        yield at
        at += HEADER + int.from_bytes(data[at : at + 3], "little")


def _free_of(record: Record, context: Context, data: bytes) -> tuple[FreeField, ...] | None:
    """The free fields of the record that is a piece; None where it is not decoded alike."""
    reader = TracingReader(data, type(record).__name__, HEADER)
    if type(record).decode(reader, context) != record:
        return None
    free = record.free(context)
    found = []
    attribute = -1
    for span in reader.spans:
        if span.name == "attribute_value":
            attribute += 1
            name, value = record_attributes(record)[attribute]
            place = slice(span.end - len(span.value), span.end)
            if name in FREE_ATTRIBUTES and value.isascii() and value.isdigit():
                found.append(FreeField(ATTRIBUTES, place, place, digits=True, attribute=attribute))
        elif span.name in free:
            number = isinstance(span.value, int)
            # Its length may stand in front of it.
            start = span.start if number else span.end - len(span.value)
            stop = span.end - free[span.name]
            if stop > start:
                found.append(FreeField(span.name, slice(start, span.end), slice(start, stop), number))
    return tuple(found)


def record_attributes(record: Record) -> tuple[tuple[str, str], ...]:
    """A login's connection attributes."""
    return record.attributes or () if isinstance(record, HandshakeResponse41) else ()


def _data_of_switch(machine: Machine, at: int, data: bytes) -> Iterator[FreeField]:
    """What a request to switch the plugin gives to it; the byte that ends it is not free."""
    if data[at + HEADER] != SWITCH or machine.plugin is None:
        return
    reader = TracingReader(data[: at + HEADER + int.from_bytes(data[at : at + 3], "little")], pos=at + HEADER)
    AuthSwitchRequest.decode(reader, machine.context)
    for span in reader.spans:
        if span.name == "plugin_provided_data" and span.end - span.start > 1:
            yield FreeField(span.name, slice(span.start, span.end), slice(span.start, span.end - 1))

"""Redacts one connection while it is decoded: every byte of its streams has a place, and gets its replacement there."""

from __future__ import annotations

import re
from typing import Final

from analyzer.analysis.conversation.classifier import MYSQL, UNDECIDED
from analyzer.analysis.conversation.fast_path import QUIT
from analyzer.analysis.conversation.login_shapes import LoginShape
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.errors import BadValue, Truncated
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.records.proxy import V2_HEADER, decode_proxy
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41
from analyzer.protocol.tables.commands import COM_STMT_CLOSE
from analyzer.protocol.wire.framing import HEADER, LONGEST, RawPacket, encode_packet
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.places import Places
from analyzer.sharing.plain import PlainSpool, PlainWatcher
from analyzer.sharing.redaction.packets import escapes_after
from analyzer.sharing.redaction.replacements import difference
from analyzer.sharing.redaction.spool import StreamSpool
from analyzer.sharing.redaction.tls import TlsRedactor
from analyzer.sharing.redaction.turns import TurnRedactor
from analyzer.sharing.watched import ConversationObserver, StreamPiece, WatchedConversation

# Bytes of a stream that wait for the packet they are of, beside those that the decoder itself waits for.
_SLACK: Final = 1 << 16
# Bytes at the front of a packet that it is known again by, where it is not where it should be.
_KNOWN_BY: Final = 256


# What other protocols begin with: it says which program came to the wrong port.
_FOREIGN: Final = re.compile(rb"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT) |SSH-2\.0-|USER |EHLO |HELO ")


_RECORD: Final = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


class _Stream:
    """The bytes of one direction that no packet has claimed yet; `place` is that of the first."""

    __slots__ = ("data", "floor", "place", "recent", "tls")

    def __init__(self) -> None:
        self.recent = (-1, b"")  # the last piece that was taken for TLS
        self.data = bytearray()
        self.floor = 0  # only a packet with a hole in it begins before this
        self.place = -1
        self.tls: TlsRedactor | None = None

    @property
    def end(self) -> int:
        return self.place + len(self.data)


class RedactingWatcher(ConversationObserver):
    """Takes a connection's bytes before they are decoded, and its packets after: what is equal is understood.

    What no packet claims has no replacement, and so becomes zeros.
    """

    __slots__ = (
        *(
            "_before",
            "_claimed",
            "_client",
            "_closes",
            "_context",
            "_conversation",
            "_ends",
            "_escapes",
            "_packets",
            "_passing",
            "_plain",
            "_proxied",
            "_sides",
            "_spool",
            "_streams",
        ),
        *("_places", "_tcp", "_turns"),
    )

    def __init__(
        self, tcp: TcpConnection, turns: TurnRedactor, spool: StreamSpool, plain: PlainSpool, ends: ConnectionEnds
    ) -> None:
        self._tcp = tcp
        self._packets = turns.packets
        self._turns = turns
        self._spool = spool
        self._plain = PlainWatcher(tcp, plain)
        self._ends = ends
        self._conversation: WatchedConversation | None = None
        self._places = Places()
        self._client = 0
        self._streams = (_Stream(), _Stream())
        self._escapes: bool | None = None
        self._passing = False  # rows may come together
        self._proxied = False
        self._claimed = [False, False]  # whether any packet of a side was
        self._closes = b""
        self._context: Context | None = None  # where the machine is made
        self._before: tuple[dict[str, int], int] = {}, 0  # what had been replaced, and zeroed, before a login

    @property
    def logins(self) -> bool:
        return not self._turns.used

    @property
    def streams(self) -> bool:
        return True

    @property
    def full(self) -> bool:
        return self._passing

    @property
    def turns(self) -> bool:
        if not (self._turns.used and self._plain.over):
            return False
        context = self._context
        if context is None and self._conversation is not None:
            context = self._conversation.standing.context
        return context is not None and context.in_force & CLIENT_PROTOCOL_41 != 0

    @property
    def executes(self) -> bool:
        return True

    @property
    def all_turns(self) -> bool:
        return True

    @property
    def held(self) -> int:
        return self._plain.held + sum(len(one.data) for one in self._streams)

    def follow(self, conversation: WatchedConversation) -> None:
        self._conversation = conversation
        self._places = conversation.places
        self._plain.follow(conversation)

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def stream(self, piece: StreamPiece) -> None:
        sender, place, data, _ = piece
        conversation = self._conversation
        stream = self._streams[sender]
        if conversation is None or conversation.kind not in (MYSQL, UNDECIDED):
            stream.data.clear()
            return
        if conversation.tls is not None:
            self._begin_tls()
            self._through_tls(sender, place, data)
            return
        if place != stream.end:
            # Bytes are missing: what waited before them is of no packet that is whole.
            self._begin_again(stream, place)
        stream.data += data
        spare = len(stream.data) - conversation.incomplete - len(data) - _SLACK
        if spare > 0 and conversation.kind == MYSQL:
            del stream.data[:spare]
            stream.place += spare

    @staticmethod
    def _begin_again(stream: _Stream, place: int) -> None:
        # What a packet began with before the hole may still be claimed.
        if stream.data and 0 <= place - stream.end <= _SLACK:
            stream.data += bytes(place - stream.end)
            stream.floor = len(stream.data)
        else:
            stream.data.clear()
            stream.place = place
            stream.floor = 0

    def _leave(self, sender: int, stream: _Stream) -> None:
        """A packet that never became whole: how long it was to be is no content."""
        if sender == self._client and not self._proxied:
            self._proxied = True
            self._proxy_header(sender, stream)
        foreign = _FOREIGN.match(bytes(stream.data[:_KNOWN_BY]))
        if foreign is not None and not self._claimed[sender]:
            self._spool.add(self._tcp, sender, stream.place, foreign.group())
            return
        if _RECORD.match(stream.data):
            self._redact_as_tls(sender, stream)
            return
        head = bytes(stream.data[:HEADER])
        size = int.from_bytes(head[:3], "little")
        if len(head) < HEADER or head[2] or HEADER + size <= len(stream.data):
            return
        self._spool.add(self._tcp, sender, stream.place, head)
        kind: type[Record] | None = None
        if self._claimed == [False, False] and sender != self._client:
            kind = HandshakeV10
        elif not self._claimed[self._client] and sender == self._client:
            kind = HandshakeResponse41
        if kind is not None and self._conversation is not None:
            payload = bytes(stream.data[HEADER:])
            made = self._packets.partial(payload, kind, self._conversation.machine.context)
            self._spool.add(self._tcp, sender, stream.place + HEADER, made)

    def _begin_tls(self) -> None:
        """What no packet has claimed is TLS."""
        for number, stream in enumerate(self._streams):
            if stream.tls is None:
                self._redact_as_tls(number, stream)

    def _redact_as_tls(self, sender: int, stream: _Stream) -> None:
        seed = f"{self._tcp.first_frame}:{self._tcp.first_ns}:{sender}".encode()
        stream.tls = TlsRedactor(self._packets.replacements, self._packets.keep, seed)
        early = bytes(stream.data)
        stream.data.clear()
        self._through_tls(sender, stream.place, early)

    def _through_tls(self, sender: int, place: int, data: bytes) -> None:
        stream = self._streams[sender]
        if stream.tls is None or not data:
            return
        if stream.place < 0:
            stream.place = place
        if place != stream.place + stream.tls.held:
            left = stream.tls.finish()
            self._spool.add(self._tcp, sender, stream.place, left)
            stream.place = place
        stream.recent = (place, data)
        made = stream.tls.feed(data)
        self._spool.add(self._tcp, sender, stream.place, made)
        stream.place += len(made)

    # -- packets -------------------------------------------------------------------------------------------------------

    def begin(self, client: int) -> None:
        self._client = client
        self._plain.begin(client)

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        self._context = machine.context

    def known_login(self, shape: LoginShape, pieces: list[StreamPiece]) -> bool:
        turns, packets = self._turns, self._packets
        known = turns.logins.get(shape, packets.sql.known_names)
        if known is None:
            self._before = dict(packets.replacements.counts), packets.zeroed
            return False
        for (sender, place, _, _), made in zip(pieces, known.made(pieces), strict=True):
            self._spool.add(self._tcp, sender, place, made)
            self._streams[sender].place = place + len(made)
        for kind, count in known.counts.items():
            packets.replacements.count(kind, count)
        packets.zeroed += known.zeroed
        self._escapes = known.escapes
        self._claimed = [True, True]
        self._plain.over = self._proxied = True
        return True

    def quits(self, sender: int) -> None:
        self._replace(sender, self._tcp.piece_seq, QUIT)

    def see_login(self, shape: LoginShape, pieces: list[StreamPiece]) -> None:
        turns, packets, (before, zeroed) = self._turns, self._packets, self._before
        if not turns.logins.wanted(shape):
            return
        counts = difference(packets.replacements.counts, before)
        made = [self._spool.waiting(self._tcp, sender, place, len(data)) for sender, place, data, _ in pieces]
        rest = packets.zeroed - zeroed, self._escapes, packets.sql.known_names
        turns.logins.learn(shape, pieces, made, counts, rest)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if role == SERVER:
            self._escapes = escapes_after(record, self._escapes)
        self._context = machine.context
        payload = self._packets.redact(role, packet, record, machine, before, self._escapes)
        self._plain.take(role, packet, record, machine, before, payload)
        if not self._plain.opened:
            self._claim(role, packet, payload)
            passing = self._plain.over and machine.state == st.ROWS
            if passing != self._passing:
                # Of rows the machine need not know more than how many there are; their columns are known.
                self._passing = passing
                machine.decode_rows = not passing

    def passed(self, before: str, count: int, length: int, frame: int, time_ns: int) -> None:
        conversation = self._conversation
        stream = self._streams[1 - self._client]
        size = HEADER * count + length
        if conversation is None or stream.tls is not None or size > len(stream.data):
            return
        made = self._packets.rows.packets(bytes(stream.data[:size]), count, conversation.machine)
        if made is None:
            return
        self._spool.add(self._tcp, 1 - self._client, stream.place, made)
        del stream.data[:size]
        stream.place += size
        stream.floor = max(stream.floor - size, 0)

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        if turn.code == COM_STMT_CLOSE:
            self._closes += turn.request  # it stands in front of the command that comes next
            return
        pieces, (begin, middle, stop), end = turn.pieces, turn.span, turn.end
        made = self._closes + self._turns.request(turn, machine, self._escapes)
        self._closes = b""
        self._replace(self._client, pieces.first_number(self._client, begin, middle), made)
        data = pieces.content(middle, stop)
        if end is None:
            made = self._turns.prepared(turn, data, machine, self._escapes)
        else:
            made = self._turns.response(turn, end, data, machine, self._escapes)
            self._escapes = escapes_after(end, self._escapes)
        self._replace(1 - self._client, pieces.first_number(1 - self._client, middle, stop), made)

    def _replace(self, sender: int, number: int, made: bytes) -> None:
        """What stands in a stream from this sequence number on; what was not claimed before it is nothing whole."""
        stream = self._streams[sender]
        place = self._places.of(sender, number)
        self._spool.add(self._tcp, sender, place, made)
        stream.data.clear()
        stream.place = place + len(made)
        stream.floor = 0
        self._claimed[sender] = True

    def _claim(self, role: int, packet: RawPacket, payload: bytes) -> None:
        """Finds a packet in the stream, and puts what is to be seen in its place."""
        sender = self._client if role == CLIENT else 1 - self._client
        stream = self._streams[sender]
        if stream.tls is not None:
            self._claim_after_tls(sender, stream, packet, payload)
            return
        if role == CLIENT and not self._proxied:
            self._proxied = True
            self._proxy_header(sender, stream)
        size = packet.length
        data = stream.data
        if size == len(packet.payload) and size < LONGEST:
            # One part, in its place: nearly all packets.
            head = size.to_bytes(3, "little") + bytes((packet.first_sequence_id,))
            if data[:HEADER] == head and data[HEADER : HEADER + size] == packet.payload:
                self._claimed[sender] = True
                self._spool.add(self._tcp, sender, stream.place, head + payload)
                del data[: HEADER + size]
                stream.place += HEADER + size
                stream.floor = max(stream.floor - HEADER - size, 0)
                return
        if packet.length > len(packet.payload):
            old, new = _cut_packet(packet, packet.payload), _cut_packet(packet, payload)
        else:
            old, new = (
                encode_packet(packet.payload, packet.first_sequence_id),
                encode_packet(payload, packet.first_sequence_id),
            )
        at = 0 if data.startswith(old) else data.find(old, stream.floor)
        if at < 0:
            return
        self._claimed[sender] = True
        self._spool.add(self._tcp, sender, stream.place + at, new)
        del data[: at + len(old)]
        stream.place += at + len(old)
        stream.floor = max(stream.floor - at - len(old), 0)

    def _claim_after_tls(self, sender: int, stream: _Stream, packet: RawPacket, payload: bytes) -> None:
        """What servers say in plain text when TLS has failed."""
        place, data = stream.recent
        old = encode_packet(packet.payload, packet.first_sequence_id)
        at = data.find(old)
        if at >= 0 and packet.length == len(payload):
            self._spool.add(self._tcp, sender, place + at, encode_packet(payload, packet.first_sequence_id))

    def _proxy_header(self, sender: int, stream: _Stream) -> None:
        """A PROXY header in front of all else: its addresses are replaced."""
        try:
            header = decode_proxy(bytes(stream.data[:_KNOWN_BY]))
        except (Truncated, BadValue):
            return
        if header is None:
            return
        raw = bytes(stream.data[: header.length])
        made = self._redacted_proxy(raw, header.version)
        self._spool.add(self._tcp, sender, stream.place, made)
        del stream.data[: header.length]
        stream.place += header.length

    def _redacted_proxy(self, raw: bytes, version: int) -> bytes:
        replacements = self._packets.replacements
        if "addresses" in self._packets.keep.kinds:
            return raw
        if version == 1:
            words = raw.split(b" ")
            made = b" ".join(
                replacements.text("addresses", word) if i in (2, 3) else word for i, word in enumerate(words)
            )
            return made if words[1:2] != [b"UNKNOWN"] else raw[:13].ljust(len(raw) - 2, b" ")[: len(raw) - 2] + b"\r\n"
        out = bytearray(len(raw))
        out[:V2_HEADER] = raw[:V2_HEADER]
        width = {0x1: 4, 0x2: 16}.get(raw[13] >> 4, 0)
        if len(raw) >= V2_HEADER + 2 * width + 4 and width:
            for place in (V2_HEADER, V2_HEADER + width):
                out[place : place + width] = replacements.addresses.packed(raw[place : place + width])
            ports = V2_HEADER + 2 * width
            out[ports : ports + 4] = raw[ports : ports + 4]
        return bytes(out)

    # -- the rest ------------------------------------------------------------------------------------------------------

    def gap(self, role: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self._plain.gap(role, length, reason, frame, time_ns)
        sender = self._client if role == CLIENT else 1 - self._client
        stream = self._streams[sender]
        if stream.tls is None and stream.data and not _RECORD.match(stream.data):
            # What has begun may go on behind the hole, and is claimed then; if not, this is all that is known of it.
            self._leave(sender, stream)

    def close(self) -> None:
        conversation = self._conversation
        session = conversation.tls if conversation is not None else None
        if conversation is not None and conversation.kind == MYSQL:
            asked = session is not None or conversation.facts.login.ssl_request is not None
            self._ends.add(self._tcp, asked and not (session is not None and session.decrypted))
        if session is not None:
            self._begin_tls()
        for sender, stream in enumerate(self._streams):
            if stream.tls is None and conversation is not None and conversation.kind == MYSQL:
                self._leave(sender, stream)
            if stream.tls is not None:
                self._spool.add(self._tcp, sender, stream.place, stream.tls.finish())
            stream.data.clear()
        self._plain.close()
        self._conversation = None


def _cut_packet(packet: RawPacket, payload: bytes) -> bytes:
    """What is there of a packet whose end is not: the heads of its parts say how long they were to be."""
    out = bytearray()
    for number, at in enumerate(range(0, len(payload), LONGEST)):
        size = min(packet.length - at, LONGEST)
        out += size.to_bytes(3, "little") + bytes([(packet.first_sequence_id + number) & 0xFF])
        out += payload[at : at + LONGEST]
    return bytes(out)

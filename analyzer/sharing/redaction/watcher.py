"""Redacts one connection while it is decoded: every byte of its streams has a place, and gets its replacement there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from analyzer.analysis.conversation.classifier import MYSQL, UNDECIDED
from analyzer.analysis.conversation.fast_path import QUIT
from analyzer.analysis.conversation.login_shapes import LoginShape, Newcomer, PlainSession
from analyzer.analysis.conversation.plain_turn import CLOSE, PlainTurn
from analyzer.analysis.conversation.sealed_session import BEGUN
from analyzer.errors import BadValue, Truncated
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, AnyRecord, Machine
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.greeting import HandshakeV10
from analyzer.protocol.records.login import HandshakeResponse41
from analyzer.protocol.records.proxy import V2_HEADER, decode_proxy
from analyzer.protocol.tables.capabilities import CLIENT_PROTOCOL_41
from analyzer.protocol.wire.framing import HEADER, LONGEST, PacketFramer, RawPacket, encode_packet
from analyzer.sharing.ends import ConnectionEnds
from analyzer.sharing.plain import PlainSpool, PlainWatcher
from analyzer.sharing.redaction.logins import KnownLogins, RedactedLogin
from analyzer.sharing.redaction.packets import escapes_after
from analyzer.sharing.redaction.replacements import difference
from analyzer.sharing.redaction.sealed_text import SealedText, UnseenLogin
from analyzer.sharing.redaction.sessions import KnownSessions
from analyzer.sharing.redaction.spool import StreamSpool
from analyzer.sharing.redaction.streams import RedactedStream
from analyzer.sharing.redaction.tls import TlsRedactor
from analyzer.sharing.watched import ConversationObserver, StreamPiece, WatchedConversation, WatchedLogin

# Bytes of a stream that wait for the packet they are of, beside those that the decoder itself waits for.
_SLACK: Final = 1 << 16
# Bytes at the front of a packet that it is known again by, where it is not where it should be.
_KNOWN_BY: Final = 256


# What other protocols begin with: it says which program came to the wrong port.
_FOREIGN: Final = re.compile(rb"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT) |SSH-2\.0-|USER |EHLO |HELO ")


_RECORD: Final = re.compile(rb"[\x14-\x17]\x03[\x00-\x04]")


class RedactingWatcher(ConversationObserver):
    """Takes a connection's bytes before they are decoded, and its packets after: what is equal is understood.

    What no packet claims has no replacement, and so becomes zeros.
    """

    __slots__ = (
        *("_before", "_client", "_context", "_conversation", "_decoded", "_ends", "_escapes", "_inside", "_over"),
        *(
            "_packets",
            "_passing",
            "_plain",
            "_proxied",
            "_sessions",
            "_spools",
            "_streams",
            "_tcp",
            "_turns",
            "_unseen",
        ),
    )

    def __init__(
        self, tcp: TcpConnection, sessions: KnownSessions, spool: StreamSpool, plain: PlainSpool, ends: ConnectionEnds
    ) -> None:
        self._tcp = tcp
        turns = sessions.turns
        self._sessions = sessions
        self._packets = turns.packets
        self._turns = turns
        self._spools = spool, plain
        self._plain: PlainWatcher | None = None  # where packets come one by one
        self._over = False  # nothing is around the packets
        self._ends = ends
        self._conversation: WatchedConversation | None = None
        self._client = 0
        self._streams: tuple[RedactedStream, ...] = ()
        self._escapes: bool | None = None
        self._passing = False  # rows may come together
        self._proxied = False
        self._context: Context | None = None  # where the machine is made
        self._before: tuple[dict[str, int], int] | None = None  # what had been replaced, and zeroed, before a login
        self._inside: SealedText | None = None  # of TLS that stays sealed
        self._decoded = False  # what was inside comes as packets after all
        self._unseen: UnseenLogin | None = None

    @property
    def logins(self) -> bool:
        return not self._turns.used

    @property
    def streams(self) -> bool:
        return True

    @property
    def seals(self) -> bool:
        return self._turns.used

    @property
    def full(self) -> bool:
        return self._passing

    @property
    def frames(self) -> bool:
        return not self._over

    @property
    def turns(self) -> bool:
        inside = self._inside is not None and not self._decoded
        if not (self._turns.used and (self._over or inside)):
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
    def failures(self) -> bool:
        return True

    @property
    def held(self) -> int:
        held = self._plain.held if self._plain is not None else 0
        held += self._inside.size if self._inside is not None else 0
        return held + sum(len(one.data) for one in self._streams)

    def follow(self, conversation: WatchedConversation) -> None:
        self._conversation = conversation
        tcp, places, (spool, _) = self._tcp, conversation.places, self._spools
        self._streams = spool.stream(tcp, 0, places), spool.stream(tcp, 1, places)

    def _text(self) -> PlainWatcher:
        """Who keeps the text of the connection until it is known whether anything is around it."""
        plain = self._plain
        if plain is None:
            plain = self._plain = PlainWatcher(self._tcp, self._spools[1])
            if self._conversation is not None:
                plain.follow(self._conversation)
            plain.begin(self._client)
        return plain

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def stream(self, piece: StreamPiece) -> None:
        sender, place, data, _ = piece
        conversation = self._conversation
        stream = self._streams[sender]
        if conversation is None or conversation.kind not in (MYSQL, UNDECIDED):
            stream.data.clear()
            return
        if self._plain is not None and self._plain.opened:
            stream.data.clear()  # its frames are made from what was in it
            return
        if conversation.sealed is not None or conversation.tls is not None:
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
    def _begin_again(stream: RedactedStream, place: int) -> None:
        # What a packet began with before the hole may still be claimed.
        if stream.data and 0 <= place - stream.end <= _SLACK:
            stream.data += bytes(place - stream.end)
            stream.floor = len(stream.data)
        else:
            stream.data.clear()
            stream.place = place
            stream.floor = 0

    def _leave(self, sender: int, stream: RedactedStream) -> None:
        """A packet that never became whole: how long it was to be is no content."""
        if sender == self._client and not self._proxied:
            self._proxied = True
            self._proxy_header(sender, stream)
        foreign = _FOREIGN.match(bytes(stream.data[:_KNOWN_BY]))
        if foreign is not None and not stream.claimed:
            stream.add(stream.place, foreign.group())
            return
        if _RECORD.match(stream.data):
            self._redact_as_tls(sender, stream)
            return
        head = bytes(stream.data[:HEADER])
        size = int.from_bytes(head[:3], "little")
        if len(head) < HEADER or head[2] or HEADER + size <= len(stream.data):
            return
        stream.add(stream.place, head)
        kind: type[Record] | None = None
        if not any(one.claimed for one in self._streams) and sender != self._client:
            kind = HandshakeV10
        elif not stream.claimed and sender == self._client:
            kind = HandshakeResponse41
        if kind is not None and self._conversation is not None:
            payload = bytes(stream.data[HEADER:])
            made = self._packets.partial(payload, kind, self._conversation.machine.context)
            stream.add(stream.place + HEADER, made)

    def _begin_tls(self) -> None:
        """What no packet has claimed is TLS."""
        for number, stream in enumerate(self._streams):
            if stream.tls is None:
                self._redact_as_tls(number, stream)

    def _redact_as_tls(self, sender: int, stream: RedactedStream) -> None:
        seed = f"{self._tcp.first_frame}:{self._tcp.first_ns}:{sender}".encode()
        packets = self._packets
        stream.tls = TlsRedactor(
            packets.replacements, packets.keep, seed, packets.shapes if packets.sql.skeletons else None
        )
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
            stream.add(stream.place, left)
            stream.place = place
        stream.recent = (place, data)
        made = stream.tls.feed(data)
        stream.add(stream.place, made)
        stream.place += len(made)

    # -- packets -------------------------------------------------------------------------------------------------------

    def begin(self, client: int) -> None:
        self._client = client
        if self._plain is not None:
            self._plain.begin(client)

    def login(self, record: HandshakeResponse41 | None, machine: Machine) -> None:
        self._context = machine.context

    def known_login(self, shape: LoginShape, login: WatchedLogin) -> bool:
        turns, packets = self._turns, self._packets
        if not shape.steps and (len(login.senders) != 2 or not shape.known.greeting.frame):
            return False  # it is more than a greeting and an SSLRequest, or less
        logins: KnownLogins = turns.logins
        known = logins.get(shape, packets.sql.known_names)
        if known is None:
            self._before = dict(packets.replacements.counts), packets.zeroed
            return False
        made = self._put_login(known, login)
        self._over = shape.steps > 0
        if not self._over:
            # TLS comes, which may be opened after all.
            plain = self._text()
            plain.begin(login.senders[1])
            plain.ask(login.frames[shape.known.greeting.frame], bytes(made[0]))
        return True

    def _put_login(self, known: RedactedLogin, login: WatchedLogin) -> list[bytes | bytearray]:
        """Puts what becomes of a login in its place."""
        made, streams = self._as_known(known, login.contents), self._streams
        for index, sender in enumerate(login.senders):
            stream, piece, place = streams[sender], made[index], login.places[index]
            stream.add(place, piece)
            stream.place = place + len(piece)
        for stream in streams:
            stream.claimed = True
        self._proxied = True
        return made

    def whole(self) -> bool:
        return self._turns.used

    def known_session(self, plain: PlainSession, login: WatchedLogin, ends: Ends) -> bool:
        turns, shape, client = self._turns, plain.shape, self._client
        machine = shape.machine
        if not shape.steps or machine.compression is not None or not machine.context.in_force & CLIENT_PROTOCOL_41:
            return False
        logins: KnownLogins = turns.logins
        known = logins.get(shape, turns.packets.sql.known_names)
        behind = self._sessions.get(plain, client, known.escapes, ends) if known is not None else None
        if known is None or behind is None:
            return False
        self._put_login(known, login)
        self._over = True
        for sender, made in ((client, behind.asked), (1 - client, behind.answered)):
            stream = self._streams[sender]
            stream.add(stream.place, made)
            stream.place += len(made)
        turns.count_again(behind.counts, behind.zeroed)
        return True

    def _as_known(self, known: RedactedLogin, contents: list[bytes]) -> list[bytes | bytearray]:
        """What becomes of the pieces of a login."""
        packets = self._packets
        made: list[bytes | bytearray] = known.made(packets.replacements, contents)
        self._turns.count_again(known.counts, known.zeroed)
        self._escapes = known.escapes
        return made

    def known_inside(self, shape: LoginShape, login: Newcomer) -> bool:
        turns, packets = self._turns, self._packets
        contents = login.contents[BEGUN:]
        known = turns.logins.get(shape, packets.sql.known_names)
        if known is None:
            if turns.logins.wanted(shape) and shape.machine.compression is None:
                before = dict(packets.replacements.counts), packets.zeroed
                self._unseen = UnseenLogin(shape, contents, before)
            return False
        inside = self._inside = SealedText()
        for index, made in enumerate(self._as_known(known, contents), BEGUN):
            role = CLIENT if login.senders[index] == self._client else SERVER
            inside.put(role, login.frames[index + 1], made)
        return True

    def quits(self, sender: int) -> None:
        self._streams[sender].replace(self._tcp.piece_seq, QUIT)

    def see_login(self, shape: LoginShape, login: WatchedLogin) -> None:
        if self._before is None or not self._turns.logins.wanted(shape):
            return
        pieces = zip(login.senders, login.places, login.contents, strict=True)
        made = [self._streams[sender].waiting(place, len(data)) for sender, place, data in pieces]
        self._learn(shape, login.contents, made, self._before)

    def _learn(
        self,
        shape: LoginShape,
        contents: list[bytes],
        made: Sequence[bytes | None],
        before: tuple[dict[str, int], int],
    ) -> None:
        """Notes what became of a login: of others of its shape it is the same."""
        packets, (counted, zeroed) = self._packets, before
        rest = packets.zeroed - zeroed, self._escapes, packets.sql.known_names
        self._turns.logins.learn(shape, contents, made, difference(packets.replacements.counts, counted), rest)

    def packet(self, role: int, packet: RawPacket, record: AnyRecord, machine: Machine, before: str) -> None:
        if role == SERVER:
            self._escapes = escapes_after(record, self._escapes)
        self._context = machine.context
        payload = self._again(role, packet)
        if payload is None:
            payload = self._packets.redact(role, packet, record, machine, before, self._escapes)
        opened = False
        if not self._over:
            plain = self._text()
            written = plain.take(role, packet, record, machine, before, payload)
            self._over, opened = plain.over, plain.opened
            unseen = self._unseen
            if unseen is not None and unseen.take(packet, written):
                self._unseen = None
                self._learn(unseen.shape, unseen.contents, unseen.made, unseen.before)
        if not opened:
            self._claim(role, packet, payload)
        passing = (self._over or opened) and machine.state == st.ROWS
        if passing != self._passing:
            # Of rows the machine need not know more than how many there are; their columns are known.
            self._passing = passing
            machine.decode_rows = not passing

    def _again(self, role: int, packet: RawPacket) -> bytes | None:
        """What became of a packet when TLS was still sealed."""
        self._decoded = True
        return self._inside.payload(role, packet) if self._inside is not None else None

    def passed(self, before: str, count: int, length: int, framer: PacketFramer) -> None:
        conversation = self._conversation
        stream = self._streams[1 - self._client]
        size = HEADER * count + length
        if conversation is not None and self._plain is not None and self._plain.opened:
            data = framer.passed(size)
            again = self._inside.again(SERVER, size) if self._inside is not None else None
            text = bytearray(again or data)
            if not again and not self._packets.rows.packets(text, count, conversation.machine):
                text = bytearray(size)
            self._plain.rows(framer.mark[0], text)
            return
        if conversation is None or stream.tls is not None or size > len(stream.data):
            return
        made = bytearray(memoryview(stream.data)[:size])
        if not self._packets.rows.packets(made, count, conversation.machine):
            return
        stream.add(stream.place, made)
        stream.pass_over(size)

    def turn(self, turn: PlainTurn, machine: Machine) -> None:
        turns = self._turns
        self._escapes = turns.turn(turn, machine, self._escapes)
        if self._inside is not None:
            self._inside.turn(turn, turns.asked, turns.answered)
            return
        asks, answers = self._streams[self._client], self._streams[1 - self._client]
        if turn.code == CLOSE:
            asks.ahead += turns.asked  # it stands in front of the command that comes next
            return
        made, pieces, (begin, middle, stop) = turns.asked, turn.pieces, turn.span
        if asks.ahead:
            made = asks.ahead + made
            asks.ahead = b""
        asks.replace(pieces.first_number(asks.sender, begin, max(middle, begin + 1)), made)
        if turns.answered:
            answers.replace(pieces.first_number(answers.sender, middle, stop), turns.answered)

    def _claim(self, role: int, packet: RawPacket, payload: bytes) -> None:
        """Finds a packet in the stream, and puts what is to be seen in its place."""
        sender = self._client if role == CLIENT else 1 - self._client
        stream = self._streams[sender]
        if stream.tls is not None:
            self._claim_after_tls(stream, packet, payload)
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
                stream.claimed = True
                stream.add(stream.place, head + payload)
                stream.pass_over(HEADER + size)
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
        stream.claimed = True
        stream.add(stream.place + at, new)
        stream.pass_over(at + len(old))

    def _claim_after_tls(self, stream: RedactedStream, packet: RawPacket, payload: bytes) -> None:
        """What servers say in plain text when TLS has failed."""
        place, data = stream.recent
        old = encode_packet(packet.payload, packet.first_sequence_id)
        at = data.find(old)
        if at >= 0 and packet.length == len(payload):
            stream.add(place + at, encode_packet(payload, packet.first_sequence_id))

    def _proxy_header(self, sender: int, stream: RedactedStream) -> None:
        """A PROXY header in front of all else: its addresses are replaced."""
        try:
            header = decode_proxy(bytes(stream.data[:_KNOWN_BY]))
        except (Truncated, BadValue):
            return
        if header is None:
            return
        raw = bytes(stream.data[: header.length])
        made = self._redacted_proxy(raw, header.version)
        stream.add(stream.place, made)
        stream.pass_over(header.length)

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
        if not self._over:
            plain = self._text()
            plain.gap(role, length, reason, frame, time_ns)
            self._over = plain.over
        sender = self._client if role == CLIENT else 1 - self._client
        stream = self._streams[sender]
        if stream.tls is None and stream.data and not _RECORD.match(stream.data):
            # What has begun may go on behind the hole, and is claimed then; if not, this is all that is known of it.
            self._leave(sender, stream)

    def close(self) -> None:
        conversation = self._conversation
        sealed = conversation is not None and conversation.sealed is not None
        session = conversation.tls if conversation is not None and not sealed else None
        inside = self._inside if sealed else None
        if inside is not None:
            self._text().reveal(inside.pieces)
        if conversation is not None and conversation.kind == MYSQL:
            plain = conversation.plain
            login = plain.shape.known.login if plain is not None else conversation.facts.login
            asked = session is not None or login.ssl_request is not None
            opened = inside is not None or (session is not None and session.decrypted)
            self._ends.add(self._tcp, asked and not opened)
        if sealed or session is not None:
            self._begin_tls()
        plain_text = self._plain is not None and self._plain.opened
        for sender, stream in enumerate(self._streams):
            if stream.tls is None and stream.data and conversation is not None and conversation.kind == MYSQL:
                self._leave(sender, stream)
            if stream.tls is not None:
                stream.add(stream.place, stream.tls.finish())
                if stream.tls.encrypted and not plain_text:
                    self._packets.replacements.count("encrypted", stream.tls.encrypted)
            stream.data.clear()
        if self._plain is not None:
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

"""One TCP connection as a MySQL conversation: takes the stream events, drives the protocol, notes what matters.

Bytes come in through `data`, `gap` and `end` (net's StreamHandler). They go through the layers that are in force (PROXY
header, TLS) to the decoder; each record leaves its trace in `facts`, and goes to whoever looks on. Where bytes are
missing the resynchroniser says what is still certain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from analyzer.analysis.conversation import resync
from analyzer.analysis.conversation.classifier import MYSQL, UNDECIDED, Chunk, LostBytes, Undecided
from analyzer.analysis.conversation.decoder import Decoder
from analyzer.analysis.conversation.facts import Facts, FaultFacts, HostileFacts
from analyzer.analysis.conversation.fast_path import QUIT, TurnTerms, may_turn, plain_turns
from analyzer.analysis.conversation.login_shapes import LoginShape, LoginShapes, Newcomer, PlainSession
from analyzer.analysis.conversation.observer import GAP_MEMORY, Observer, TurnObserver
from analyzer.analysis.conversation.proxy_layer import FIRST_BYTES, ProxyLayer
from analyzer.analysis.conversation.resync import Resynchroniser
from analyzer.analysis.conversation.sealed_session import BEGUN, SealedSession
from analyzer.analysis.conversation.session_facts import ClosingFacts, CommandFacts
from analyzer.analysis.conversation.shape_learning import UNDER_WAY
from analyzer.analysis.conversation.tls_layer import Secrets, TlsLayer
from analyzer.net.tcp.pieces import Pieces, PiecesHandler
from analyzer.net.tcp.reassembly import END_RST, GAP_SNAP, TcpConnection
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import CLIENT, SERVER, Machine, compression_of
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.login import HandshakeResponse41, extended
from analyzer.protocol.wire.compression import ZLIB, Allowance
from analyzer.protocol.wire.framing import HEADER
from analyzer.tls.records import begins_tls

if TYPE_CHECKING:
    from analyzer.tls.session import TlsSession

# States in which the start of a segment may say what it is. Segments come joined where nothing happened in between.
ONE_BY_ONE: Final = frozenset({st.GREETING, st.LOGIN, st.TLS_HANDSHAKE, st.AUTHENTICATION, st.DESYNCHRONISED})
# Bytes of a compressed frame that are not worth giving up.
KEPT_OF_FRAME: Final = 4 << 10
# States of the command phase in which bytes are what the state says and nothing else.
STEADY: Final = frozenset({st.COMMAND, st.RESPONSE, st.RESULT, st.COLUMNS, st.COLUMNS_EOF, st.ROWS, st.PREPARE})


# Where nothing is missing: nothing of it changes before somebody begins to watch.
CERTAIN: Final = Resynchroniser()
# Bytes with the ends, frames and times of their segments.
Segments = tuple[bytes, list[int], list[int], list[int]]


class Settings(NamedTuple):
    """What all conversations of an analysis go by.

    keep  bytes of a packet that are kept
    ends  the ends of responses that were decoded
    """

    ports: frozenset[int]
    keep: int
    ends: Ends
    secrets: Secrets
    allowance: Allowance


class Conversation(PiecesHandler):
    """Follows one TCP connection. `kind` says what it is; `client` is the index of the client's endpoint.

    With `shapes`, pieces are held back while they agree with logins that are known (a newcomer). Where a whole login
    does, `shape` is known, and it is a `plain` session. Its machine is made where somebody looks on, or commands say
    what stays in force. All other parts are made when something else comes: then it is none any more.
    """

    __slots__ = (
        "_decoder",
        "_facts",
        "_inside_tls",
        "_machine",
        "_newcomer",
        "_proxy",
        "_rest",
        "_resync",
        "_shapes",
        "_tls",
        "_undecided",
        "client",
        "kind",
        "middle_port",
        "observer",
        "place",
        "plain",
        "settings",
        "shape",
        "tcp",
    )

    def __init__(
        self,
        tcp: TcpConnection,
        settings: Settings,
        observer: Observer | None = None,
        shapes: LoginShapes | None = None,
    ) -> None:
        self.tcp = tcp
        self.kind = UNDECIDED
        self.client = 0
        self.middle_port: int | None = None  # of a server that looks like MySQL's, on a port where nobody looks for it
        self.observer = observer
        self._rest: tuple[Pieces, int, int] | None = None  # pieces that the connection has and that come next
        self.settings = settings
        self.shape: LoginShape | None = None
        self.plain: PlainSession | None = None
        self.place: tuple[int, int, int] | None = None  # what facts are told that are not made yet
        self._shapes = shapes
        self._facts: Facts | None = None
        self._machine: Machine | None = None
        self._decoder: Decoder | None = None
        self._undecided: Undecided | None = None
        self._resync = CERTAIN
        self._inside_tls: Newcomer | None = None  # a login that is not known, while it is not decided
        self._newcomer = shapes.newcomer() if shapes is not None else None
        if self._newcomer is None or self._newcomer.step is None:
            self._make(Facts(), Machine())

    def _make(self, facts: Facts, machine: Machine) -> None:
        """Makes all parts."""
        ports, keep, ends, secrets, allowance = self.settings
        self._undecided = Undecided(self.tcp, ports) if self.shape is None else None
        self._decoder = Decoder(self, keep, self.observer, ends, allowance, facts, machine)
        self._facts = facts
        self._machine = machine
        self._proxy = ProxyLayer(facts)
        self._tls = TlsLayer(self._decoder, secrets, self._inside if self._inside_tls is None else self._hear)

    @property
    def facts(self) -> Facts:
        """What it leaves behind; made where it was not."""
        facts = self._facts
        if facts is None or self.sealed is not None:
            if self.plain is None or self.sealed is not None:
                self._complete()
                return self.facts
            self.plain.unfold(self.client, self.settings.ends)
            facts = self._facts = self.plain.facts(self.client)
            if self.place is not None:
                facts.record_place(*self.place)
        return facts

    @property
    def answers(self) -> CommandFacts:
        """What its facts say of commands."""
        if self.plain is None:
            return self.facts.answers
        self.plain.unfold(self.client, self.settings.ends)
        return self.plain.answers

    def turns(self) -> int:
        """Commands that were taken in turns."""
        return self.plain.answers.turns if self.plain is not None else self.facts.answers.turns

    @property
    def closing(self) -> ClosingFacts:
        """What its facts say of its end."""
        return self.plain.closing if self.plain is not None else self.facts.closing

    @property
    def machine(self) -> Machine:
        """Where it stands; made where it was not."""
        machine, sealed = self._machine, self.sealed
        if machine is None or sealed is not None:
            if self.plain is None or (sealed is not None and self.plain.asked is None):
                self._complete()
                return self.machine
            machine = machine or self._make_machine(self.plain)
        return machine

    @property
    def tls(self) -> TlsSession | None:
        """The TLS session, None while nobody has begun one; made where it was not."""
        if self.sealed is not None:
            self._complete()
        return self._tls.session if self._decoder is not None else None

    @property
    def sealed(self) -> SealedSession | None:
        """Its TLS, where nothing shows of it but a known login and plain turns: the session is not made then."""
        return self.plain.sealed if self.plain is not None else None

    @property
    def encrypted(self) -> bool:
        """Whether it went into TLS that was not opened."""
        if self.plain is not None and self.plain.sealed is not None:
            return self.plain.asked is None
        return self.tls is not None and not self.tls.decrypted

    def release(self) -> None:
        """It is over and was told of: its parts let go of one another, and no garbage collection is awaited."""
        if self._decoder is not None:
            self._decoder.release()
            self._tls.release()

    @property
    def standing(self) -> Machine:
        """The machine, or where it is not made one that stands at the same place."""
        return self.shape.machine if self.shape is not None and self._decoder is None else self.machine

    @property
    def login_shape(self) -> LoginShape | None:
        """The shape of its whole login, up to the verdict, where it is known and nothing was added to it since."""
        shape = self.shape
        if shape is None or not shape.steps:
            return None
        if self.plain is not None:
            return shape
        added = shape.steps != len(self.facts.auth.steps) or self.facts.closing.unasked_frame
        return None if added or self.tls is not None else shape

    # -- logins of a known shape ---------------------------------------------------------------------------------------

    @property
    def is_plain(self) -> bool:
        """Whether all packets so far are whole, nothing is missing, and nothing is around the packets."""
        decoder = self._decoder
        if decoder is None or self._undecided is not None or self._resync is not CERTAIN:
            return False
        return self._tls.session is None and all(framer.idle for framer in decoder.framers)

    def record_place(self, nth: int, burst: int, burst_ns: int) -> None:
        """Records which of its client's connections this is."""
        if self._facts is None:
            self.place = nth, burst, burst_ns
        else:
            self._facts.record_place(nth, burst, burst_ns)

    def _begins(self, newcomer: Newcomer, chunk: Chunk) -> None:
        """Takes a piece of a login that is not decided."""
        taken = newcomer.add(self.tcp, chunk)
        if self._decoder is not None:
            self.take(*chunk)
            self._go_on(newcomer)
            return
        self._followed(newcomer)
        if taken < len(chunk[2]):
            sender, data, ends, frames, times = chunk
            tcp, start = self.tcp, ends[taken - 1]
            tcp.piece_seq, tcp.piece_acks = (tcp.piece_seq + start) & 0xFFFF_FFFF, tcp.piece_acks[taken:]
            self.take(sender, data[start:], [end - start for end in ends[taken:]], frames[taken:], times[taken:])

    def _followed(self, newcomer: Newcomer) -> None:
        """The pieces of a login that it has taken go on as known ones do, to the end of one, or not any more."""
        step = newcomer.step
        if step is None or self.tcp.syn_ns is None or self.tcp.synack_ns is None:
            self._complete()
            self._go_on(newcomer)
        elif step.shape is not None:
            self.recognise(newcomer, step.shape)

    def _go_on(self, newcomer: Newcomer) -> None:
        """Goes the whole way with a login, to where it is decided."""
        if self.machine.state not in UNDER_WAY or newcomer.is_long:
            self._learn(newcomer)

    def recognise(self, newcomer: Newcomer, shape: LoginShape) -> None:
        """The whole login has a known shape."""
        self._recognised(newcomer.session(shape))
        observer = self.observer
        if isinstance(observer, TurnObserver):
            known = observer  # C calls it without looking for its method
            known.begin(self.client)
        elif observer is not None:
            observer.begin(self.client)
            observer.known(_HeldLogin(self, newcomer, shape))

    def _recognised(self, plain: PlainSession) -> None:
        """Its login, or all of it, is known."""
        self._newcomer = None
        self.kind = MYSQL
        self.client = self.tcp.initiator or 0
        self.shape, self.plain = plain.shape, plain
        if self._shapes is not None:
            self._shapes.known()

    def _learn(self, newcomer: Newcomer) -> None:
        """The login is decided, and had no known shape: that of others may be learnt from it."""
        self._newcomer = None
        tcp = self.tcp
        if self._shapes is None or newcomer.is_long or tcp.syn_ns is None or tcp.synack_ns is None or tcp.gaps:
            return
        if self.kind == MYSQL and self.client == tcp.initiator and not self.facts.faults.gaps:
            self._shapes.unknown(self.client, newcomer.chunks(), self._anew)

    def _anew(self) -> Conversation:
        """Follows the same connection from its first byte, with nobody looking on."""
        return Conversation(self.tcp, self.settings)

    @property
    def waits_since(self) -> int:
        """The first frame of a login that is held back, as it goes on like known ones; 0 where none is."""
        newcomer = self._newcomer
        return 0 if newcomer is None or self._decoder is not None or not newcomer.contents else newcomer.frames[1]

    @property
    def is_young(self) -> bool:
        """Whether a login may be held back still."""
        return self._newcomer is not None and self._decoder is None

    def _complete(self) -> None:
        """Makes the parts: of a login of a known shape as it left them, else from the pieces that were held back."""
        plain = self.plain
        if plain is not None:
            sealed, plain.sealed = plain.sealed, None
            if sealed is not None and sealed.keys is not None:
                plain = self._as_asked(plain)
            facts, machine = self.facts, self.machine
            facts.faults, facts.hostile = FaultFacts(), HostileFacts()
            self.plain = None
            self._make(facts, machine)
            self._proxy.begun = True
            if machine.compression is not None:
                self.decoder.begin_compression(machine.compression, SERVER)
            self._settle()
            if sealed is not None:
                self._unseal(sealed)
            return
        facts, newcomer = Facts(), self._newcomer
        self._make(facts, Machine())
        if newcomer is None:
            return
        newcomer = self._newcomer = newcomer.own()
        newcomer.step = None
        if self.place is not None:
            facts.record_place(*self.place)
        tcp = self.tcp
        for number, chunk in zip(newcomer.numbers(), newcomer.chunks(), strict=True):
            # What it acknowledges matters of the first alone, by which it is decided what they are.
            tcp.piece_seq, tcp.piece_acks = number, newcomer.acks
            self.take(*chunk)

    def _as_asked(self, plain: PlainSession) -> PlainSession:
        """Goes back to where TLS was asked for; what is inside it may be learnt from."""
        asked = plain.asked
        if asked is None:
            self._inside_tls = plain.inside(self.client, None)
            return plain
        if isinstance(self.observer, TurnObserver):
            self.observer.rewind()
        for name in ("end", "reset", "spoke_ns", "quiet_ns"):
            setattr(asked.closing, name, getattr(plain.closing, name))
        self.plain, self.shape = asked, asked.shape
        self._facts = self._machine = None
        return asked

    @property
    def may_seal(self) -> bool:
        """Whether TLS may stay without a session: nobody looks at its messages."""
        observer = self.observer
        return observer is None or (isinstance(observer, TurnObserver) and observer.seals)

    def hear_sealed(self, pieces: Pieces, first: int, last: int) -> None:
        """Is told of pieces that were sealed."""

    def hear_inside(self, newcomer: Newcomer, shape: LoginShape) -> bool:
        """Is told of a whole login of a known shape inside of TLS; False: it has to be decoded."""
        return True

    def seal(self, plain: PlainSession, pieces: Pieces, first: int, last: int) -> int:
        """Takes pieces of a TLS session that is due; the first that is not taken."""
        sealed, secrets = plain.sealed, self.settings.secrets
        memo, has_keys = secrets.memo, not secrets.none
        if memo is None or not self.may_seal or (has_keys and sealed is not None and sealed.keys is None):
            if sealed is not None:
                self._complete()  # a key has come
            return first
        if sealed is None:
            if plain.shape.machine.state != st.TLS_HANDSHAKE or (has_keys and len(plain.frames) != 1 + BEGUN):
                return first
            sealed = plain.sealed = SealedSession(self.client, memo, secrets.keys if has_keys else None)
        begin, first = first, sealed.take(pieces, first, last)
        self.hear_sealed(pieces, begin, first)
        if first < last or (sealed.opened and not self._opened(plain, sealed)):
            self._rest = pieces, first, last
            self._complete()
        if sealed.times:
            self.closing.spoke_ns = sealed.times[-1]
        return first

    def _opened(self, plain: PlainSession, sealed: SealedSession) -> bool:
        """Takes what was opened: a login that is known, and plain turns; False where it is anything else.

        What may be a turn when more comes is left.
        """
        pieces = sealed.take_opened()
        first, last = 0, pieces.count
        if plain.asked is None:
            newcomer = plain.newcomer
            if newcomer is None:
                newcomer = plain.newcomer = plain.inside(self.client, plain.shape.inside)
            first = newcomer.take(self.tcp, pieces, 0, last)
            if newcomer.step is None:
                return False
            shape = newcomer.step.shape
            if shape is not None:
                asked, plain = plain, newcomer.session(shape)
                asked.sealed, plain.sealed, plain.asked = None, sealed, asked
                self.plain, self.shape = plain, shape
                if not self.hear_inside(newcomer, shape):
                    return False
        if first < last:
            terms = self._terms()
            if terms is None:
                return False
            first = plain_turns(self, plain.answers, plain.closing, terms, pieces, first, last)
        del sealed.opened[:first]
        return True

    def _unseal(self, sealed: SealedSession) -> None:
        """Makes the TLS session, from its first segment on."""
        for sender, data, frame, time_ns in sealed.segments():
            role = CLIENT if sender == self.client else SERVER
            self._bytes(role, data, [len(data)], [frame], [time_ns])
        if sealed.over:
            self.resolve()

    def again(self, first_frame: int) -> Conversation:
        """The same connection with a sealed session, followed anew to its end: its segments, and between or behind them
        the end, have the frames from `first_frame` on."""
        made = Conversation(self.tcp, self.settings)
        plain, sealed, end = self.plain, self.sealed, self.closing.end
        if plain is None or sealed is None:
            return made
        if self.place is not None:
            made.record_place(*self.place)
        plain = plain.asked or plain
        begun = [(1 - self.client, plain.greeting), (self.client, plain.login)]
        said = [(*one, 0, time_ns) for one, time_ns in zip(begun, plain.times[1:], strict=True)]
        ended, frame = len(said) + sealed.ended, first_frame
        for number, (sender, data, _, time_ns) in enumerate([*said, *sealed.segments(), (0, b"", 0, 0)]):
            if end is not None and number == ended:
                made.end(end[0], end[1], frame, end[3])
                frame += 1
            if data:
                made.data(sender, data, [len(data)], [frame], [time_ns])
                frame += 1
        made.resolve()
        return made

    def _make_machine(self, plain: PlainSession) -> Machine:
        """Makes the machine, as the login and the turns behind it left it."""
        machine = self._machine = plain.shape.machine_of(plain.greeting)
        machine.ends = self.settings.ends
        machine.lean = self.observer is None
        if plain.last_id >= 0:
            self.turned(plain.last_id, plain.left)
        self._tell_login(plain, machine)
        return machine

    def _tell_login(self, plain: PlainSession, machine: Machine) -> None:
        """Tells who looks on of a login, and whose machine stands behind it: the shape's while there is no other."""
        observer = self.observer
        if observer is None:
            return
        login = None if plain.told else plain.shape.known.login.record
        record = login if isinstance(login, HandshakeResponse41) else None
        plain.told = True
        if isinstance(observer, TurnObserver):
            known = observer
            known.login(record, machine)
        else:
            observer.login(record, machine)

    @property
    def seen_machine(self) -> Machine:
        """The machine to look at; where none is made, that of a login of its shape, behind plain turns."""
        return self.shape.machine if self._machine is None and self.shape is not None else self.machine

    @property
    def turns_due(self) -> bool:
        """Whether what comes may be taken in turns."""
        if self._decoder is not None:
            return self._decoder.turns_due
        observer = self.observer
        lean = observer is None or observer.plain or observer.turns
        return lean and self.shape is not None and self.shape.machine.compression is None

    def _terms(self) -> TurnTerms | None:
        """What plain turns go by; None where none may come."""
        plain, machine = self.plain, self._machine
        if machine is None and plain is not None and not plain.left:
            terms = plain.shape.terms(self.settings.ends)
            if terms is not None and not plain.told:
                self._tell_login(plain, plain.shape.machine)
            return terms
        machine = self.machine
        return TurnTerms(machine.context, self.settings.ends) if may_turn(machine) else None

    def turned(self, sequence: int, quits: bool) -> None:
        """Plain turns were taken, the last with this id, or a COM_QUIT behind them."""
        machine = self._machine
        if machine is not None:
            machine.turned(sequence)
            if quits:
                machine.sent(QUIT)
        elif self.plain is not None:
            self.plain.last_id, self.plain.left = sequence, quits

    def quits(self, sender: int, data: bytes, frames: list[int], times: list[int]) -> bool:
        """Takes a COM_QUIT behind a login of a known shape, or plain turns; False for all else."""
        if data != QUIT or sender != self.client or self.sealed is not None or not self.turns_due:
            return False
        machine = self.machine
        if not may_turn(machine) or not self.tell_quit(sender, data, frames[-1], times[-1]):
            return False
        machine.sent(data)
        self.answers.record_plain(data, frames[-1], times[-1])
        return True

    def tell_quit(self, sender: int, data: bytes, frame: int, time_ns: int) -> bool:
        """Tells who looks on of a COM_QUIT; False: it has to be decoded for them."""
        observer = self.observer
        if observer is None:
            return True
        if observer.plain:
            observer.request(data, None, None, self.machine.context.in_force, frame, time_ns)
        return observer.plain

    def look_closely(self) -> None:
        """No known shape is looked for any more."""
        if self._decoder is None and self.shape is None:
            self._complete()
        self._newcomer = None

    @property
    def decoder(self) -> Decoder:
        """Who decodes its packets, made where it was not."""
        if self._decoder is None:
            self._complete()
            return self.decoder
        return self._decoder

    # -- memory --------------------------------------------------------------------------------------------------------

    @property
    def incomplete(self) -> int:
        """Bytes of memory that wait for what makes them whole: a login, a packet."""
        if self._decoder is None:
            return self._newcomer.held if self._newcomer is not None else 0
        if self._undecided is not None:
            return self._undecided.held
        return self._decoder.incomplete

    @property
    def held(self) -> int:
        """Bytes of memory that it takes beside the little that any connection does."""
        if self._decoder is None:
            sealed = self.sealed.held if self.sealed is not None else 0
            return self.incomplete + sealed + (self.observer.held if self.observer is not None else 0)
        undecided = self._undecided.held if self._undecided is not None else 0
        session = self._tls.session
        return undecided + self._decoder.held + (session.held if session is not None else 0)

    def shed(self) -> None:
        """Gives up what is incomplete: there is no room for it."""
        self.look_closely()
        if self._undecided is not None:
            self._undecided.give_up()
            self._decided()
        self.decoder.shed()
        compressed = self.decoder.compressed
        if compressed is None or self._tls.session is not None:
            return
        for role in (CLIENT, SERVER):
            given_up = compressed[role].pending
            if given_up > KEPT_OF_FRAME:
                self._shed_frame(role, given_up)

    def _shed_frame(self, role: int, given_up: int) -> None:
        """Passes over a compressed frame of which so many bytes have come."""
        frame, time_ns = self.tcp.last_frame, self.tcp.last_ns
        self.facts.faults.record_gap(self.client if role == CLIENT else 1 - self.client, given_up, GAP_MEMORY, frame)
        if self.observer is not None:
            self.observer.gap(role, given_up, GAP_MEMORY, frame, time_ns)
        self._watch(self.tcp)
        if not self._bridged(role, 0, frame, time_ns):
            self._lose(role)
        self._settle()

    # -- stream events ------------------------------------------------------------------------------------------------

    def data(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self._newcomer is not None:
            self._newcomer = self._newcomer.own()
            self._begins(self._newcomer, (sender, data, ends, frames, times))
        else:
            self.take(sender, data, ends, frames, times)

    def take(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Takes a piece as it comes."""
        self.closing.spoke_ns = times[-1]
        if self._decoder is None and self.quits(sender, data, frames, times):
            return
        if self.kind == MYSQL:
            role = CLIENT if sender == self.client else SERVER
            decoder, machine = self.decoder, self.machine
            if decoder.bare and machine.state in STEADY and not (machine.context.assumed or machine.one_sided):
                decoder.opened(role, data, ends, frames, times)
            elif self._resync.watching:
                self._watched(role, data, ends, frames, times, self.tcp.piece_seq, self.tcp.piece_acks)
            else:
                self._bytes(role, data, ends, frames, times)
        elif self._undecided is not None:
            tcp = self.tcp
            self._undecided.data((sender, data, ends, frames, times), tcp.piece_seq, tcp.piece_acks)
            self._decided()

    def pieces(self, pieces: Pieces, first: int, last: int) -> None:
        newcomer, shapes, begin = self._newcomer, self._shapes, first
        unknown = False  # whether it may be a whole session that nobody knows yet
        if newcomer is not None and self._decoder is None:
            if self.tcp.syn_ns is None or self.tcp.synack_ns is None:
                self._complete()
            else:
                if shapes is not None and not newcomer.contents and self._takes_sessions():
                    plain = shapes.session(self.tcp, pieces, first, last)
                    unknown = plain is None
                    if plain is not None and self._takes_session(plain, pieces, first, last):
                        shapes.whole += 1
                        self._recognised(plain)
                        return
                newcomer = self._newcomer = newcomer.own()
                first = newcomer.take(self.tcp, pieces, first, last)
                self._rest = pieces, first, last
                self._followed(newcomer)
        plain = self.plain
        if first < last and plain is not None and (plain.sealed is not None or not plain.shape.steps):
            first = self.seal(plain, pieces, first, last)
        while first < last:
            if self.kind == MYSQL and self.turns_due:
                terms = self._terms()
                if terms is not None:
                    first = plain_turns(self, self.answers, self.closing, terms, pieces, first, last)
                    if first == last:
                        break
            stop = pieces.run_end(first, last)
            # They matter where bytes are missing: what is not decided yet may turn out to lack some.
            if self.needs_numbers():
                self.tcp.piece_seq, self.tcp.piece_acks = pieces.numbers(first, stop)
            self._rest = pieces, stop, last
            self.data(*pieces.run(first, stop))
            first = stop
        self._rest = None
        plain = self.plain
        if shapes is None or not unknown or plain is None or self._machine is not None:
            return
        if plain.sealed is None and plain.shape.steps:
            shapes.learn_session(self.client, plain, self.settings.ends, pieces, begin, last)

    def _takes_sessions(self) -> bool:
        """Whether nobody looks on who wants to be told of the turns of a session that is known as a whole."""
        observer = self.observer
        if isinstance(observer, TurnObserver):
            known = observer
            return known.whole()
        return observer is None

    def _takes_session(self, plain: PlainSession, pieces: Pieces, first: int, last: int) -> bool:
        """Tells who looks on of such a session; False: it has to be followed."""
        observer = self.observer
        if isinstance(observer, TurnObserver):
            known = observer
            known.begin(self.tcp.initiator or 0)
            self._tell_login(plain, plain.shape.machine)
            return self.hear_session(plain, pieces, first, last)
        return True

    def hear_session(self, plain: PlainSession, pieces: Pieces, first: int, last: int) -> bool:
        """Hands on a session that is known as a whole, which these pieces are; False: it has to be followed."""
        observer = self.observer
        if isinstance(observer, TurnObserver):
            known = observer
            return known.session(plain, self.settings.ends)
        return True

    def needs_numbers(self) -> bool:
        """Whether it matters what the next piece acknowledges."""
        return self._decoder is not None and (self._resync.watching or self._undecided is not None)

    def gap(self, sender: int, length: int, reason: str, frame: int, time_ns: int) -> None:
        self.look_closely()
        if self.plain is not None:
            self._complete()
        self.facts.faults.record_gap(sender, length, reason, frame)
        lost = LostBytes(sender, length, reason, frame, time_ns, self.tcp.halves[sender].next)
        if self._undecided is not None:
            self._undecided.gap(lost)
            self._decided()
        elif self.kind == MYSQL:
            self._missing(lost, self.tcp)

    def end(self, sender: int, kind: str, frame: int, time_ns: int) -> None:
        self.look_closely()
        if self.plain is not None and not self.plain.is_settled:
            self._complete()
        plain = self.plain
        closing = self.facts.closing if plain is None else plain.closing
        if closing.end is None:
            closing.end = (sender, kind, frame, time_ns)
            closing.quiet_ns = max(time_ns - closing.spoke_ns, 0) if closing.spoke_ns else 0
            if plain is not None and plain.sealed is not None:
                plain.sealed.end()
            if self.kind == MYSQL and self._decoder is not None:
                self.facts.record_end(self.machine, self._decoder.framers, not self._resync.watching)
        if closing.reset is None and kind == END_RST:
            closing.reset = (sender, kind, frame, time_ns)
        if self.observer is not None and self.kind == MYSQL:
            self.observer.end(CLIENT if sender == self.client else SERVER, kind, frame, time_ns)

    # -- what it is ----------------------------------------------------------------------------------------------------

    def _decided(self) -> None:
        """Goes on as what the connection turned out to be, with the bytes that were held back."""
        undecided = self._undecided
        if undecided is None or undecided.kind == UNDECIDED:
            return
        self._undecided = None
        self.kind = undecided.kind
        self.client = self.facts.client = undecided.client
        if self.kind != MYSQL:
            self.middle_port = undecided.middle_port
            return
        if self.observer is not None:
            self.observer.begin(self.client)
        machine = self.machine
        if undecided.assumed:
            self.facts.faults.assumed = True
            self.facts.greeting.server_first = undecided.first_of(1 - self.client)[:FIRST_BYTES]
            if self.tcp.syn_ns is None or undecided.lost:
                machine.context.assumed = True
                machine.desynchronise()
                self._watch(None)
                self._resync.lose_all()
        elif undecided.greeting_lost:
            machine.assume(st.LOGIN)
        for one in undecided.chunks:
            if isinstance(one, LostBytes):
                self._missing(one, None)
                continue
            sender, data, ends, frames, times = one.chunk
            role = CLIENT if sender == self.client else SERVER
            if self._resync.watching:
                self._watched(role, data, ends, frames, times, one.seq, one.acks)
            else:
                self._bytes(role, data, ends, frames, times)

    def resolve(self) -> None:
        """The connection is over: decides what is undecided still."""
        self.look_closely()
        plain = self.plain
        if plain is not None and plain.sealed is not None:
            sealed = plain.sealed
            sealed.over = plain.is_settled and (sealed.keys is not None or self.settings.secrets.none)
            if not sealed.over:
                self._complete()
        if self._decoder is None:  # nothing but plain turns came behind its login, or TLS that nobody opens
            if self.observer is not None:
                self.observer.close()
            return
        if self._undecided is not None:
            self._undecided.give_up()
            self._decided()
        self._tls.close()
        if self.kind == MYSQL:
            halves = self.tcp.halves
            if halves[self.client].next < 0 or (self._resync.watching and halves[1 - self.client].next < 0):
                self.machine.one_sided = True
            self.facts.record_close(self.machine, self.decoder.framers, not self._resync.watching)
        self.facts.faults.eof_departure = self.machine.connection.result.departure
        if self.observer is not None:
            self.observer.close()

    def more_keys(self) -> None:
        """The key log has grown: opens what was kept."""
        sealed = self.sealed
        if sealed is not None and sealed.keys is None:
            self._complete()
        elif self._decoder is not None:
            self._tls.retry()

    # -- layers --------------------------------------------------------------------------------------------------------

    def _bytes(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        if self._tls.session is None:
            self._inside(role, data, ends, frames, times)
        else:
            self._tls.take(role, data, ends, frames, times)

    def _inside(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Bytes of the MySQL protocol: all of the stream, or what TLS held."""
        if role == CLIENT and not self._proxy.begun:
            _, data, ends, frames, times = self._proxy.behind((self.client, data, ends, frames, times))
            self._settle()
            if not data:
                return
        sync, machine = self._resync, self.machine
        if len(ends) > 1 and (sync.watching or machine.state in ONE_BY_ONE):
            take = self._bytes if self._tls.session is None else self._inside  # TLS may begin in one of them
            start = 0
            for end, frame, time_ns in zip(ends, frames, times, strict=True):
                take(role, data[start:end], [end - start], [frame], [time_ns])
                start = end
            return
        if self._tls.begins(role, data, sync.due[CLIENT]):
            login_lost = sync.due[CLIENT]
            self._resync = CERTAIN
            self._tls.begin(role, data, ends, frames, times, login_lost)
            return
        unheard = sync.watching and role == SERVER and self.tcp.halves[self.client].next < 0
        if unheard and not sync.silent_so_far(CLIENT):  # the client speaks, and is not in the capture
            self._hear_answers(data, ends, frames, times)
        if sync.watching:
            piece = self._certain(role, data, frames[0], times[0])
            if piece is None:
                return
            data, ends, frames, times = piece
        self._look_for_other_side(role)
        if role == CLIENT and machine.one_sided and not machine.login_done and self.decoder.compressed is None:
            self._look_for_compression(data)
        if machine.one_sided and role == SERVER and machine.state in (st.COMMAND, st.DESYNCHRONISED):
            self._hear_answers(data, ends, frames, times)
        self.decoder.take(role, data, ends, frames, times)

    def _hear_answers(self, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Records what answers commands of a client whose side was not captured."""
        faults = self.facts.faults
        if self.decoder.compressed is not None or not (self.machine.login_done or faults.assumed):
            return
        start = 0
        for end, frame, time_ns in zip(ends, frames, times, strict=True):
            error = resync.answering_error(data[start:end])
            if error is not None:
                self.answers.record_error(error, frame, time_ns, None, None)
            else:
                faults.record_heard(resync.answer_of(data[start:end]))
            start = end

    def _look_for_compression(self, data: bytes) -> None:
        """Whether the client goes on in compressed frames behind a login whose OK was not captured."""
        asked = compression_of(self.machine.context.client or 0)
        if asked is None or self._tls.session is not None or resync.compressed_commands(data) is None:
            return
        self.machine.assume_login()
        self.machine.desynchronise()
        self.decoder.begin_compression(asked, CLIENT)

    def _look_for_other_side(self, role: int) -> None:
        """Whether both directions are in the capture."""
        machine = self.machine
        if self.tcp.halves[self.client if role == SERVER else 1 - self.client].next < 0:
            may_come = machine.state == st.GREETING if role == SERVER else self._resync.silent_so_far(SERVER)
            if may_come:
                return  # the other side may be heard yet
            machine.one_sided = True
            machine.context.assumed = True
        elif machine.one_sided and self._tls.session is None:
            # The other side is there after all: its SYN was not captured, or comes late.
            machine.one_sided = False
            if machine.state == st.LOGIN and self.facts.greeting.record is not None:
                machine.context.assumed = False

    def _hear(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Takes what TLS held, while it may be learnt from."""
        self._inside(role, data, ends, frames, times)
        newcomer, shape, shapes = self._inside_tls, self.shape, self._shapes
        if newcomer is None or shape is None or shapes is None:
            return
        newcomer.hear(self.client if role == CLIENT else 1 - self.client, data, ends, frames, times)
        if self.machine.state in UNDER_WAY and not newcomer.is_long:
            return
        self._inside_tls = None
        if not newcomer.is_long and not self.tcp.gaps and not self.facts.faults.gaps:
            shapes.unknown_inside(shape, self.client, newcomer.chunks(), self._anew)

    def other_layer(self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        self._bytes(role, data, ends, frames, times)

    # -- where bytes are missing ---------------------------------------------------------------------------------------

    @property
    def doubtful(self) -> bool:
        return self._resync.watching

    def _watch(self, tcp: TcpConnection | None) -> None:
        """From here on it matters what segments acknowledge. `tcp` knows where both sides are now."""
        if self._resync is CERTAIN:
            self._resync = Resynchroniser()
        self._resync.begin(None if tcp is None else [self._next(tcp, self.client), self._next(tcp, 1 - self.client)])
        self.decoder.bare = False

    def _next(self, tcp: TcpConnection, sender: int) -> int:
        """The number behind what has come here of an endpoint: the connection may be further on."""
        number = self._rest[0].first_number(sender, self._rest[1], self._rest[2]) if self._rest is not None else -1
        return number if number >= 0 else tcp.halves[sender].next

    def _missing(self, lost: LostBytes, tcp: TcpConnection | None) -> None:
        """Bytes are missing: goes on with what is still certain."""
        sender, length, reason, frame, time_ns, number = lost
        role = CLIENT if sender == self.client else SERVER
        if role == CLIENT:
            self._proxy.lose()
        self._watch(tcp)
        if self.observer is not None:
            self.observer.gap(role, length, reason, frame, time_ns)
        if role == CLIENT and reason == GAP_SNAP:
            self._take_up_cut(length)
        self._resync.missing(role, number)
        if not self._bridged(role, length, frame, time_ns):
            self._cut_record(role, frame)
            self._lose(role)
        elif role == CLIENT and self._resync.checking and self.machine.command is not None:
            self._resync.asked()
        self._settle()

    def _settle(self) -> None:
        """All is certain again, if it is."""
        if self._resync is not CERTAIN:
            self._resync.settle()
        decoder = self.decoder
        plain = self._tls.session is None and decoder.compressed is None
        decoder.bare = plain and self._proxy.begun and not self._resync.watching

    def _watched(
        self, role: int, data: bytes, ends: list[int], frames: list[int], times: list[int], seq: int, acks: list[int]
    ) -> None:
        """Segments of which the numbers matter."""
        start = 0
        for index, end in enumerate(ends):
            if not self._resync.watching:
                rest = [each - start for each in ends[index:]]
                self._bytes(role, data[start:], rest, frames[index:], times[index:])
                return
            self._resync.segment(role, seq + start, seq + end, acks[index])
            self._bytes(role, data[start:end], [end - start], [frames[index]], [times[index]])
            if role == CLIENT and self._resync.checking and self.machine.command is not None:
                self._resync.asked()
            start = end

    def _bridged(self, role: int, length: int, frame: int, time_ns: int) -> bool:
        """Whether all that is missing is payload of one packet, and where the next begins is known."""
        decoder = self.decoder
        if self._tls.session is not None:
            self._tls.session.gap(role)
            if not self._tls.session.decrypted:
                self.machine.context.assumed = True  # what is opened later lacks what was in the gap
            return not self._tls.session.decrypted
        if decoder.compressed is None:
            return decoder.hole(role, length, frame, time_ns)
        content = decoder.compressed[role].lose(length)
        if content is None:
            return False
        return not content or decoder.hole(role, content, frame, time_ns)

    def _cut_record(self, role: int, frame: int) -> None:
        """Notes what a greeting or a login says before the place where it is cut."""
        if self._tls.session is not None or self.decoder.compressed is not None:
            return
        found = resync.cut_record(self.machine, role, self.decoder.framers[role])
        if found is None:
            return
        name, fields = found
        self.facts.faults.cut_records[name] = (fields, frame)
        context = self.machine.context
        if "client_flag" in fields and "filler" in fields:
            context.client = extended(fields["client_flag"], fields["filler"])
            context.negotiate()

    def _lose(self, role: int) -> None:
        """Goes on with what is still certain; nothing after a gap is decoded on the old assumptions."""
        machine, sync = self.machine, self._resync
        self.decoder.lose(role)
        machine.any_sequence()
        state = machine.state
        if state in st.CONNECTION_PHASE and not machine.login_done:
            self._lose_login(role, state)
            return
        if machine.context.client is None or machine.context.server is None:
            machine.context.assumed = True
        if role == SERVER:
            sync.lose_answer(machine)
            self._desynchronise()
        elif state in (st.LOCAL_INFILE, st.STREAM, st.CLONE, st.AUTHENTICATION):
            # Of its file, of what it has, or of a COM_CHANGE_USER's exchange: no command is missing.
            machine.lose_exchange()
            sync.due[CLIENT] = True
        elif sync.lose_commands(machine):
            self._desynchronise()

    def _lose_login(self, role: int, state: str) -> None:
        """Bytes of the connection phase are missing."""
        machine, sync = self.machine, self._resync
        machine.context.assumed = True
        if role == SERVER and state == st.GREETING:
            machine.assume(st.LOGIN)
        elif role == CLIENT and state != st.AUTHENTICATION:
            self.facts.login.lost = True
            machine.assume(st.AUTHENTICATION)
            machine.lose_exchange()
            sync.due[CLIENT] = True
        elif state == st.AUTHENTICATION:
            machine.lose_exchange()
            # The verdict may be what is missing: the client's next packet tells.
            sync.due[role] = sync.due[CLIENT] = True

    def _desynchronise(self) -> None:
        self.machine.unpaired = False
        self.machine.desynchronise()
        if self.observer is not None:
            self.observer.desynchronised()

    def settled(self) -> None:
        if self._resync.draining:
            self._resync.drained()
            self._desynchronise()

    def out_of_step(self, role: int) -> None:
        if role == SERVER and self.machine.state in (st.LOGIN, st.SECURE_LOGIN):
            role = CLIENT  # the server goes on: the login is among what is missing
        self._watch(self.tcp)
        self._lose(role)

    def _certain(self, role: int, data: bytes, frame: int, time_ns: int) -> Segments | None:
        """A segment, or what it completes, if its packets can be told; all else is passed over."""
        sync, machine, decoder = self._resync, self.machine, self.decoder
        piece = (data, [len(data)], [frame], [time_ns])
        if role == SERVER:
            return piece if self._server_certain(data, frame, time_ns) else None
        if sync.proving and sync.proves(machine):
            if self.observer is not None:
                self.observer.proven()
            self._settle()
        if decoder.framers[CLIENT].pending or (decoder.compressed is not None and decoder.compressed[CLIENT].pending):
            return piece
        if (sync.checking or sync.proving) and machine.context.client is None and resync.is_no_command(data):
            # What was taken for a command was the content of a compressed frame.
            sync.refuse()
            self._desynchronise()
        if machine.state == st.AUTHENTICATION and resync.is_authentication(data, CLIENT):
            if begins_tls(data) and self.facts.login.lost:
                return None
            self._found(CLIENT)
            return piece
        if not (sync.lost or sync.due[CLIENT] or sync.draining):
            return piece
        if machine.state in (st.STREAM, st.CLONE):
            self._found(CLIENT)
            return piece
        if machine.state == st.LOCAL_INFILE:
            return None
        burst = sync.burst
        burst.add(data, frame, time_ns)
        if len(burst.ends) > 1 and self._take_up(burst.data):
            piece = (burst.data, burst.ends, burst.frames, burst.times)
        elif not self._take_up(data):
            return None
        sync.burst = resync.Burst()
        return piece

    def _found(self, role: int) -> None:
        """A direction's packets have their place again."""
        self._resync.due[role] = False
        self.facts.faults.taken_up = True
        self._settle()

    def _take_up(self, data: bytes) -> bool:
        """Whether a segment of the client begins with a command."""
        machine, decoder = self.machine, self.decoder
        if decoder.compressed is None and (machine.context.client is None or not machine.login_done):
            algorithm = resync.compressed_commands(data)
            if algorithm is not None:
                algorithm = algorithm or compression_of(machine.context.in_force) or ZLIB
                decoder.begin_compression(algorithm, CLIENT)
        if decoder.compressed is None:
            start = resync.command_in(data)
        else:
            start = 0 if resync.compressed_commands(data) is not None else -1
        if start:
            return False
        self._accept_command()
        return True

    def _take_up_cut(self, missing: int) -> None:
        """The client's last segment was passed over, and so many bytes of it are cut off: it may be one command."""
        sync, decoder = self._resync, self.decoder
        burst = sync.burst
        if not burst.ends or decoder.compressed is not None or self._tls.session is not None:
            return
        data = burst.data[burst.ends[-2] if len(burst.ends) > 1 else 0 :]
        if not resync.is_cut_command(data, missing):
            return
        self._accept_command()
        decoder.take(CLIENT, data, [len(data)], burst.frames[-1:], burst.times[-1:])

    def _accept_command(self) -> None:
        """The client's segment in hand begins with a command."""
        sync, machine, decoder = self._resync, self.machine, self.decoder
        if machine.state == st.AUTHENTICATION or not machine.login_done:
            self._miss_verdict()
        sync.due[CLIENT] = False
        self.facts.faults.taken_up = True
        if sync.draining:
            return
        if sync.lost:
            machine.unpaired = not sync.pairs()
            if not machine.unpaired:
                decoder.lose(SERVER)
                sync.take_up()
                if self.observer is not None:
                    self.observer.taken_up()
        self._settle()

    def _miss_verdict(self) -> None:
        """The server's OK to the login, or to a change of the user, is among what is missing."""
        machine = self.machine
        if machine.state == st.AUTHENTICATION:
            machine.desynchronise()
            self._resync.lost = True
        if not machine.login_done:
            machine.assume_login()
            self.facts.auth.verdict_lost = self.facts.auth.verdict is None

    def _server_certain(self, data: bytes, frame: int, time_ns: int) -> bool:
        """Whether a segment of the server is an answer that can be told."""
        sync, machine = self._resync, self.machine
        if sync.checking:
            if sync.is_answer() and self._begins_answer(data):
                sync.confirm()
                return True
            sync.refuse()
            self._desynchronise()
        elif sync.proving and machine.state == st.COMMAND and not machine.quitting and not resync.is_error(data):
            # One answer too many: what was paired since is shifted.
            sync.refuse()
            self._desynchronise()
        if machine.state == st.DESYNCHRONISED:
            if resync.is_error(data):
                # Nobody asked for it, so nothing was awaited, whether the client's side is in the capture or not.
                machine.assume(st.COMMAND)
                machine.one_sided = False
                self.decoder.take(SERVER, data, [len(data)], [frame], [time_ns])
                return False
            if self.observer is not None:
                self.observer.skipped(SERVER, data, frame, time_ns)
            return False
        if machine.state == st.AUTHENTICATION and not machine.login_done and data[3:4] == b"\x01":
            # The client's login has this id, so it is the answer to a command: the verdict is among what is missing.
            self._miss_verdict()
            return False
        if machine.state == st.AUTHENTICATION and sync.due[SERVER]:
            if not resync.is_authentication(data, SERVER):
                return False
            self._found(SERVER)
        return True

    def _begins_answer(self, data: bytes) -> bool:
        """Whether a segment begins with the id that follows the command's."""
        machine = self.machine
        if self.decoder.compressed is not None or len(data) < HEADER:
            return True
        if machine.context.client is None and resync.are_frames(data):
            return False
        return data[3] == machine.next_sequence


class _HeldLogin:
    """A login of a known shape, as who looks on is told of it (observer.KnownLogin)."""

    __slots__ = ("_conversation", "_newcomer", "contents", "frames", "free", "shape", "times")

    def __init__(self, conversation: Conversation, newcomer: Newcomer, shape: LoginShape) -> None:
        self._conversation = conversation
        self._newcomer = newcomer
        self.shape = shape
        self.free = shape.free
        self.contents = newcomer.contents
        self.frames, self.times = newcomer.frames, newcomer.times

    def show(self, observer: Observer, *, places: bool = False) -> None:
        conversation, newcomer = self._conversation, self._newcomer
        tcp = conversation.tcp
        before = tcp.piece_seq, tcp.piece_acks
        made = Conversation(tcp, conversation.settings, observer)
        place = 1
        for number, (sender, data, ends, frames, times) in zip(newcomer.numbers(), newcomer.chunks(), strict=True):
            tcp.piece_seq, tcp.piece_acks = number, newcomer.acks
            stop = place + len(ends)
            row = list(range(place, stop))
            made.data(sender, data, ends, row if places else frames, row.copy() if places else times)
            place = stop
        made.release()
        tcp.piece_seq, tcp.piece_acks = before

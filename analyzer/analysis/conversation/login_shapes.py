"""Logins that differ only in what is free: each shape of them is decoded once, and the others get its facts.

Thousands of connections of one program log in with the same bytes, but for the connection's number, the nonces, the
proofs that are made of them, and the client's process. Records name those fields (`Record.free`), auth plugins say
where a proof may be any bytes (`Exchange.opaque`), and the tracing reader says where they stand. What is left of the
pieces of a login, in their order, up to the server's verdict or to TLS, is its shape.

The first login of an outline (who sent how much) goes the whole way, as all would. The second is followed once more,
with places in the row of its segments for frames and times: its facts, in places, are the `LoginShape`. Whose pieces
agree with a shape to its end gets its facts, with frames, times and free fields of its own. Whose do not goes the whole
way, from the first byte on.

It is used where nobody looks at a login's packets and no password is checked, and left alone where little comes of it.

Programs that log in alike often say the same behind it, too: a whole session that comes again byte for byte, but for
what is free of its login, is known by all its segments (`SessionShape`), and its turns are not looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable
from operator import itemgetter
from typing import Final, TypeVar

import msgspec

from analyzer.analysis.conversation.classifier import Chunk
from analyzer.analysis.conversation.facts import AuthFacts, Facts, GreetingFacts, LoginFacts
from analyzer.analysis.conversation.fast_path import TurnTerms, may_turn, plain_turns
from analyzer.analysis.conversation.observer import Observer
from analyzer.analysis.conversation.sealed_session import SealedSession
from analyzer.analysis.conversation.session_facts import ClosingFacts, CommandFacts
from analyzer.analysis.conversation.shape_learning import (
    ATTRIBUTES,
    LOGIN_IN_TLS,
    LOGIN_PIECE,
    FreeField,
    LearnedFrom,
    learn,
)
from analyzer.batches import TCP_ACK
from analyzer.net.tcp.pieces import Pieces, Segments, pieces_of
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.greeting import HandshakeV9, HandshakeV10

# Shapes that are kept; outlines of which one login was seen; shapes of one outline.
MOST_SHAPES: Final = 1024
MOST_OUTLINES: Final = 4096
MOST_ALIKE: Final = 64
# Pieces of a login, and their bytes, that are held back at most.
MOST_PIECES: Final = 24
MOST_BYTES: Final = 1 << 13
# Whole sessions that are kept, and of one login shape.
MOST_SESSIONS: Final = 256
MOST_BEHIND: Final = 32
# Of so many logins a quarter has to have a known shape: else none of the next ones is looked at.
TRIED: Final = 512
LEFT_ALONE: Final = 16 * TRIED
# A constant of another's, once more: here it is a number of C.
_ACK: Final = TCP_ACK
_ZERO, _NINE = b"09"

Greeting = HandshakeV10 | HandshakeV9
R = TypeVar("R", bound=Record | None)


class Mask:
    """One layout of a piece: what of it is fixed, and what comes next where that is so (`following`)."""

    __slots__ = ("_bounds", "_digits", "_latest", "_step", "fields", "fixed", "following")

    def __init__(self, fields: tuple[FreeField, ...], length: int) -> None:
        self.fields = fields
        self.following: dict[Hashable, ShapeStep] = {}
        starts = [0, *(field.free.stop for field in fields)]
        stops = [*(field.free.start for field in fields), length]
        self.fixed: Callable[[bytes], Hashable] = itemgetter(*map(slice, starts, stops))
        # Where what is fixed begins and ends, and what are digits.
        self._bounds = array("q", [bound for both in zip(starts, stops, strict=True) for bound in both])
        free = [field.free for field in fields if field.digits]
        self._digits = array("q", [bound for place in free for bound in (place.start, place.stop)])
        # The piece that came last, and what comes after it: compared sooner than looked up.
        self._latest: bytes = b""
        self._step: ShapeStep | None = None

    def after(self, segments: Segments, row: int) -> ShapeStep | None:
        """What comes after a piece of this layout, which is the payload of a segment; None where it is not known."""
        step, begin, size = self._step, segments.offset[row], segments.length[row]
        if step is None or not self._is_like(segments, begin, size):
            data = segments.cut(begin, begin + size)
            step = self.following.get(self.fixed(data))
            if step is None:
                return None
            self._latest, self._step = data, step
        return step if self._fits(segments, begin, size) else None

    def _is_like(self, segments: Segments, begin: int, size: int) -> bool:
        """Whether what is fixed of a piece is as in the latest."""
        bounds, latest = self._bounds, self._latest
        if len(latest) != size or not 0 <= begin <= len(segments.octets) - size:
            return False
        for index in range(0, len(bounds), 2):
            first, stop = bounds[index], bounds[index + 1]
            if not _is_same(latest, segments.buffer, begin, first, stop if stop < size else size):
                return False
        return True

    def _fits(self, segments: Segments, begin: int, size: int) -> bool:
        """Whether the digits of a piece are some."""
        digits, octets = self._digits, segments.octets
        for index in range(0, len(digits), 2):
            first, stop = digits[index], digits[index + 1]
            if stop > size or first >= stop:
                return False
            for place in range(begin + first, begin + stop):
                if octets[place] < _ZERO or octets[place] > _NINE:
                    return False
        return True

    def put(self, data: bytes) -> ShapeStep:
        """What comes after a piece, made where it was not known."""
        return self.following.setdefault(self.fixed(data), ShapeStep())


def _is_same(one: bytes, data: bytes | bytearray, begin: int, first: int, stop: int) -> bool:
    """Whether a text and what begins there are the same from `first` to `stop`, which both have: nobody looks."""
    for place in range(first, stop):  # noqa: SIM110 - it is a loop of C
        if one[place] != data[begin + place]:
            return False
    return True


class ShapeStep:
    """The pieces so far are those of a login that is known. `shape` is set where the last of them decided it, `session`
    where a whole session was over with it."""

    __slots__ = ("masks", "session", "shape")

    def __init__(self) -> None:
        self.masks: dict[Hashable, list[Mask]] = {}
        self.shape: LoginShape | None = None
        self.session: SessionShape | None = None

    def after(self, outline: Hashable, segments: Segments, row: int) -> ShapeStep | None:
        """What comes after another piece, a segment's payload; None where no login goes on like that."""
        masks = self.masks.get(outline)
        if masks is not None:
            for mask in masks:
                found = mask.after(segments, row)
                if found is not None:
                    return found
        return None

    def put(self, outline: Hashable, data: bytes, fields: tuple[FreeField, ...]) -> ShapeStep:
        """The same, made where it was not known."""
        masks = self.masks.setdefault(outline, [])
        for mask in masks:
            if mask.fields == fields:
                return mask.put(data)
        masks.append(Mask(fields, len(data)))
        return masks[-1].put(data)


def outline_of(by_client: bool, ends: list[int]) -> Hashable:
    """What shows of a piece before anything in it is read: who sent it, and its segments."""
    if len(ends) == 1:
        return ends[0] if by_client else -ends[0]
    return (by_client, *ends)


class LoginShape:
    """A login that was decided: its facts (`known`), with places of segments, from 1, for frames and times (0: never).

    `machine` stands where the login left it, `length` counts its pieces, and `steps` those of the authentication: none
    where TLS is due. `fields` are the free ones of each piece, and `free` their names as the reader has them; `login`
    is the place of the client's. `inside`: logins that are known behind it, inside TLS. `sessions`: how many are known
    as a whole that begin with it.
    """

    __slots__ = (
        *("_terms", "closing", "fields", "free", "inside", "known", "length", "login", "machine", "sessions", "steps"),
    )

    def __init__(self, facts: Facts, machine: Machine, fields: list[tuple[FreeField, ...]], login: int) -> None:
        self.known = facts
        self.closing: ClosingFacts = facts.closing
        self.machine = machine
        self.length = len(fields)
        self.steps = len(facts.auth.steps)
        self.fields = fields
        self.free = [frozenset("attribute_value" if f.attribute >= 0 else f.name for f in piece) for piece in fields]
        self.login = login
        self.inside = ShapeStep()
        self.sessions = 0
        self._terms: TurnTerms | None = None

    def terms(self, ends: Ends) -> TurnTerms | None:
        """What plain turns behind it go by; None where none may come."""
        if self._terms is None and may_turn(self.machine):
            self._terms = TurnTerms(self.machine.context, ends)
        return self._terms

    def machine_of(self, greeting: bytes) -> Machine:
        """The machine of another login of this shape, which began with this greeting."""
        record = self.greeting_of(greeting)
        return self.machine.again(record.auth_plugin_data if isinstance(record, HandshakeV10) else b"")

    def greeting_of(self, greeting: bytes) -> Greeting | None:
        """The record of another greeting."""
        return _refilled(self.known.greeting.record, self.fields[0], greeting)


def _refilled(record: R, fields: tuple[FreeField, ...], data: bytes) -> R:
    """A record with the free fields of a piece."""
    if record is None or not fields:
        return record
    values: dict[str, object] = {}
    attributes: list[tuple[str, str]] = []
    for field in fields:
        value = data[field.place]
        if field.attribute >= 0:
            attributes = attributes or list(getattr(record, ATTRIBUTES))
            attributes[field.attribute] = (attributes[field.attribute][0], value.decode("ascii"))
        else:
            values[field.name] = int.from_bytes(value, "little") if field.number else value
    if attributes:
        values[ATTRIBUTES] = tuple(attributes)
    return msgspec.structs.replace(record, **values)


class SessionShape:
    """A whole session that others had, too: a login of a known shape, and the same bytes behind it.

    login          the shape of its login
    said           who said what behind the login, segment by segment: (by the client, bytes)
    answers        what each of them leaves behind, but for frames and times; `codes` and `failed`: as `answered`
    last_id, left  as of each
    """

    __slots__ = ("answers", "codes", "failed", "last_id", "left", "login", "said")

    def __init__(
        self, login: LoginShape, said: list[tuple[bool, bytes]], answers: CommandFacts, plain: PlainSession
    ) -> None:
        self.login = login
        self.said = said
        self.answers = answers
        self.codes, self.failed = answered(answers)
        self.last_id, self.left = plain.last_id, plain.left


class _Onlooker:
    """A connection whose turns are taken once more, and that stands behind them already."""

    __slots__ = ("client", "machine", "observer", "seen_machine")

    def __init__(self, client: int, machine: Machine, observer: Observer | None) -> None:
        self.client = client
        self.observer = observer
        self.machine = self.seen_machine = machine

    def turned(self, sequence: int, quits: bool) -> None:
        """It was told before."""


def turns_of(
    client: int,
    login: LoginShape,
    ends: Ends,
    said: list[tuple[bool, bytes]],
    frames: list[int],
    times: list[int],
    observer: Observer | None = None,
) -> CommandFacts:
    """What turns behind a login of a known shape leave behind, by their segments with their frames and times."""
    answers, terms = CommandFacts(), login.terms(ends)
    if terms is not None and said:
        behind = [
            (data, client if by_client else 1 - client, frame, time_ns)
            for (by_client, data), frame, time_ns in zip(said, frames, times, strict=True)
        ]
        onlooker = _Onlooker(client, login.machine, observer)
        plain_turns(onlooker, answers, ClosingFacts(), terms, pieces_of(behind), 0, len(said))
    return answers


def answered(answers: CommandFacts) -> tuple[tuple[int, ...], frozenset[int] | None]:
    """Which commands a session had, and which errors answered some."""
    return tuple(sorted(answers.counts)), frozenset(answers.error_counts) if answers.error_counts else None


class Newcomer:
    """A connection whose login is not decided: what was taken of it, and where that stands among known logins.

    `step` is None where no login that is known began so: it goes the whole way, and something may be learnt from it.

    contents, senders  of its pieces: but for the first, one for each segment, as TLS may begin in any
    ends, acks         of the first piece's segments, and what they acknowledge
    frames, times      of all segments, from 1
    starts             the number of each endpoint's first byte
    held               bytes of memory that the pieces take
    """

    __slots__ = ("acks", "contents", "ends", "frames", "held", "senders", "starts", "step", "times")

    def __init__(self, step: ShapeStep | None) -> None:
        self.step = step
        self.contents: list[bytes] = []
        self.senders: list[int] = []
        self.ends: list[int] = []
        self.acks: list[int] = []
        self.frames = [0]
        self.times = [0]
        self.starts = [-1, -1]
        self.held = 0

    def own(self) -> Newcomer:
        """One of which something may be taken."""
        return self if self.contents or self.step is None else Newcomer(self.step)

    def take(self, tcp: TcpConnection, pieces: Pieces, first: int, last: int) -> int:
        """Goes on with pieces of a batch while a known login does and is not decided; the first that is not taken.

        Where no known login goes on so with the last that was taken, `step` is None.
        """
        segments, step, opener = pieces.segments, self.step, tcp.opener
        while first < last and step is not None and step.shape is None:
            row = pieces.row[first]
            stop = first + 1 if self.contents else pieces.run_end(first, last)
            if stop > first + 1:
                tcp.piece_seq, tcp.piece_acks = pieces.numbers(first, stop)
                self.add(tcp, pieces.run(first, stop))
                step = self.step
                first = stop
                continue
            sender, size = segments.sender[row], segments.length[row]
            if not self.contents:
                self.ends, self.acks = [size], [segments.ack[row] if segments.flags[row] & _ACK else -1]
            if self.starts[sender] < 0:
                self.starts[sender] = segments.seq[row]
            self.contents.append(pieces.content(first, stop))
            self.senders.append(sender)
            self.frames.append(segments.frame[row])
            self.times.append(segments.time_ns[row])
            self.held += size
            step = self.step = step.after(size if sender == opener else -size, segments, row)
            first = stop
        return first

    def add(self, tcp: TcpConnection, chunk: Chunk) -> int:
        """Goes on with a piece as it came; how many of its segments were taken: up to the one that decides."""
        sender, data, ends, frames, times = chunk
        if self.starts[sender] < 0:
            self.starts[sender] = tcp.piece_seq
        if self.contents:
            start = 0
            for index, end in enumerate(ends):
                self._put(tcp, sender, data[start:end], [end - start])
                self.frames.append(frames[index])
                self.times.append(times[index])
                if self.step is not None and self.step.shape is not None:
                    return index + 1
                start = end
            return len(ends)
        self.ends, self.acks = ends, tcp.piece_acks
        self.frames += frames
        self.times += times
        self._put(tcp, sender, data, ends)
        return len(ends)

    def _put(self, tcp: TcpConnection, sender: int, data: bytes, ends: list[int]) -> None:
        self.contents.append(data)
        self.senders.append(sender)
        self.held += len(data)
        if self.step is not None:
            alone = pieces_of([(data, sender, 0, 0)])
            self.step = self.step.after(outline_of(sender == tcp.initiator, ends), alone.segments, 0)

    def hear(self, sender: int, data: bytes, ends: list[int], frames: list[int], times: list[int]) -> None:
        """Goes on with what TLS held: each record is a piece."""
        start = 0
        for end in ends:
            self.contents.append(data[start:end])
            self.senders.append(sender)
            start = end
        self.frames += frames
        self.times += times
        self.held += len(data)

    def session(self, shape: LoginShape) -> PlainSession:
        """The session that begins with its login, which has this shape."""
        contents = self.contents
        return PlainSession(shape, self.frames, self.times, contents[0], contents[shape.login], CommandFacts())

    def chunks(self) -> list[Chunk]:
        """All that was taken."""
        found, begun = [], len(self.ends)
        for index, (sender, data) in enumerate(zip(self.senders, self.contents, strict=True)):
            if not index:
                found.append((sender, data, self.ends, self.frames[1 : begun + 1], self.times[1 : begun + 1]))
            else:
                place = begun + index
                found.append((sender, data, [len(data)], [self.frames[place]], [self.times[place]]))
        return found

    def numbers(self) -> list[int]:
        """The number of each piece's first byte."""
        found, due = [], self.starts.copy()
        for sender, data in zip(self.senders, self.contents, strict=True):
            found.append(due[sender])
            due[sender] = (due[sender] + len(data)) & 0xFFFF_FFFF
        return found

    @property
    def is_long(self) -> bool:
        """Whether there is more than a login has."""
        return len(self.contents) > MOST_PIECES or self.held > MOST_BYTES


class PlainSession:
    """A login of a known shape, and plain turns behind it: all that is kept of it where nothing else comes.

    frames, times  of the login's segments, from 1
    greeting, login  the pieces of which fields may be free
    last_id        of the last packet of its turns; -1: there were none. `left`: a COM_QUIT was behind them
    told           who looks on was told of the login
    session        the whole session that it is, where that is known: then `answers` are not its own yet, whose segments
                   behind the login have these frames and times (`behind`)
    sealed         what came instead, where TLS was due; or what its login was in
    newcomer       the login inside it, while it is not decided
    asked          what came before TLS, where that is decided
    """

    __slots__ = (
        "answers",
        "asked",
        "behind",
        "closing",
        "frames",
        "greeting",
        "last_id",
        "left",
        "login",
        "newcomer",
        "sealed",
        "session",
        "shape",
        "times",
        "told",
    )

    def __init__(
        self,
        shape: LoginShape,
        frames: list[int],
        times: list[int],
        greeting: bytes,
        login: bytes,
        answers: CommandFacts,
    ) -> None:
        self.answers, self.closing = answers, ClosingFacts()
        self.last_id = -1
        self.left = self.told = False
        self.session: SessionShape | None = None
        self.behind: tuple[list[int], list[int]] | None = None
        self.sealed: SealedSession | None = None
        self.newcomer: Newcomer | None = None
        self.asked: PlainSession | None = None
        self._begin(shape, frames, times, greeting, login)

    def _begin(self, shape: LoginShape, frames: list[int], times: list[int], greeting: bytes, login: bytes) -> None:
        """Takes over what there is of the login."""
        self.shape = shape
        self.frames, self.times = frames, times
        self.greeting, self.login = greeting, login
        closing, known = self.closing, shape.closing
        if known.error is not None:
            closing.error, closing.error_phase = known.error, known.error_phase
            closing.error_frame, closing.error_ns = frames[known.error_frame], times[known.error_ns]
        closing.spoke_ns = times[-1]

    def unfold(self, client: int, ends: Ends) -> None:
        """Makes its answers its own."""
        session, behind = self.session, self.behind
        if session is not None and behind is not None:
            self.session = self.behind = None
            self.answers = turns_of(client, self.shape, ends, session.said, *behind)

    @property
    def is_settled(self) -> bool:
        """Whether all that was opened of TLS was taken, a whole login to begin with; or nothing opens it."""
        sealed = self.sealed
        return sealed is None or sealed.keys is None or (self.asked is not None and not sealed.opened)

    def inside(self, client: int, step: ShapeStep | None) -> Newcomer:
        """The same connection, behind the handshake of TLS that was due."""
        made = Newcomer(step)
        made.contents, made.senders, made.ends = [self.greeting, self.login], [1 - client, client], [len(self.greeting)]
        made.frames, made.times = self.frames.copy(), self.times.copy()
        return made

    def facts(self, client: int) -> Facts:
        """Its facts. Records of the login's steps are the first one's: their words are alike.

        Faults are the shape's, which has none: who goes on otherwise than in plain turns gives it its own.
        """
        frames, times, shape = self.frames, self.times, self.shape
        known = shape.known
        greeting, login, auth = known.greeting, known.login, known.auth
        asked = login.ssl_request_frame
        return Facts(
            GreetingFacts(
                shape.greeting_of(self.greeting),
                frames[greeting.frame],
                times[greeting.time_ns],
                client_first=greeting.client_first,
                server_first=greeting.server_first,
            ),
            LoginFacts(
                _refilled(login.record, shape.fields[shape.login], self.login),
                login.detail,
                frames[login.frame],
                times[login.time_ns],
                ssl_request=login.ssl_request,
                ssl_request_frame=None if asked is None else frames[asked],
                ssl_request_ns=None if asked is None else times[asked],
            ),
            AuthFacts(
                [(role, name, record, detail, frames[place]) for role, name, record, detail, place in auth.steps],
                [(before, name, frames[place]) for before, name, place in auth.switches],
                times[auth.switched_ns],
                auth.plugin,
                auth.path,
                auth.protection,
                verdict=auth.verdict,
                verdict_frame=frames[auth.verdict_frame],
                verdict_ns=times[auth.verdict_ns],
            ),
            known.faults,
            self.closing,
            self.answers,
            known.hostile,
            client,
        )


class LoginShapes:
    """All shapes of one analysis."""

    def __init__(self) -> None:
        self._first = ShapeStep()
        self._nobody = Newcomer(self._first)
        self._outlines: dict[Hashable, int] = {}  # -> how many were learnt from
        self._shapes = self._sessions = 0
        self._tried = self._known = 0
        self._left_alone = 0
        self.found = 0  # logins whose shape was known
        self.whole = 0  # sessions that were taken as a whole

    def newcomer(self) -> Newcomer | None:
        """Follows another connection; None where little would come of it. Those of which nothing was taken yet, and
        that may be known, are one (`Newcomer.own`)."""
        if self._left_alone:
            self._left_alone -= 1
            return None
        return self._nobody if self._first.masks else Newcomer(None)

    def session(self, tcp: TcpConnection, pieces: Pieces, first: int, last: int) -> PlainSession | None:
        """The session that pieces are, from the first of a connection on, where it is known as a whole."""
        if not self._sessions:
            return None
        segments, opener, behind, step = pieces.segments, tcp.opener, last, self._first
        for piece in range(first, last):
            row = pieces.row[piece]
            size = segments.length[row]
            following = step.after(size if segments.sender[row] == opener else -size, segments, row)
            if following is None:
                return None
            step = following
            if behind == last and step.shape is not None:
                if not step.shape.sessions:
                    return None  # none that begins with it is known: TLS may be due
                behind = piece + 1
        session = step.session
        if session is None:
            return None
        frames, times = pieces.times(first, behind)
        frames.insert(0, 0)
        times.insert(0, 0)
        place = first + session.login.login
        greeting, login = pieces.content(first, first + 1), pieces.content(place, place + 1)
        plain = PlainSession(session.login, frames, times, greeting, login, session.answers)
        plain.session, plain.last_id, plain.left = session, session.last_id, session.left
        plain.behind = pieces.times(behind, last)
        plain.closing.spoke_ns = segments.time_ns[pieces.row[last - 1]]
        return plain

    def learn_session(
        self, client: int, plain: PlainSession, ends: Ends, pieces: Pieces, first: int, last: int
    ) -> None:
        """A session was not known as a whole, and is over: it is these pieces, from the first of its connection on."""
        shape, segments = plain.shape, pieces.segments
        if not (plain.left or plain.closing.error is not None) or not plain.answers.is_orderly():
            return
        if self._sessions >= MOST_SESSIONS or shape.sessions >= MOST_BEHIND or last - first > MOST_PIECES:
            return
        said = [
            (segments.sender[pieces.row[piece]] == client, pieces.content(piece, piece + 1))
            for piece in range(first, last)
        ]
        if sum([len(data) for _, data in said]) > MOST_BYTES:
            return
        step = self._first
        for piece, (by_client, data) in enumerate(said[: shape.length], first):
            following = step.after(outline_of(by_client, [len(data)]), segments, pieces.row[piece])
            if following is None:
                return
            step = following
        if step.shape is not shape:
            return
        said = said[shape.length :]
        for by_client, data in said:
            step = step.put(outline_of(by_client, [len(data)]), data, ())
        nothing = [0] * len(said)
        answers = turns_of(client, shape, ends, said, nothing, nothing)
        step.session = SessionShape(shape, said, answers, plain)
        self._sessions += 1
        shape.sessions += 1

    def known(self) -> None:
        """A login had a known shape."""
        self.found += 1
        self._known += 1
        self._count()

    def unknown(self, client: int, pieces: list[Chunk], again: Callable[[], LearnedFrom]) -> None:
        """A login was decided that had none. `again` gives who follows its pieces anew."""
        self._count()
        self._learn(self._first, LOGIN_PIECE, client, pieces, again)

    def unknown_inside(
        self, shape: LoginShape, client: int, pieces: list[Chunk], again: Callable[[], LearnedFrom]
    ) -> None:
        """The same of one inside TLS, behind pieces of this shape, which are its first."""
        self._learn(shape.inside, LOGIN_IN_TLS, client, pieces, again)

    def _learn(
        self, step: ShapeStep, login: int, client: int, pieces: list[Chunk], again: Callable[[], LearnedFrom]
    ) -> None:
        outlines = [outline_of(piece[0] == client, piece[2]) for piece in pieces]
        outline = (login, *outlines)
        learnt = self._outlines.get(outline)
        if learnt is None:
            if len(self._outlines) < MOST_OUTLINES:
                self._outlines[outline] = 0
            return
        if learnt >= MOST_ALIKE or self._shapes >= MOST_SHAPES:
            return
        follower = again()
        learning = learn(follower, client, pieces, login)
        follower.release()
        if learning is None:
            self._outlines[outline] = MOST_ALIKE  # others like it can not be learnt from, either
            return
        self._outlines[outline] = learnt + 1
        known = login if login > LOGIN_PIECE else 0
        for shown, piece, fields in zip(
            outlines[known:], pieces[known:], learning.fields[known:], strict=False
        ):  # up to the one that decided it
            step = step.put(shown, piece[1], fields)
        step.shape = LoginShape(learning.facts, learning.machine, learning.fields, login)
        self._shapes += 1

    def _count(self) -> None:
        self._tried += 1
        if self._tried >= TRIED:
            if self._known * 4 < self._tried:
                self._left_alone = LEFT_ALONE
            self._tried = self._known = 0

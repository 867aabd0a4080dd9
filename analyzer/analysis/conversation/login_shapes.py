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
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from operator import itemgetter
from typing import Final, TypeVar

import msgspec

from analyzer.analysis.conversation.classifier import Chunk
from analyzer.analysis.conversation.facts import AuthFacts, ClosingFacts, Facts, GreetingFacts, LoginFacts
from analyzer.analysis.conversation.fast_path import TurnTerms, may_turn
from analyzer.analysis.conversation.shape_learning import ATTRIBUTES, LOGIN_PIECE, FreeField, LearnedFrom, learn
from analyzer.net.tcp.pieces import Pieces
from analyzer.net.tcp.reassembly import TcpConnection
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import Ends
from analyzer.protocol.records.base import Record
from analyzer.protocol.records.greeting import HandshakeV10

# Shapes that are kept; outlines of which one login was seen; shapes of one outline.
MOST_SHAPES: Final = 1024
MOST_OUTLINES: Final = 4096
MOST_ALIKE: Final = 64
# Pieces of a login, and their bytes, that are held back at most.
MOST_PIECES: Final = 24
MOST_BYTES: Final = 1 << 13
# Of so many logins a quarter has to have a known shape: else none of the next ones is looked at.
TRIED: Final = 512
LEFT_ALONE: Final = 16 * TRIED

R = TypeVar("R", bound=Record | None)


class Mask:
    """One layout of a piece: what of it is fixed, and what comes next where that is so (`following`)."""

    __slots__ = ("_digits", "fields", "fixed", "following")

    def __init__(self, fields: tuple[FreeField, ...], length: int) -> None:
        self.fields = fields
        self.following: dict[Hashable, ShapeStep] = {}
        starts = [0, *(field.free.stop for field in fields)]
        stops = [*(field.free.start for field in fields), length]
        self.fixed: Callable[[bytes], Hashable] = itemgetter(*map(slice, starts, stops))
        self._digits = [field.free for field in fields if field.digits]

    def fits(self, data: bytes) -> bool:
        """Whether the digits of a piece are some."""
        for place in self._digits:  # noqa: SIM110 - a generator is slower
            if not data[place].isdigit():
                return False
        return True

    def put(self, data: bytes) -> ShapeStep:
        """What comes after a piece, made where it was not known."""
        return self.following.setdefault(self.fixed(data), ShapeStep())


class ShapeStep:
    """The pieces so far are those of a login that is known. `shape` is set where the last of them decided it."""

    __slots__ = ("masks", "shape")

    def __init__(self) -> None:
        self.masks: dict[Hashable, list[Mask]] = {}
        self.shape: LoginShape | None = None

    def after(self, by_client: bool, data: bytes, ends: list[int]) -> ShapeStep | None:
        """What comes after another piece; None where no login goes on like that."""
        masks = self.masks.get(_outline(by_client, ends))
        if masks is not None:
            for mask in masks:
                found = mask.following.get(mask.fixed(data))
                if found is not None and mask.fits(data):
                    return found
        return None

    def put(self, by_client: bool, data: bytes, ends: list[int], fields: tuple[FreeField, ...]) -> ShapeStep:
        """The same, made where it was not known."""
        masks = self.masks.setdefault(_outline(by_client, ends), [])
        for mask in masks:
            if mask.fields == fields:
                return mask.put(data)
        masks.append(Mask(fields, len(data)))
        return masks[-1].put(data)


def _outline(by_client: bool, ends: list[int]) -> Hashable:
    """What shows of a piece before anything in it is read: who sent it, and its segments."""
    if len(ends) == 1:
        return ends[0] if by_client else -ends[0]
    return (by_client, *ends)


class LoginShape:
    """A login that was decided: its facts, with places of segments, from 1, for frames and times (0: never).

    `machine` stands where the login left it, `length` counts its pieces, and `steps` those of the authentication: none
    where TLS is due. `fields` are the free ones of each piece.
    """

    __slots__ = ("_facts", "_terms", "fields", "length", "machine", "steps")

    def __init__(self, facts: Facts, machine: Machine, fields: list[tuple[FreeField, ...]]) -> None:
        self._facts = facts
        self.machine = machine
        self.length = len(fields)
        self.steps = len(facts.auth.steps)
        self.fields = fields
        self._terms: TurnTerms | None = None

    def facts_of(self, client: int, pieces: list[Chunk]) -> Facts:
        """The facts of another login of this shape. Records of its steps are the first one's: their words are alike."""
        frames, times = [0], [0]
        for piece in pieces[: self.length]:
            frames += piece[3]
            times += piece[4]
        known = self._facts
        greeting, login, auth, closing = known.greeting, known.login, known.auth, known.closing
        asked = login.ssl_request_frame
        return Facts(
            GreetingFacts(
                _refilled(greeting.record, self.fields[0], pieces[0][1]),
                frames[greeting.frame],
                times[greeting.time_ns],
                client_first=greeting.client_first,
                server_first=greeting.server_first,
            ),
            LoginFacts(
                _refilled(login.record, self.fields[LOGIN_PIECE], pieces[LOGIN_PIECE][1]),
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
            closing=ClosingFacts(
                closing.error,
                frames[closing.error_frame],
                times[closing.error_ns],
                closing.error_phase,
                spoke_ns=times[-1],
            ),
            client=client,
        )

    def terms(self, ends: Ends) -> TurnTerms | None:
        """What plain turns behind it go by; None where none may come."""
        if self._terms is None and may_turn(self.machine):
            self._terms = TurnTerms(self.machine.context, ends)
        return self._terms

    def machine_of(self, facts: Facts) -> Machine:
        """The machine of another login of this shape."""
        greeting = facts.greeting.record
        return self.machine.again(greeting.auth_plugin_data if isinstance(greeting, HandshakeV10) else b"")


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


class Newcomer:
    """A connection whose login is not decided: what was taken of it, and where that stands among known logins.

    `taken` are its pieces as they came, each with the number of its first byte and what its segments acknowledge;
    `pieces` those that `follow` or `cut` made of them: but for the first, one for each segment, as TLS may begin in
    any. `step` is None where no login that is known began so: it goes the whole way, and something may be learnt from
    it. `place` is what `Facts.record_place` will be told.
    """

    __slots__ = ("pieces", "place", "step", "taken")

    def __init__(self, step: ShapeStep | None) -> None:
        self.step = step
        self.taken: list[tuple[Chunk, int, list[int]]] = []
        self.pieces: list[Chunk] = []
        self.place: tuple[int, int, int] | None = None

    def follow(self, by_client: bool, chunk: Chunk) -> bool:
        """Goes on with a piece; False where no known login does. Behind the one that decides it nothing is followed."""
        step, pieces = self.step, self.pieces
        if step is not None and step.shape is None and len(chunk[2]) == 1:
            pieces.append(chunk)
            step = self.step = step.after(by_client, chunk[1], chunk[2])
            return step is not None
        for one in (chunk,) if len(chunk[2]) == 1 or not pieces else _each_segment(chunk):
            if step is None:
                break
            if step.shape is None:
                step = step.after(by_client, one[1], one[2])
            pieces.append(one)
        self.step = step
        return step is not None

    def take(self, tcp: TcpConnection, pieces: Pieces, first: int, last: int, numbered: bool) -> int:
        """Goes on with pieces of a batch while a known login does and is not decided; the first that is not taken.

        Where no known login goes on so with the last that was taken, `step` is None. `numbered`: each has its numbers.
        """
        while first < last:
            stop = pieces.run_end(first, last)
            if numbered or not self.taken:
                tcp.piece_seq, tcp.piece_acks = pieces.numbers(first, stop)
            chunk = pieces.run(first, stop)
            self.taken.append((chunk, tcp.piece_seq, tcp.piece_acks))
            first = stop
            self.follow(chunk[0] == tcp.initiator, chunk)
            step = self.step
            if step is None or step.shape is not None:
                break
        return first

    def cut(self) -> None:
        """Makes the pieces of all that was taken."""
        self.pieces = [self.taken[0][0]]
        for chunk, _, _ in self.taken[1:]:
            self.pieces += _each_segment(chunk)

    @property
    def held(self) -> int:
        """Bytes of memory that the pieces take."""
        return sum(len(chunk[1]) for chunk, _, _ in self.taken)

    @property
    def is_long(self) -> bool:
        """Whether there is more than a login has."""
        return len(self.taken) > MOST_PIECES or self.held > MOST_BYTES


def _each_segment(chunk: Chunk) -> Iterator[Chunk]:
    """A piece for each segment of one."""
    sender, data, ends, frames, times = chunk
    start = 0
    for end, frame, time_ns in zip(ends, frames, times, strict=True):
        yield sender, data[start:end], [end - start], [frame], [time_ns]
        start = end


class LoginShapes:
    """All shapes of one analysis."""

    def __init__(self) -> None:
        self._first = ShapeStep()
        self._outlines: dict[Hashable, int] = {}  # -> how many were learnt from
        self._shapes = 0
        self._tried = self._known = 0
        self._left_alone = 0
        self.found = 0  # logins whose shape was known

    def newcomer(self) -> Newcomer | None:
        """Follows another connection; None where little would come of it."""
        if self._left_alone:
            self._left_alone -= 1
            return None
        return Newcomer(self._first if self._first.masks else None)

    def known(self) -> None:
        """A login had a known shape."""
        self.found += 1
        self._known += 1
        self._count()

    def unknown(self, client: int, pieces: list[Chunk], again: Callable[[], LearnedFrom]) -> None:
        """A login was decided that had none. `again` gives who follows its pieces anew."""
        self._count()
        outline = tuple([_outline(piece[0] == client, piece[2]) for piece in pieces])
        learnt = self._outlines.get(outline)
        if learnt is None:
            if len(self._outlines) < MOST_OUTLINES:
                self._outlines[outline] = 0
            return
        if learnt >= MOST_ALIKE or self._shapes >= MOST_SHAPES:
            return
        follower = again()
        learning = learn(follower, client, pieces)
        follower.release()
        if learning is None:
            self._outlines[outline] = MOST_ALIKE  # others like it can not be learnt from, either
            return
        self._outlines[outline] = learnt + 1
        step = self._first
        for piece, fields in zip(pieces, learning.fields, strict=False):  # up to the one that decided it
            step = step.put(piece[0] == client, piece[1], piece[2], fields)
        step.shape = LoginShape(learning.facts, learning.machine, learning.fields)
        self._shapes += 1

    def _count(self) -> None:
        self._tried += 1
        if self._tried >= TRIED:
            if self._known * 4 < self._tried:
                self._left_alone = LEFT_ALONE
            self._tried = self._known = 0

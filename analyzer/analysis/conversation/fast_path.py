"""Turns: a plain command and its plain response, both whole, taken in one go. Most of the traffic is that.

What is plain is said in `protocol.machine` (`fast_path`, `execute_fast_path`); here it is only put together, for many
pieces of a connection at once. All else, and what is cut by the end of a batch, goes run by run.
"""

from __future__ import annotations

from typing import Final, Protocol

from analyzer.analysis.conversation.observer import Observer, TurnObserver
from analyzer.analysis.conversation.plain_turn import PlainTurn
from analyzer.analysis.conversation.session_facts import MOST_OPENING, ClosingFacts, CommandFacts
from analyzer.net.tcp.pieces import Pieces, Segments
from analyzer.protocol.context import Context
from analyzer.protocol.execute_plan import ExecutePlan
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.execute_fast_path import HEAD, known_execute, known_reset, take_effect
from analyzer.protocol.machine.fast_path import Scanned, error_of, last_of, scan, scan_error, scan_prepared
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import Ends, ends_under
from analyzer.protocol.prepared import PreparedStatement
from analyzer.protocol.records.commands.set_charset import may_set
from analyzer.protocol.records.generic import EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.records.session_track import SystemVariable
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    CLIENT_OPTIONAL_RESULTSET_METADATA,
    CLIENT_QUERY_ATTRIBUTES,
    SERVER_SESSION_STATE_CHANGED,
)
from analyzer.protocol.tables.commands import (
    COM_PING,
    COM_QUERY,
    COM_QUIT,
    COM_RESET_CONNECTION,
    COM_STMT_CLOSE,
    COM_STMT_EXECUTE,
    COM_STMT_PREPARE,
    COM_STMT_RESET,
)
from analyzer.protocol.wire.framing import HEADER

# Longer commands are rare.
LONGEST_COMMAND: Final = 1 << 16
# Bytes of a statement that may set character sets.
LONGEST_SET: Final = 512
# Constants of others, once more: here they are numbers of C.
_HEADER: Final = HEADER
_LONGEST: Final = LONGEST_COMMAND
_QUERY: Final = COM_QUERY
_EXECUTE: Final = COM_STMT_EXECUTE
_PING: Final = COM_PING
_PREPARE: Final = COM_STMT_PREPARE
_RESET: Final = COM_STMT_RESET
_RESET_ALL: Final = COM_RESET_CONNECTION
_C: Final = ord("c")
_A: Final = ord("a")
_K: Final = ord("k")
_SLASH: Final = ord("/")
_STAR: Final = ord("*")
_HASH: Final = ord("#")
_DASH: Final = ord("-")
_SPACE: Final = ord(" ")
_NEWLINE: Final = ord("\n")
# Bytes of a whole COM_STMT_CLOSE, which nobody answers: it comes in front of the next command.
_CLOSE: Final = bytes([5, 0, 0, 0, COM_STMT_CLOSE])
_CLOSE_SIZE: Final = HEADER + 5
_CLOSED: Final = COM_STMT_CLOSE
# The whole packet of a COM_QUIT.
QUIT: Final = bytes([1, 0, 0, 0, COM_QUIT])


class TurnTerms:
    """What was agreed on in a login, as far as plain turns depend on it."""

    __slots__ = ("context", "ends", "errors", "has_eof", "may_omit", "named", "quiet", "response_ends", "says_metadata")

    def __init__(self, ctx: Context, response_ends: Ends) -> None:
        self.context = ctx
        self.named = ctx.in_force & CLIENT_QUERY_ATTRIBUTES != 0
        self.has_eof = not ctx.in_force & CLIENT_DEPRECATE_EOF
        self.says_metadata = ctx.in_force & METADATA_FLAG != 0
        self.may_omit = ctx.in_force & CLIENT_OPTIONAL_RESULTSET_METADATA != 0
        self.response_ends = response_ends
        self.ends = ends_under(ctx, response_ends)
        self.quiet, self.errors = self.ends.quiet, self.ends.errors

    def error(self, payload: bytes) -> ErrPacket | None:
        """The error that is a whole response, decoded; as `error_of`."""
        error = error_of(payload, self.context)
        if error is not None:
            self.ends.note_error(payload, error)
        return error

    def end(self, payload: bytes) -> OKPacket | EOFPacket | None:
        """What ends a response, decoded; as `last_of`. It is quiet where it says of no variable of the session."""
        end = last_of(payload, self.context, self.response_ends)
        if end is not None and not sets_variables(end):
            self.ends.note_quiet(payload, end)
        return end


class TurnTaker(Protocol):
    """The connection whose turns they are. Its machine may be made when somebody asks for it."""

    client: int
    observer: Observer | None

    @property
    def machine(self) -> Machine:
        """Where it stands."""

    @property
    def seen_machine(self) -> Machine:
        """The same for who only looks at it: none is made."""

    def turned(self, sequence: int, quits: bool) -> None:
        """Commands with their whole responses were taken, the last of an id; or a COM_QUIT, then it is 0."""


def sets_variables(end: OKPacket | EOFPacket) -> bool:
    """Whether what ends a response says that variables of the session have changed: those of character sets matter."""
    if not (end.status_flags or 0) & SERVER_SESSION_STATE_CHANGED or not isinstance(end, OKPacket):
        return False
    return any(isinstance(change, SystemVariable) for change in end.session_state_info or ())


def may_turn(machine: Machine) -> bool:
    """Whether the next packet is a command, of which nothing is assumed. What follows a COM_QUIT is told one by one."""
    if machine.state != st.COMMAND or machine.queue or machine.context.assumed or machine.one_sided or machine.quitting:
        return False
    return machine.file_sequence is None


def plain_turns(
    taker: TurnTaker,
    answers: CommandFacts,
    closing: ClosingFacts,
    terms: TurnTerms,
    pieces: Pieces,
    first: int,
    last: int,
) -> int:
    """Takes turns from the piece `first` up to `last`, where nothing has begun; returns the first that is not taken."""
    observer, client = taker.observer, taker.client
    if observer is not None and not observer.turns:
        return first
    segments, turn, quits = pieces.segments, _TurnInHand(taker, answers, terms, pieces), False
    counts: dict[int, int] = {}
    sequence = 0
    begin = stop = first
    while begin < last and segments.sender[pieces.row[begin]] == client:
        middle = pieces.run_end(begin, last)
        if middle == last:
            if turn.fails and middle == begin + 1 and _says_goodbye(taker, answers, pieces, begin):
                quits, begin = True, middle
            break
        stop = pieces.run_end(middle, last)
        if not turn.asks(begin, middle) or not turn.is_answered(begin, middle, stop):
            break
        code, closes, sequence = turn.code, turn.closes, turn.found.sequence
        counts[code] = counts.get(code, 0) + 1
        if closes:
            counts[_CLOSED] = counts.get(_CLOSED, 0) + closes
        if observer is not None:
            turn.tell(begin, middle, stop)
        if turn.opens:
            asked = pieces.row[middle - 1]
            frame, time_ns = segments.frame[asked], segments.time_ns[asked]
            answers.record_sent(code, turn.packet[_HEADER:], turn.size - _HEADER, frame, time_ns)
        begin = stop
    if begin > first:
        taker.turned(sequence, quits)
        closing.spoke_ns = segments.time_ns[pieces.row[begin - 1]]
        answers.turns += sum(counts.values())
        for code, count in counts.items():
            answers.count(code, count)
    return begin


class _TurnInHand:
    """The turn that is looked at; in the order in which things are asked of it.

    executes, every, fails  what who looks on takes
    request, packet  its run, and the packet behind `closes` COM_STMT_CLOSE: `size` bytes that ask `code`; empty where
                     nobody has asked for them
    opens            it is among the first of its connection
    statement, plan  of an execute or a reset, where somebody looks on
    found, end       what answers it, from `offset` on, `length` bytes
    """

    __slots__ = (
        *("answers", "closes", "code", "end", "every", "executes", "fails", "found", "length"),
        *("observer", "offset", "opens", "packet", "pieces", "plan", "request", "size", "statement", "taker", "terms"),
    )

    def __init__(self, taker: TurnTaker, answers: CommandFacts, terms: TurnTerms, pieces: Pieces) -> None:
        self.taker = taker
        self.observer = observer = taker.observer
        self.answers = answers
        self.terms = terms
        self.pieces = pieces
        self.found = Scanned()
        self.statement: PreparedStatement | None = None
        self.plan: ExecutePlan | None = None
        self.end: OKPacket | EOFPacket | ErrPacket | None = None
        self.executes, self.every, self.fails = (True,) * 3 if observer is None else _taken_by(observer)

    def asks(self, begin: int, middle: int) -> bool:
        """Whether a run is one plain command, with nothing but COM_STMT_CLOSE in front of it."""
        pieces, segments, terms = self.pieces, self.pieces.segments, self.terms
        row = pieces.row[begin]
        offset, size = segments.offset[row], segments.length[row]
        octets = segments.octets
        request = b""
        if middle > begin + 1:
            request = pieces.content(begin, middle)
            offset, size = 0, len(request)
            octets = memoryview(request)
        closes = closes_in(octets, offset, size) if self.every else 0
        skipped = closes * _CLOSE_SIZE
        offset, size = offset + skipped, size - skipped
        code = plain_code(octets, offset, size, terms.named)
        if code == _EXECUTE:
            if not self.executes:
                return False
        elif code != _QUERY and (code < 0 or not self.every or not taken_whole(code, size, terms.may_omit)):
            return False
        opens = len(self.answers.opening) < MOST_OPENING
        if opens and closes:
            return False
        if not request and (opens or self.observer is not None):
            request = pieces.content(begin, middle)
        self.opens, self.request, self.packet = opens, request, request[skipped:] if skipped else request
        self.code, self.size, self.closes = code, size, closes
        self.statement = self.plan = None
        return self.observer is None or code not in (_EXECUTE, _RESET) or self._names()

    def _names(self) -> bool:
        """Whether the statement that an execute or a reset names is known."""
        machine, packet = self.taker.machine, self.packet
        known = known_execute(machine, packet, self.every) if self.code == _EXECUTE else known_reset(machine, packet)
        if known is None or self.closes:  # what is closed may be what is named
            return False
        self.statement, self.plan = known
        return True

    def is_answered(self, begin: int, middle: int, stop: int) -> bool:
        """Whether the run behind it is its whole plain response; notes what that says of the session, or an error."""
        pieces, segments, found, terms, code = self.pieces, self.pieces.segments, self.found, self.terms, self.code
        if stop == middle + 1:
            row = pieces.row[middle]
            offset, length = segments.offset[row], segments.length[row]
            octets, response = segments.octets, b""
        else:
            response = pieces.content(middle, stop)
            offset, length = 0, len(response)
            octets = memoryview(response)
        self.offset, self.length, self.end = offset, length, None
        failing = self.observer is None or (self.fails and code == _QUERY)
        if failing and scan_error(found, octets, offset, offset + length):
            payload = _last_payload(found, segments, response, offset + length)
            error = terms.errors.get(payload) or terms.error(payload)
            if error is None:
                return False
            self.end, self.opens = error, False
            _failed(self.answers, error, self._whole(begin, middle), pieces, middle, stop)
            return True
        if code == _PREPARE:
            return scan_prepared(found, octets, offset, offset + length, terms.has_eof)
        if not scan(found, octets, offset, offset + length, 1, terms.has_eof, terms.says_metadata):
            return False
        payload = _last_payload(found, segments, response, offset + length)
        end = terms.quiet.get(payload)
        quiet = end is not None
        if end is None:
            end = terms.end(payload)
        if end is None or (found.columns is not None and code not in (_QUERY, _EXECUTE)):
            return False
        self.end = end
        if found.columns is None:
            head = self._whole(begin, middle) if code == _QUERY else b""
            # Behind what says that there are no attributes (`connection_state.NO_ATTRIBUTES`).
            named = len(head) > _HEADER + 2 and head[_HEADER + 1] == 0 and head[_HEADER + 2] == 1
            begins = _HEADER + (3 if named else 1)
            if may_set(head, begins) or (not quiet and sets_variables(end)):
                self.taker.machine.connection.note_ok(head[_HEADER : _HEADER + LONGEST_SET], end)
        return True

    def _whole(self, begin: int, middle: int) -> bytes:
        """Its packet."""
        if not self.packet:
            self.packet = self.pieces.content(begin, middle)[self.closes * _CLOSE_SIZE :]
        return self.packet

    def tell(self, begin: int, middle: int, stop: int) -> None:
        """Tells who looks on of it, and of what is closed in front of it."""
        taker, observer, pieces, found, code = self.taker, self.observer, self.pieces, self.found, self.code
        if observer is None:
            return
        machine = taker.seen_machine if code == _QUERY and not self.closes else taker.machine
        if self.closes:
            _closes(machine, observer, pieces, begin, self.request, self.closes)
        turn, segments, asked = PlainTurn.__new__(PlainTurn), pieces.segments, pieces.row[middle - 1]
        turn.request, turn.named, turn.code = self.packet, self.terms.named, code
        turn.frame, turn.time_ns = segments.frame[asked], segments.time_ns[asked]
        turn.length, turn.end, turn.pieces, turn.span = self.length, self.end, pieces, (begin, middle, stop)
        _answered(turn, found, found.first_stop - self.offset)
        if code != _QUERY:
            self.statement = take_effect(machine, self.packet, self.statement, self.plan, found)
            if code == _PREPARE:
                turn.columns = found.definitions
        turn.statement, turn.plan = self.statement, self.plan
        _tell(observer, turn, machine)


def _tell(observer: Observer, turn: PlainTurn, machine: Machine) -> None:
    if isinstance(observer, TurnObserver):
        known = observer  # C calls it without looking for its method
        known.turn(turn, machine)
    else:
        observer.turn(turn, machine)


def _last_payload(found: Scanned, segments: Segments, response: bytes, end: int) -> bytes:
    """The last payload of a response that ends at `end`: of these bytes, or of a segment's where they are none."""
    return response[found.begin : end] if response else segments.cut(found.begin, end)


def _taken_by(observer: Observer) -> tuple[bool, bool, bool]:
    return observer.executes, observer.all_turns, observer.failures


def _answered(turn: PlainTurn, found: Scanned, first_size: int) -> None:
    """Notes the whole response to a turn's command; its first packet has so many bytes."""
    pieces, segments, (_, middle, stop) = turn.pieces, turn.pieces.segments, turn.span
    answered, ended = pieces.row[pieces.holding(middle, first_size)], pieces.row[stop - 1]
    turn.columns, turn.rows, turn.sequence = found.columns, found.rows, found.sequence
    turn.response_frame, turn.first_ns = segments.frame[answered], segments.time_ns[pieces.row[middle]]
    turn.last_frame, turn.last_ns = segments.frame[ended], segments.time_ns[ended]


def plain_code(octets: bytes | memoryview, offset: int, size: int, named: bool) -> int:
    """The code of the whole command that `size` bytes are; -1 where they are none, or it needs to be decoded.

    `named`: CLIENT_QUERY_ATTRIBUTES is in force.
    """
    if size > _LONGEST or size <= _HEADER or octets[offset + 3]:
        return -1
    if (octets[offset] | octets[offset + 1] << 8 | octets[offset + 2] << 16) != size - _HEADER:
        return -1
    code = octets[offset + _HEADER]
    # The head of a query without attributes says so in two bytes (`connection_state.NO_ATTRIBUTES`).
    if code == _QUERY and named and (size < _HEADER + 3 or octets[offset + 5] != 0 or octets[offset + 6] != 1):
        return -1
    if code == _QUERY and may_kill(octets, offset + _HEADER + (3 if named else 1), offset + size):
        return -1
    return -1 if code == _EXECUTE and size < HEAD else code


def may_kill(octets: bytes | memoryview, at: int, end: int) -> bool:
    """Whether a statement begins with KILL or CALL, by which sessions are ended: such are recorded, one by one.

    White space and comments come before it.
    """
    while at < end:
        byte = octets[at]
        if byte > _SPACE and byte not in (_SLASH, _DASH, _HASH):
            byte |= 0x20
            return byte == _K or (byte == _C and at + 1 < end and octets[at + 1] | 0x20 == _A)
        if byte == _SLASH:
            if at + 1 >= end or octets[at + 1] != _STAR:
                return False
            at += 2
            while at + 1 < end and not (octets[at] == _STAR and octets[at + 1] == _SLASH):
                at += 1
            at += 2
        elif byte > _SPACE:
            while at < end and octets[at] != _NEWLINE:
                at += 1
        else:
            at += 1
    return False


def taken_whole(code: int, size: int, may_omit: bool) -> bool:
    """Whether a packet of `size` bytes is a plain command that is neither a COM_QUERY nor an execute."""
    if code == _PREPARE:
        return not may_omit
    if code == _RESET:
        return size == _CLOSE_SIZE
    return (code in (_PING, _RESET_ALL)) and size == _HEADER + 1


def _closes(machine: Machine, observer: Observer, pieces: Pieces, begin: int, request: bytes, closes: int) -> None:
    """Tells of the COM_STMT_CLOSE in front of a command, which the pieces from `begin` on hold."""
    for place in range(closes):
        packet = request[place * _CLOSE_SIZE : (place + 1) * _CLOSE_SIZE]
        turn = _unanswered(pieces, begin, pieces.holding(begin, (place + 1) * _CLOSE_SIZE), packet)
        take_effect(machine, packet, None, None, None)
        _tell(observer, turn, machine)


def _unanswered(pieces: Pieces, begin: int, piece: int, packet: bytes) -> PlainTurn:
    """A command that nobody answers, which ends in a piece; what holds it begins with the piece `begin`."""
    segments, row = pieces.segments, pieces.row[piece]
    turn = PlainTurn.__new__(PlainTurn)
    turn.request, turn.code, turn.named = packet, packet[_HEADER], False
    turn.frame = turn.last_frame = segments.frame[row]
    turn.time_ns = turn.first_ns = turn.last_ns = segments.time_ns[row]
    turn.columns = turn.end = turn.statement = turn.plan = None
    turn.length = turn.rows = turn.sequence = turn.response_frame = 0
    turn.pieces, turn.span = pieces, (begin, begin, begin)
    return turn


def _failed(answers: CommandFacts, error: ErrPacket, request: bytes, pieces: Pieces, middle: int, stop: int) -> None:
    """Records a command that was answered with an error: its whole packet, in pieces up to `middle`."""
    segments = pieces.segments
    code, asked, answered = request[HEADER], pieces.row[middle - 1], pieces.row[stop - 1]
    size = len(request) - HEADER
    answers.record_sent(code, request[HEADER:], size, segments.frame[asked], segments.time_ns[asked])
    answers.record_error(error, segments.frame[answered], segments.time_ns[answered], code, answers.last)


def _says_goodbye(taker: TurnTaker, answers: CommandFacts, pieces: Pieces, piece: int) -> bool:
    """Takes a piece that is a whole COM_QUIT; False where it is none."""
    segments, row = pieces.segments, pieces.row[piece]
    if segments.length[row] != len(QUIT) or pieces.content(piece, piece + 1) != QUIT:
        return False
    if taker.observer is not None:
        _tell(taker.observer, _unanswered(pieces, piece, piece, QUIT), taker.seen_machine)
    answers.record_plain(QUIT, segments.frame[row], segments.time_ns[row])
    return True


def closes_in(octets: memoryview, offset: int, size: int) -> int:
    """How many COM_STMT_CLOSE stand in front of another command."""
    count = 0
    while size > _CLOSE_SIZE:
        for place in range(_HEADER + 1):
            if octets[offset + place] != _CLOSE[place]:
                return count
        count += 1
        offset += _CLOSE_SIZE
        size -= _CLOSE_SIZE
    return count

"""What a session leaves behind as it goes on: commands, errors and its end. Compiled: each connection has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from analyzer.protocol.machine.machine import CLIENT
from analyzer.protocol.records.generic import ErrPacket
from analyzer.protocol.tables.commands import COM_PROCESS_KILL, COM_QUERY
from analyzer.protocol.wire.framing import HEADER, RawPacket

# Faults of one kind that are kept of one connection; more are counted by nobody.
MOST: Final = 20
# Commands that a session begins with which are kept.
MOST_OPENING: Final = 6
# Commands that end other sessions, where they are recorded: they are never taken for plain turns. RDS and Azure have
# procedures for it.
_GAP: Final = rb"(?:\s|/\*(?:[^*]|\*(?!/))*\*/|(?:--\s|#)[^\n]*\n)"
_KILL: Final = re.compile(
    rb"(?:\x00[\x00\x01])?%b*(?:KILL%b+(?:(?:HARD|SOFT)%b+)?(?:CONNECTION%b+)?"
    rb"|CALL%b+(?:`?mysql`?\.)?`?(?:rds|az)_kill`?\s*\(\s*)(\d{1,20})\b" % ((_GAP,) * 5),
    re.IGNORECASE,
)
# What such a statement begins with.
_KILLS: Final = b"KkCc/-# \t\r\n"
# Bytes of a statement in which it may stand.
_LOOKED_AT: Final = 4096
# Bytes of a command that are kept to name it.
HEAD_KEPT: Final = 256
# Constants, once more: here they are numbers of C.
_HEAD: Final = HEAD_KEPT
_QUERY: Final = COM_QUERY
_KILLER: Final = COM_PROCESS_KILL


class SentCommand(msgspec.Struct, frozen=True, gc=False):
    """A command as it was sent: `head` is the beginning of its payload, `length` its payload's bytes."""

    code: int
    head: bytes
    length: int
    frame: int
    time_ns: int


def killed_by(code: int, payload: bytes) -> int | None:
    """The thread id of the session that a command ends; None: it ends none."""
    if code == COM_QUERY and len(payload) > 4:
        first = payload[1] or payload[3]  # behind what is said of query attributes
        found = _KILL.match(payload, 1, _LOOKED_AT) if first in _KILLS else None
        return int(found[1]) if found is not None else None
    return int.from_bytes(payload[1:5], "little") if code == COM_PROCESS_KILL and len(payload) >= 5 else None


class AnsweredError(msgspec.Struct, frozen=True):
    """An error that answered a command; `command` is None where several were under way."""

    error: ErrPacket
    frame: int
    time_ns: int
    code: int | None
    command: SentCommand | None


class Overlap(msgspec.Struct, frozen=True):
    """A command that was sent while another's response had not ended: `first` came before it."""

    first: SentCommand
    frame: int
    code: int


class CutPacket(msgspec.Struct, frozen=True):
    """A packet that was under way when the session ended: `have` bytes of `announced`, payload only."""

    role: int
    have: int
    announced: int
    frame: int
    time_ns: int


# Of a session whose commands were all answered without an error.
NO_ERRORS: Final[Mapping[int, int]] = MappingProxyType({})


class ClosingFacts:
    """How a connection ends: the error that ended it, the first FIN or RST, and the silence before it.

    unasked_frame  of an error that the server sent while no command was under way
    end, reset     (sender's endpoint, kind, frame, time) of the first FIN or RST, and of the first RST
    spoke_ns       when a side last sent a byte; `quiet_ns`: how long that was before the first FIN or RST
    """

    __slots__ = (
        "end",
        "error",
        "error_frame",
        "error_ns",
        "error_phase",
        "quiet_ns",
        "reset",
        "spoke_ns",
        "unasked_frame",
    )

    def __init__(self) -> None:
        self.error: ErrPacket | None = None
        self.error_frame = self.error_ns = 0
        self.error_phase = ""
        self.unasked_frame = 0
        self.end: tuple[int, str, int, int] | None = None
        self.reset: tuple[int, str, int, int] | None = None
        self.spoke_ns = self.quiet_ns = 0

    def record_error(self, record: ErrPacket, frame: int, time_ns: int, phase: str) -> None:
        """Records an error that refuses the login, or that the server sends unasked."""
        self.error = record
        self.error_frame = frame
        self.error_ns = time_ns
        self.error_phase = phase


class CommandFacts:
    """The command phase: its commands, counted, and how it did not go as it should.

    counts    code -> how many
    turns     commands that were taken in turns, without a record for each packet
    last      the last command that was sent; not kept of those that were answered at once
    waiting   commands whose responses had not ended when the connection was over; `begun`: the first's had begun
    early     the server answered the client's packet before it was whole
    opening   the first commands of the session
    left      the command whose answer had not begun when the first side ended the connection
    after_quit   (frame, code) of commands behind COM_QUIT
    kills        (thread id of a session that it asks to be ended, frame, time)
    """

    __slots__ = (
        "after_quit",
        "begun",
        "counts",
        "cut",
        "early",
        "error_counts",
        "errors",
        "kills",
        "last",
        "left",
        "opening",
        "overlap_count",
        "overlaps",
        "turns",
        "waiting",
    )

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.opening: list[SentCommand] = []
        self.last: SentCommand | None = None
        self.left: SentCommand | None = None
        self.cut: CutPacket | None = None
        self.early: CutPacket | None = None
        self.begun = False
        self.turns = self.waiting = self.overlap_count = 0
        # Most sessions have none of these: what they share is replaced, and never changed.
        self.errors: tuple[AnsweredError, ...] = ()
        self.overlaps: tuple[Overlap, ...] = ()
        self.after_quit: tuple[tuple[int, int], ...] = ()
        self.kills: tuple[tuple[int, int, int], ...] = ()
        self.error_counts = NO_ERRORS

    @property
    def irregular(self) -> bool:
        """Whether anything but `last` and `opening` was recorded."""
        if self.error_counts or self.waiting or self.overlap_count or self.after_quit or self.kills:
            return True
        return self.cut is not None or self.early is not None

    def is_orderly(self) -> bool:
        """Whether each command was sent when the one before it was answered, and was answered: errors may have."""
        if self.waiting or self.overlap_count or self.after_quit or self.kills:
            return False
        return self.cut is None and self.early is None and self.left is None

    @property
    def untouched(self) -> bool:
        """Whether nothing was recorded."""
        return not (self.counts or self.irregular or self.opening or self.last is not None)

    def count(self, code: int, times: int) -> None:
        """Counts a command."""
        self.counts[code] = self.counts.get(code, 0) + times

    def record_sent(self, code: int, payload: bytes, length: int, frame: int, time_ns: int) -> None:
        """Records a command that is sent."""
        head = payload if len(payload) <= _HEAD else payload[:_HEAD]
        self.last = SentCommand(code, head, length, frame, time_ns)
        if code in (_QUERY, _KILLER):
            killed = killed_by(code, payload)
            if killed is not None and len(self.kills) < MOST:
                self.kills = (*self.kills, (killed, frame, time_ns))
        if len(self.opening) < MOST_OPENING:
            self.opening.append(self.last)

    def record_plain(self, data: bytes, frame: int, time_ns: int) -> None:
        """Records a command in one whole packet, `data` with its header."""
        code = data[HEADER]
        self.count(code, 1)
        self.record_sent(code, data[HEADER : HEADER + _LOOKED_AT], len(data) - HEADER, frame, time_ns)

    def record_overlap(self, frame: int, code: int) -> None:
        """Records that a command is sent before the one recorded last was answered."""
        self.overlap_count += 1
        if self.last is not None and len(self.overlaps) < MOST:
            self.overlaps = (*self.overlaps, Overlap(self.last, frame, code))

    def record_error(
        self, error: ErrPacket, frame: int, time_ns: int, code: int | None, command: SentCommand | None
    ) -> None:
        """Records an error in answer to a command; as in `AnsweredError`."""
        number, counts = error.error_code, self.error_counts
        if self.kills:  # one that was refused ends nothing; nor is it known which one was, where several were under way
            refused = None if command is None else command.frame
            self.kills = tuple([kill for kill in self.kills if refused not in (None, kill[1])])
        if not counts:
            counts = self.error_counts = {number: 1}
        elif number in counts or len(counts) < MOST:
            counts = self.error_counts = {**counts, number: counts.get(number, 0) + 1}
        if len(self.errors) >= MOST and counts.get(number, 0) > 1:
            return
        if len(self.errors) < 2 * MOST:
            self.errors = (*self.errors, AnsweredError(error, frame, time_ns, code, command))

    def record_early(self, packet: RawPacket) -> None:
        """Records a client's packet that the server answers before it is whole."""
        self.early = CutPacket(CLIENT, len(packet.payload), packet.length, packet.frame, packet.time_ns)

    def record_after_quit(self, frame: int, code: int) -> None:
        """Records a command behind COM_QUIT."""
        if len(self.after_quit) < MOST:
            self.after_quit = (*self.after_quit, (frame, code))

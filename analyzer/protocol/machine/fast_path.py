"""Whole responses that came in one piece, without a record for each packet: what most of the traffic is.

Only the plain case is answered: an OK, or one result set whose definitions and rows are passed over by their headers,
every packet in sequence, the last byte that of the packet which ends it. For all else the state machine is there.
"""

from __future__ import annotations

from typing import Final

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import EOF_LENGTH, Ends, end_of
from analyzer.protocol.records.generic import PROGRESS_REPORT, EOFPacket, ErrPacket, OKPacket
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_SESSION_STATE_CHANGED,
)
from analyzer.protocol.wire.framing import HEADER, LONGEST

# Longer pieces are rarely whole, and would be walked twice.
LONGEST_SCANNED: Final = 1 << 16
# Constants of others, once more: here they are numbers of C.
_HEADER: Final = HEADER
_LONGEST: Final = LONGEST
_EOF: Final = EOF_LENGTH
_PREPARE_OK: Final = 12
_ERROR: Final = 0xFF
SHORTEST_OK: Final = 7
CURSOR_EXISTS: Final = 0x40
# The code of a report that looks like an error (MARIADB_CLIENT_PROGRESS).
PROGRESS: Final = PROGRESS_REPORT.to_bytes(2, "little")
PS_OUT_PARAMS: Final = 0x10  # SERVER_PS_OUT_PARAMS, in the flags' second byte


Bytes = bytes | memoryview


class Scanned:
    """A whole plain response, as `scan` found it. `columns` is None where it is an OK; else `rows` counts its rows.

    first_stop   where its first packet ends
    begin        where its last payload begins
    sequence     id of its last packet
    statement_id, params, definitions  what answers a prepare: its number, how many parameters and columns it has
    """

    __slots__ = ("begin", "columns", "definitions", "first_stop", "params", "rows", "sequence", "statement_id")

    def __init__(self) -> None:
        self.columns: int | None = None
        self.rows = self.first_stop = self.begin = self.sequence = 0
        self.statement_id = self.params = self.definitions = 0


def plain_response(machine: Machine, data: bytes) -> tuple[Scanned, OKPacket | EOFPacket] | None:
    """Takes the current command's whole response where it is plain, and what ends it.

    None for all else, and nothing has moved.
    """
    state = machine.state
    if state not in (st.RESULT, st.RESPONSE) or machine.sequence is None or machine.queue:
        return None
    ctx = machine.context
    in_force = ctx.in_force
    if ctx.assumed or machine.one_sided or machine.compression is not None:
        return None
    found, sequence = Scanned(), (machine.sequence + 1) & 0xFF
    has_eof, says_metadata = not in_force & CLIENT_DEPRECATE_EOF, in_force & METADATA_FLAG != 0
    if not scan(found, data, 0, len(data), sequence, has_eof, says_metadata):
        return None
    if found.columns is not None and state != st.RESULT:
        return None
    end = last_of(data[found.begin :], ctx, machine.ends)
    if end is None:
        return None
    if (end.status_flags or 0) & SERVER_SESSION_STATE_CHANGED and isinstance(end, OKPacket):
        machine.connection.note_session(end.session_state_info or ())
    machine.answered(found.sequence)
    return found, end


def last_of(payload: bytes, ctx: Context, ends: Ends) -> OKPacket | EOFPacket | None:
    """The OK or EOF that ends a response; None where it is broken, or more results follow it."""
    try:
        end = end_of(payload, ctx, ends)
    except DecodeError:
        return None
    return None if has_more(end) else end


def error_of(payload: bytes, ctx: Context) -> ErrPacket | None:
    """The error that is a whole response; None where it is broken, or only says how far a command is."""
    if payload[1:3] == PROGRESS:
        return None
    try:
        return ErrPacket.from_bytes(payload, ctx)
    except DecodeError:
        return None


def has_more(end: OKPacket | EOFPacket) -> bool:
    """Whether more results follow what this ends."""
    return (end.status_flags or 0) & SERVER_MORE_RESULTS_EXISTS != 0


def scan(found: Scanned, data: Bytes, begin: int, end: int, sequence: int, has_eof: bool, says_metadata: bool) -> bool:
    """Whether the bytes from `begin` to `end` are a whole response that is plain; `found` says then what is in it.

    `sequence` is the id that the first packet has to have. `has_eof`: definitions and rows end with EOF packets.
    `says_metadata`: a byte behind the number of columns says whether their definitions follow.
    """
    if not _HEADER < end - begin <= LONGEST_SCANNED:
        return False
    length = data[begin] | data[begin + 1] << 8 | data[begin + 2] << 16
    first = data[begin + _HEADER]
    stop = begin + _HEADER + length
    if data[begin + 3] != sequence or length == 0 or stop > end:
        return False
    found.first_stop = stop
    if first == 0:
        found.columns = None
        found.rows = 0
        found.begin = begin + _HEADER
        found.sequence = sequence
        return stop == end
    if first > 0xFA or length != (2 if says_metadata else 1):
        return False
    definitions = first
    if says_metadata:
        follows = data[begin + _HEADER + 1]
        if follows > 1:
            return False
        definitions *= follows
    left = definitions + 1 if has_eof else definitions
    rows = 0
    last = end - _HEADER - 1
    while stop <= last:
        sequence = (sequence + 1) & 0xFF
        length = data[stop] | data[stop + 1] << 8 | data[stop + 2] << 16
        byte = data[stop + _HEADER]
        if data[stop + 3] != sequence or length in (0, _LONGEST):
            return False
        stop += _HEADER + length
        if byte < 0xFE:
            if left == 0:
                rows += 1
            elif left == 1 and has_eof:
                return False
            else:
                left -= 1
            continue
        if byte != 0xFE or stop > end:
            return False
        if left == 0:
            found.columns = first
            found.rows = rows
            found.begin = stop - length
            found.sequence = sequence
            return stop == end and (length == _EOF if has_eof else length >= SHORTEST_OK)
        # Behind a cursor nothing comes; behind OUT parameters an OK, whatever their last EOF says.
        if left > 1 or not has_eof or length != _EOF:
            return False
        if data[stop - 2] & CURSOR_EXISTS or data[stop - 1] & PS_OUT_PARAMS:
            return False
        left = 0
    return False


def scan_error(found: Scanned, data: Bytes, begin: int, end: int) -> bool:
    """Whether the bytes from `begin` to `end` are one packet that begins as an error does, the first of a response."""
    if not _HEADER < end - begin <= LONGEST_SCANNED:
        return False
    length = data[begin] | data[begin + 1] << 8 | data[begin + 2] << 16
    if length != end - begin - _HEADER or data[begin + 3] != 1 or data[begin + _HEADER] != _ERROR:
        return False
    found.columns, found.rows = None, 0
    found.first_stop, found.begin = end, begin + _HEADER
    found.sequence = 1
    return True


def scan_prepared(found: Scanned, data: Bytes, begin: int, end: int, has_eof: bool) -> bool:
    """Whether the bytes from `begin` to `end` are all that answers a COM_STMT_PREPARE, without an error.

    Its OK says how many definitions of parameters and of columns follow.
    """
    if not _HEADER < end - begin <= LONGEST_SCANNED or end - begin < _HEADER + _PREPARE_OK:
        return False
    length = data[begin] | data[begin + 1] << 8 | data[begin + 2] << 16
    if length != _PREPARE_OK or data[begin + 3] != 1 or data[begin + _HEADER]:
        return False
    columns = data[begin + _HEADER + 5] | data[begin + _HEADER + 6] << 8
    params = data[begin + _HEADER + 7] | data[begin + _HEADER + 8] << 8
    sequence = 1
    stop = begin + _HEADER + _PREPARE_OK
    for left in (params, columns):
        if not left:
            continue
        definitions = left
        while definitions >= 0:
            if not definitions and not has_eof:
                break
            if stop + _HEADER >= end:
                return False
            sequence = (sequence + 1) & 0xFF
            length = data[stop] | data[stop + 1] << 8 | data[stop + 2] << 16
            byte = data[stop + _HEADER]
            if data[stop + 3] != sequence or length in (0, _LONGEST):
                return False
            if definitions:
                if byte >= 0xFE:
                    return False
            elif byte != 0xFE or length != _EOF or stop + _HEADER + _EOF > end or data[stop + 7] & CURSOR_EXISTS:
                return False
            stop += _HEADER + length
            definitions -= 1
    found.columns = None
    found.rows = 0
    found.first_stop = begin + _HEADER + _PREPARE_OK
    found.params = params
    found.definitions = columns
    place = begin + _HEADER + 1
    found.statement_id = data[place] | data[place + 1] << 8 | data[place + 2] << 16 | data[place + 3] << 24
    found.sequence = sequence
    return stop == end

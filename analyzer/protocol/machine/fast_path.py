"""Whole responses that came in one piece, without a record for each packet: what most of the traffic is.

Only the plain case is answered: an OK, or one result set whose definitions and rows are passed over by their headers,
every packet in sequence, the last byte that of the packet which ends it. For all else the state machine is there.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analyzer.errors import DecodeError
from analyzer.protocol.context import Context
from analyzer.protocol.machine import state as st
from analyzer.protocol.machine.machine import Machine
from analyzer.protocol.machine.terminators import EOF_LENGTH, Ends, end_of
from analyzer.protocol.records.generic import EOFPacket, OKPacket
from analyzer.protocol.records.response import METADATA_FLAG
from analyzer.protocol.tables.capabilities import (
    CLIENT_DEPRECATE_EOF,
    SERVER_MORE_RESULTS_EXISTS,
    SERVER_SESSION_STATE_CHANGED,
)
from analyzer.protocol.wire.framing import HEADER, LONGEST, alike

# Longer pieces are rarely whole, and would be walked twice.
LONGEST_SCANNED: Final = 1 << 16
# Rows of fewer bytes are not worth looking at together.
LONG_ROWS: Final = 512
SHORTEST_OK: Final = 7
CURSOR_EXISTS: Final = 0x40
PS_OUT_PARAMS: Final = 0x10  # SERVER_PS_OUT_PARAMS, in the flags' second byte


class Scanned(msgspec.Struct, frozen=True, gc=False):
    """A whole response. `columns` is None where it is an OK; `first_stop` is where its first packet ends."""

    end: OKPacket | EOFPacket
    columns: int | None
    rows: int
    first_stop: int
    sequence: int  # id of the last packet


def plain_response(machine: Machine, data: bytes) -> Scanned | None:
    """Takes the current command's whole response where it is plain; None for all else, and nothing has moved."""
    state = machine.state
    if state not in (st.RESULT, st.RESPONSE) or machine.sequence is None or machine.queue:
        return None
    ctx = machine.context
    in_force = ctx.in_force
    if ctx.assumed or machine.one_sided or machine.compression is not None:
        return None
    found = scan(
        data, (machine.sequence + 1) & 0xFF, not in_force & CLIENT_DEPRECATE_EOF, in_force & METADATA_FLAG != 0
    )
    if found is None or (found[0] is not None and state != st.RESULT):
        return None
    columns, rows, first_stop, begin, sequence = found
    end = last_of(data[begin:], ctx, machine.ends)
    if end is None:
        return None
    if (end.status_flags or 0) & SERVER_SESSION_STATE_CHANGED and isinstance(end, OKPacket):
        machine.connection.note_session(end.session_state_info or ())
    machine.answered(sequence)
    return Scanned(end, columns, rows, first_stop, sequence)


def last_of(payload: bytes, ctx: Context, ends: Ends) -> OKPacket | EOFPacket | None:
    """The OK or EOF that ends a response; None where it is broken, or more results follow it."""
    try:
        end = end_of(payload, ctx, ends)
    except DecodeError:
        return None
    return None if (end.status_flags or 0) & SERVER_MORE_RESULTS_EXISTS else end


def scan(
    data: bytes, sequence: int, has_eof: bool, says_metadata: bool
) -> tuple[int | None, int, int, int, int] | None:
    """(columns, rows, end of the first packet, begin of the last payload, id of the last packet); None: not plain.

    `sequence` is the id that the first packet has to have. `has_eof`: definitions and rows end with EOF packets.
    `says_metadata`: a byte behind the number of columns says whether their definitions follow.
    """
    size = len(data)
    if not HEADER < size <= LONGEST_SCANNED:
        return None
    length = data[0] | data[1] << 8 | data[2] << 16
    first = data[HEADER]
    stop = HEADER + length
    if data[3] != sequence or length == 0 or stop > size:
        return None
    if first == 0:
        return (None, 0, stop, HEADER, sequence) if stop == size else None
    if first > 0xFA or length != (2 if says_metadata else 1):
        return None
    definitions = first
    if says_metadata:
        follows = data[HEADER + 1]
        if follows > 1:
            return None
        definitions *= follows
    first_stop = stop
    last = size - HEADER - 1
    for left in range(definitions + 1 if has_eof else definitions, 0, -1):
        sequence = (sequence + 1) & 0xFF
        if stop > last or data[stop + 3] != sequence:
            return None
        length = data[stop] | data[stop + 1] << 8 | data[stop + 2] << 16
        byte = data[stop + HEADER]
        begin = stop + HEADER
        stop = begin + length
        if not 0 < length < LONGEST:
            return None
        if has_eof and left == 1:
            if byte != 0xFE or length != EOF_LENGTH or stop > size:
                return None
            # Behind a cursor nothing comes; behind OUT parameters an OK, whatever their last EOF says.
            if data[begin + 3] & CURSOR_EXISTS or data[begin + 4] & PS_OUT_PARAMS:
                return None
        elif byte >= 0xFE:
            return None
    rows = 0
    if size - stop > LONG_ROWS:
        rows, stop = alike(data, stop, size, (sequence + 1) & 0xFF)
        sequence = (sequence + rows) & 0xFF
    while stop <= last:
        sequence = (sequence + 1) & 0xFF
        if data[stop + 3] != sequence:
            return None
        length = data[stop] | data[stop + 1] << 8 | data[stop + 2] << 16
        byte = data[stop + HEADER]
        if byte >= 0xFE or not 0 < length < LONGEST:
            break
        stop += HEADER + length
        rows += 1
    else:
        return None
    if byte != 0xFE or stop + HEADER + length != size or (length != EOF_LENGTH if has_eof else length < SHORTEST_OK):
        return None
    return first, rows, first_stop, stop + HEADER, sequence

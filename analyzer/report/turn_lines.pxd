cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer, is_plain_json, put_bytes, put_number, put_part
from analyzer.analysis.commands.turn_tracker cimport TurnRenderer, TurnTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.analysis.packets.statement_mask cimport StatementMask
from analyzer.protocol.execute_plan cimport ExecutePlan
from analyzer.report.turn_values cimport put_json

cdef Py_ssize_t MOST, MOST_ENDS, MOST_TEXTS, LONGEST_TEXT, _DIGITS, _ROOM
cdef bytes _NOTHING
cdef int _QUERY, _PREPARE, _CLOSE, _QUOTE, _FIRST_TEXT, _STATEMENT, _PARAMETERS, _ENDED, _SAID
cdef int _MADE, _BARE, _QUOTED
cdef long long _LAST_PREPARED


cdef class TurnLines(TurnRenderer):
    cdef object _capture
    cdef StatementMask _mask
    cdef dict _ended, _ended_rows, _templates, _texts
    cdef public bytearray line
    cdef public Py_ssize_t begin
    cdef long long[::1] _numbers

    cpdef turn(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines)
    @cython.locals(
        began=cython.longlong, latency=cython.longlong, duration=cython.longlong, number=cython.longlong, code=cython.longlong,
        numbers="long long[::1]", mask=StatementMask, known=tuple, ended=tuple, template=tuple, ends=tuple, text=bytes,
        said=bytes, data=bytes, begin=Py_ssize_t, bound=Py_ssize_t, alike=cython.longlong, stands=cython.int)
    cdef bint _is_written(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines) except -1

    @cython.locals(
        literals=tuple, slots=bytes, text=bytes, line="char*", room=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t,
        slot=cython.int, size=Py_ssize_t, numbers="long long[::1]")
    cdef _write(self, LineBuffer lines, tuple template, bytes said, Py_ssize_t begin, bint quoted, Py_ssize_t bound, tuple ended, tuple ends)
    cdef int stands(self, bytes data, Py_ssize_t begin) except -1
    cdef bytes made(self, str text)
    cdef bytes cell(self, what)
    cdef make_room(self, Py_ssize_t room)
    @cython.locals(size=Py_ssize_t)
    cdef Py_ssize_t values(self, ExecutePlan plan, bytes data) except? -2
    @cython.locals(text=bytes)
    cdef Py_ssize_t made_values(self, ExecutePlan plan, bytes data) except? -2
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    @cython.locals(known=tuple)
    cdef bytes _shown(self, str query, Py_ssize_t parameters)
    cdef tuple _noted_end(self, PlainTurn turn)
    cdef tuple _learnt(self, TurnTracker tracker, PlainTurn turn, long long alike)
    cdef bytes acknowledged(self, says)
    cdef bytes ends_of(self, ends)
    cdef bytes failed(self, error)
    cdef tuple _noted_ends(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple template(self, command)

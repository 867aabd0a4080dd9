cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer, is_plain_json, put_bytes, put_number, put_part
from analyzer.analysis.commands.turn_tracker cimport TurnRenderer, TurnTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.analysis.packets.statement_mask cimport StatementMask
from analyzer.protocol.execute_plan cimport ExecutePlan

cdef Py_ssize_t MOST, MOST_ENDS, MOST_TEXTS, LONGEST_TEXT, _DIGITS, _VALUE, _ROOM
cdef bytes _NULL, _NOTHING
cdef int _QUERY, _PREPARE, _CLOSE, _QUOTE, _ZERO, _FIRST_TEXT, _STATEMENT, _PARAMETERS, _ENDED, _SAID, _SAYS, _NAMED
cdef int _LIST, _END, _COMMA, _MINUS, _POINT, _TEXT, _DOUBLE, _NO_NUMBER, _WHOLE, _LONG
cdef unsigned long long _FULL, _FRACTION
cdef long long _LAST_PREPARED


cdef class TurnLines(TurnRenderer):
    cdef object _capture
    cdef StatementMask _mask
    cdef dict _ended, _ended_rows, _templates, _texts
    cdef bytearray _line
    cdef long long[::1] _numbers

    cpdef turn(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines)
    @cython.locals(
        began=cython.longlong, latency=cython.longlong, duration=cython.longlong, number=cython.longlong, code=cython.longlong,
        numbers="long long[::1]", mask=StatementMask, known=tuple, ended=tuple, template=tuple, ends=tuple, text=bytes,
        said=bytes, data=bytes, begin=Py_ssize_t, bound=Py_ssize_t, alike=cython.longlong)
    cdef bint _is_written(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines) except -1

    @cython.locals(
        literals=tuple, slots=bytes, text=bytes, line="char*", room=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t,
        slot=cython.int, size=Py_ssize_t, numbers="long long[::1]")
    cdef _write(self, LineBuffer lines, tuple template, bytes said, Py_ssize_t begin, Py_ssize_t bound, tuple ended, tuple ends)
    cdef _make_room(self, Py_ssize_t room)
    @cython.locals(size=Py_ssize_t, text=bytes)
    cdef Py_ssize_t _values(self, ExecutePlan plan, bytes data) except -1
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    @cython.locals(known=tuple)
    cdef bytes _shown(self, str query, Py_ssize_t parameters)
    cdef tuple _noted_end(self, PlainTurn turn)
    cdef tuple _learnt(self, TurnTracker tracker, PlainTurn turn, long long alike)


@cython.locals(
    kinds=bytes, count=Py_ssize_t, written=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t, kind=cython.int,
    size=Py_ssize_t, stop=Py_ssize_t, number="unsigned long long")
cdef Py_ssize_t _put_values(char* line, ExecutePlan plan, bytes data, Py_ssize_t end) except -1


@cython.locals(at=Py_ssize_t, byte="unsigned long long", number="unsigned long long")
cdef unsigned long long _number_in(bytes data, Py_ssize_t place, Py_ssize_t size) except? 0


@cython.locals(
    bits="unsigned long long", whole="unsigned long long", exponent=cython.int, shift=cython.int, text=bytes)
cdef Py_ssize_t _put_double(char* line, Py_ssize_t end, bytes data, Py_ssize_t place) except -1

cimport cython

from analyzer.analysis.commands.turn_tracker cimport TurnTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.analysis.packets.statement_mask cimport StatementMask
from analyzer.batches cimport copied
from analyzer.protocol.execute_plan cimport ExecutePlan

cdef Py_ssize_t MOST, MOST_ENDS, _DIGITS, _VALUE, _ROOM
cdef bytes _NULL
cdef int _QUERY, _PREPARE, _CLOSE, _LEAST, _MOST_PLAIN, _QUOTE, _BACKSLASH, _ZERO, _FIRST_TEXT
cdef int _LIST, _END, _COMMA, _MINUS, _TEXT, _NEGATIVE, _LONG
cdef unsigned long long _FULL
cdef long long _LAST_PREPARED


cdef class TurnLines:
    cdef object _capture
    cdef StatementMask _mask
    cdef dict _ended, _ended_rows, _templates
    cdef bytearray _line
    cdef long long[::1] _numbers

    @cython.locals(
        began=cython.longlong, latency=cython.longlong, duration=cython.longlong, number=cython.longlong, code=cython.longlong,
        numbers="long long[::1]", mask=StatementMask, known=tuple, ended=tuple, template=tuple, ends=tuple, text=bytes,
        said=bytes, bound=bytes, alike=cython.longlong)
    cpdef turn(self, TurnTracker tracker, PlainTurn turn)

    @cython.locals(
        literals=tuple, slots=bytes, text=bytes, line="char*", room=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t,
        slot=cython.int)
    cdef bytes _written(self, tuple template, list texts)
    cdef _make_room(self, Py_ssize_t room)
    @cython.locals(plan=ExecutePlan, data=bytes, size=Py_ssize_t)
    cdef bytes _values(self, PlainTurn turn)
    cdef bytes _whole(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted_end(self, PlainTurn turn)
    cdef tuple _learnt(self, TurnTracker tracker, PlainTurn turn, long long alike)


cdef bytes _inside(bytes text)


@cython.locals(place=Py_ssize_t, byte="unsigned char")
cdef bint _is_plain(const unsigned char* text, Py_ssize_t begin, Py_ssize_t end) except -1


@cython.locals(place=Py_ssize_t)
cdef Py_ssize_t _put(char* line, Py_ssize_t end, const char* text, Py_ssize_t size) except -1


@cython.locals(left="unsigned long long", bound="unsigned long long", place=Py_ssize_t, size=Py_ssize_t)
cdef Py_ssize_t _put_number(char* line, Py_ssize_t end, unsigned long long number) except -1


@cython.locals(
    kinds=bytes, count=Py_ssize_t, written=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t, kind=cython.int,
    size=Py_ssize_t, stop=Py_ssize_t, at=Py_ssize_t, byte="unsigned long long", number="unsigned long long")
cdef Py_ssize_t _put_values(char* line, ExecutePlan plan, bytes data, Py_ssize_t end) except -1

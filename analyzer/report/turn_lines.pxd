cimport cython

from analyzer.analysis.commands.turn_tracker cimport TurnTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.protocol.execute_plan cimport ExecutePlan

cdef Py_ssize_t MOST, MOST_ENDS, _PARTS
cdef bytes _NULL
cdef tuple _ZEROES, _SHORT, _THREE
cdef int _QUERY, _PREPARE, _CLOSE, _LEAST, _MOST_PLAIN, _QUOTE, _BACKSLASH, _ZERO, _FIRST_TEXT
cdef int _LIST, _END, _COMMA, _MINUS, _TEXT, _NEGATIVE, _LONG
cdef unsigned long long _FULL
cdef long long _LAST_PREPARED


cdef class TurnLines:
    cdef object _capture, _mask
    cdef dict _ended, _templates
    cdef list _parts
    cdef long long[::1] _numbers

    @cython.locals(
        began=cython.longlong, latency=cython.longlong, duration=cython.longlong, number=cython.longlong, code=cython.int,
        numbers="long long[::1]", known=tuple, ended=tuple, template=tuple, ends=tuple, text=bytes,
        failed=bint)
    cpdef turn(self, TurnTracker tracker, PlainTurn turn)

    @cython.locals(
        literals=tuple, slots=bytes, parts=list, count=Py_ssize_t, place=Py_ssize_t, slot=cython.int,
        left="unsigned long long",
        groups=Py_ssize_t, at=Py_ssize_t)
    cdef bytes _written(self, tuple template, list texts)
    cdef bytes _whole(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted_end(self, PlainTurn turn)
    cdef tuple _learnt(self, TurnTracker tracker, PlainTurn turn, tuple alike)


@cython.locals(place=Py_ssize_t, byte="unsigned char")
cdef bytes _inside(bytes text)


cdef _values(PlainTurn turn)


@cython.locals(
    plan=ExecutePlan, data=bytes, kinds=bytes, end=Py_ssize_t, count=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t, kind=cython.int, size=Py_ssize_t,
    stop=Py_ssize_t, at=Py_ssize_t, byte="unsigned long long", number="unsigned long long")
cdef bint _add_plain(bytearray found, PlainTurn turn) except -1


@cython.locals(left="unsigned long long", place=Py_ssize_t, size=Py_ssize_t)
cdef _add_number(bytearray line, unsigned long long number)

cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn

cdef Py_ssize_t MOST_TEXTS, _WIDTH
cdef long long _NOTHING


cdef class TurnRows:
    cdef object _capture, _mask
    cdef dict _kinds, _said, _texts
    cdef list _ends
    cdef object _store
    cdef long long[::1] _cells
    cdef public Py_ssize_t count, bytes
    cdef public list kinds, said
    cdef public dict bound, statements, addresses, servers

    @cython.locals(cells="long long[::1]", begin=Py_ssize_t)
    cpdef command(self, command)

    @cython.locals(
        cells="long long[::1]", began=cython.longlong, latency=cython.longlong, duration=cython.longlong,
        text=cython.longlong, number=cython.longlong, begin=Py_ssize_t, shown=tuple, ends=tuple, has=cython.int,
        said=Py_ssize_t, kind=Py_ssize_t)
    cpdef turn(self, tracker, PlainTurn turn)
    cdef Py_ssize_t _row(self, Py_ssize_t size) except -1
    cdef _whole(self, tracker, PlainTurn turn)
    cdef tuple _noted(self, tracker, PlainTurn turn)
    cdef Py_ssize_t _text(self, statement) except -1
    @cython.locals(known=tuple)
    cdef Py_ssize_t _end(self, PlainTurn turn) except -1
    cdef tuple _kind(self, tracker, PlainTurn turn)
    cdef tuple _noted_ends(self, tracker)
    cdef tuple _placed(self, tuple ends)


@cython.locals(place=Py_ssize_t)
cdef void _gather(long long[::1] found, long long[::1] cells, const long long[::1] order, Py_ssize_t cell) except *

cimport cython

from analyzer.analysis.commands.turn_tracker cimport TurnSink, TurnTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.reassembly cimport TcpConnection

cdef Py_ssize_t MOST_TEXTS, _WIDTH, _ENDED
cdef int _QUERY, _PREPARE, _CLOSE
cdef long long _NOTHING


cdef class TurnRows(TurnSink):
    cdef dict _sessions, _said, _texts
    cdef list _ends, _numberless
    cdef object _store
    cdef long long[::1] _cells
    cdef Py_ssize_t _settled
    cdef public Py_ssize_t count, bytes
    cdef public list kinds, said
    cdef public dict bound, statements, addresses, servers

    @cython.locals(place=Py_ssize_t)
    cpdef void add(self, long long frame, TurnTracker tracker, each)

    @cython.locals(
        cells="long long[::1]", place=Py_ssize_t, stream=cython.longlong, ended=list, tracker=TurnTracker)
    cdef list _numbered(self, Py_ssize_t begin)

    @cython.locals(cells="long long[::1]", begin=Py_ssize_t)
    cpdef command(self, command)

    @cython.locals(
        cells="long long[::1]", began=cython.longlong, latency=cython.longlong, duration=cython.longlong,
        text=cython.longlong, number=cython.longlong, begin=Py_ssize_t, shown=tuple, ends=tuple, has=cython.int,
        said=Py_ssize_t, kind=Py_ssize_t, code=cython.int, raw=bytes)
    cpdef turn(self, TurnTracker tracker, PlainTurn turn)
    cdef Py_ssize_t _row(self, Py_ssize_t size) except -1
    cdef _whole(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    cdef Py_ssize_t _text(self, statement) except -1
    @cython.locals(known=tuple, failed=cython.bint)
    cdef Py_ssize_t _end(self, PlainTurn turn) except -1
    @cython.locals(kinds=dict)
    cdef tuple _kind(self, TurnTracker tracker, PlainTurn turn)
    @cython.locals(tcp=TcpConnection, known=tuple)
    cdef tuple _ends_of(self, TurnTracker tracker)
    cdef Py_ssize_t _server(self, tuple server) except -1


@cython.locals(place=Py_ssize_t)
cdef void _gather(long long[::1] found, long long[::1] cells, const long long[::1] order, Py_ssize_t cell) except *

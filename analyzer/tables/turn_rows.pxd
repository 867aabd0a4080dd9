cimport cython

from analyzer.analysis.commands.turn_tracker cimport TurnSink, TurnTracker
from analyzer.analysis.conversation.login_shapes cimport PlainSession, SessionShape, turns_of
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.reassembly cimport TcpConnection

cdef Py_ssize_t MOST_TEXTS, _WIDTH, _ENDED, _UNSAID
cdef dict _FORMS
cdef int _QUERY, _PREPARE, _CLOSE
cdef long long _NOTHING


cdef class Ends:
    cdef object rows
    cdef Py_ssize_t address, server
    cdef long long port, number
    cdef tuple session
    cdef dict kinds


cdef class TurnKind:
    cdef Py_ssize_t place
    cdef int has


cdef class TurnRows(TurnSink):
    cdef dict _kinds, _sessions, _said, _texts
    cdef tuple _session
    cdef list _ends, _numberless
    cdef object _store
    cdef long long[::1] _cells
    cdef Py_ssize_t _settled
    cdef dict _known_rows
    cdef public Py_ssize_t count, bytes
    cdef public list kinds, said
    cdef public dict bound, statements, addresses, servers

    @cython.locals(place=Py_ssize_t)
    cpdef void add(self, long long frame, TurnTracker tracker, each)

    @cython.locals(
        session=SessionShape, known="const long long[::1]", cells="long long[::1]", whose=Ends, frames=list, times=list,
        row=Py_ssize_t, count=Py_ssize_t, at=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t, asked=cython.longlong,
        answered=cython.longlong, latency=cython.longlong, duration=cython.longlong, began=cython.longlong,
        stream=cython.longlong)
    cpdef bint session(self, TurnTracker tracker, plain, dict ends) except -1
    cdef _rows_of(self, TurnTracker tracker, PlainSession plain, dict ends)
    cdef void _number(self, Py_ssize_t begin) except *
    @cython.locals(cells="long long[::1]", place=Py_ssize_t, before=Py_ssize_t, begin=Py_ssize_t)
    cdef bint _is_mixed(self, const long long[::1] order) except *

    @cython.locals(cells="long long[::1]", begin=Py_ssize_t)
    cpdef command(self, command)

    @cython.locals(
        cells="long long[::1]", began=cython.longlong, latency=cython.longlong, duration=cython.longlong,
        text=cython.longlong, number=cython.longlong, begin=Py_ssize_t, shown=tuple, ends=Ends, has=cython.int,
        said=Py_ssize_t, kind=TurnKind, code=cython.int, raw=bytes)
    cpdef turn(self, TurnTracker tracker, PlainTurn turn)
    cdef Py_ssize_t _row(self, Py_ssize_t size) except -1
    cdef _whole(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    cdef Py_ssize_t _text(self, statement) except -1
    @cython.locals(known=tuple, said_at=Py_ssize_t, of_rows=bint)
    cdef Py_ssize_t _end(self, PlainTurn turn) except -1
    @cython.locals(known=TurnKind, has=cython.int, bit=Py_ssize_t)
    cdef TurnKind _kind(self, TurnTracker tracker, Ends ends, PlainTurn turn)
    @cython.locals(tcp=TcpConnection, known=Ends, found=Ends)
    cdef Ends _ends_of(self, TurnTracker tracker)
    cdef Py_ssize_t _server(self, tuple server) except -1


@cython.locals(place=Py_ssize_t)
cdef void _gather(long long[::1] found, long long[::1] cells, const long long[::1] order, Py_ssize_t cell) except *

@cython.locals(place=Py_ssize_t)
cdef void _gather_from(
    long long[::1] found, const long long[::1] cells, Py_ssize_t begin, Py_ssize_t cell) except *

@cython.locals(place=Py_ssize_t, stream=cython.longlong, tracker=TurnTracker)
cdef void _fill_numbers(long long[::1] cells, Py_ssize_t begin, Py_ssize_t stop, list trackers) except *

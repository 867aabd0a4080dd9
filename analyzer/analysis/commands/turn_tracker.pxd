cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer
from analyzer.analysis.commands.tracker cimport CommandTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.reassembly cimport TcpConnection

cdef int _QUERY
cdef bytes _USE


cdef class TurnTracker(CommandTracker)


cdef class TurnSink:
    cdef public long long least
    cdef public object capture, mask
    cdef dict sessions
    cdef public bint whole

    @cython.locals(made=TurnTracker)
    cpdef TurnTracker tracker(self, TcpConnection tcp)
    cpdef void add(self, long long frame, TurnTracker tracker, each)

    cpdef bint session(self, TurnTracker tracker, plain, dict ends) except -1

    @cython.locals(last=cython.longlong)
    cpdef bint take(self, TurnTracker tracker, PlainTurn turn, machine) except -1


cdef class TurnRenderer:
    cpdef turn(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines)


cdef class RenderedTurns(TurnSink):
    cdef public LineBuffer lines
    cdef public list later
    cdef public TurnRenderer renderer

    @cython.locals(stream=cython.longlong, plain=PlainTurn, lines=LineBuffer)
    cpdef void add(self, long long frame, TurnTracker tracker, each)


@cython.locals(request=bytes, begins=Py_ssize_t, first="unsigned char")
cpdef bint moves(PlainTurn turn)


cdef class TurnTracker(CommandTracker):
    cdef TurnSink _turns
    cdef public object said
    cdef public dict texts
    cdef public long long told

    cpdef follow(self, TcpConnection tcp, TurnSink sink)
    @cython.locals(made=TurnTracker)
    cpdef TurnTracker again(self)
    @cython.locals(sink=TurnSink, known=tuple)
    cpdef login(self, record, machine)
    cpdef turn(self, PlainTurn turn, machine)
    cpdef bint whole(self) except -1
    cpdef bint session(self, plain, dict ends) except -1

cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn

cdef int _QUERY


cdef class TurnSink:
    cdef public list lines, later
    cdef public long long least
    cdef public object capture, mask, renderer

    @cython.locals(stream=cython.longlong, plain=PlainTurn)
    cpdef void add(self, long long frame, tracker, each)

    @cython.locals(last=cython.longlong)
    cpdef bint take(self, tracker, PlainTurn turn, machine)


cpdef bint moves(PlainTurn turn)

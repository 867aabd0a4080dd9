cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn

cdef Py_ssize_t MOST, MOST_TEXTS


cdef class TurnRows:
    cdef object _capture, _mask
    cdef dict _kinds, _said

    @cython.locals(began=cython.longlong, latency=cython.longlong, duration=cython.longlong, known=tuple, ended=tuple)
    cpdef tuple turn(self, tracker, PlainTurn turn)
    cdef tuple _whole(self, tracker, PlainTurn turn)
    cdef tuple _noted(self, tracker, PlainTurn turn)
    cdef tuple _ended(self, PlainTurn turn)

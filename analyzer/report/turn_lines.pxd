cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn

cdef Py_ssize_t MOST, MOST_ENDS
cdef bytes _NULL
cdef int _QUERY, _PREPARE, _CLOSE, _LEAST, _MOST_PLAIN, _QUOTE, _BACKSLASH


cdef class TurnLines:
    cdef object _capture, _mask
    cdef dict _ends

    @cython.locals(began=cython.longlong, latency=cython.longlong, duration=cython.longlong, known=tuple, ended=tuple, line=bytes, text=bytes, code=cython.int)
    cpdef bytes turn(self, tracker, PlainTurn turn)
    cdef bytes _whole(self, tracker, PlainTurn turn)
    cdef tuple _noted(self, tracker, PlainTurn turn)
    cdef tuple _ended(self, PlainTurn turn)
    cdef tuple _learnt(self, tracker, PlainTurn turn, bytes ended)


@cython.locals(place=Py_ssize_t, byte="unsigned char")
cdef bytes _said(bytes text)

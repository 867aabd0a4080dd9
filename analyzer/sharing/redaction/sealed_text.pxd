cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.pieces cimport Pieces, Segments

cdef Py_ssize_t _HEADER


cdef class SealedText:
    cdef public list pieces
    cdef public Py_ssize_t size
    cdef list _at, _said

    cpdef put(self, int role, long long frame, made)

    @cython.locals(
        pieces=Pieces, segments=Segments, middle=Py_ssize_t, stop=Py_ssize_t, told=Py_ssize_t, at=Py_ssize_t,
        end=Py_ssize_t, behind=Py_ssize_t, piece=Py_ssize_t, row=Py_ssize_t, octets="const unsigned char[::1]")
    cpdef turn(self, PlainTurn turn, bytes asked, answered)

    cpdef bytes again(self, int role, Py_ssize_t size)

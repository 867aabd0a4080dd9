cimport cython

from analyzer.net.tcp.pieces cimport Pieces
from analyzer.net.tcp.reassembly cimport TcpConnection


cdef class Mask:
    cdef public tuple fields
    cdef public dict following
    cdef public object fixed
    cdef list _digits

    cpdef bint fits(self, bytes data)


cdef class ShapeStep:
    cdef public dict masks
    cdef public LoginShape shape

    @cython.locals(mask=Mask)
    cpdef ShapeStep after(self, bint by_client, bytes data, list ends)


cdef class LoginShape:
    cdef object _facts, _terms
    cdef public list fields
    cdef public object machine
    cdef public Py_ssize_t length, steps

    @cython.locals(frames=list, times=list, place=Py_ssize_t)
    cpdef facts_of(self, int client, list pieces)


cdef class Newcomer:
    cdef public ShapeStep step
    cdef public list taken, pieces
    cdef public object place

    @cython.locals(step=ShapeStep)
    cpdef bint follow(self, bint by_client, tuple chunk)

    @cython.locals(stop=Py_ssize_t, chunk=tuple)
    cpdef Py_ssize_t take(self, TcpConnection tcp, Pieces pieces, Py_ssize_t first, Py_ssize_t last, bint numbered)


cdef _refilled(record, tuple fields, bytes data)

cimport cython

from analyzer.batches cimport copied
from analyzer.net.tcp.pieces cimport Pieces

cdef int _QUERY


@cython.freelist(8)
cdef class PlainTurn:
    cdef public bytes request
    cdef public bint named
    cdef public int code
    cdef public object statement, plan, columns, end
    cdef public long long frame, time_ns, response_frame, first_ns, last_frame, last_ns, number
    cdef public Py_ssize_t rows, length
    cdef public unsigned int sequence
    cdef public Pieces pieces
    cdef public tuple span, session

    cpdef bint failed(self) except -1
    cpdef bytes said(self)
    cpdef Py_ssize_t begins(self) except -1

cimport cython

from analyzer.batches cimport copied
from analyzer.net.tcp.pieces cimport Pieces, Segments, pieces_of

cdef int _APPLICATION_DATA, _CHANGE_CIPHER_SPEC, _HANDSHAKE, _HEADER, _LENGTH, _LONGEST


cdef class SealedSession:
    cdef int _client
    cdef object _memo
    cdef public list contents, senders, frames, times
    cdef public Py_ssize_t held
    cdef public bytearray outline
    cdef public object client_hello, server_hello
    cdef public bytes random
    cdef public bint over
    cdef public Py_ssize_t ended
    cdef public object keys, opener
    cdef public list opened

    @cython.locals(
        segments=Segments, row=Py_ssize_t, sender=cython.int, frame=cython.longlong, time_ns=cython.longlong, data=bytes)
    cpdef Py_ssize_t take(self, Pieces pieces, Py_ssize_t first, Py_ssize_t last)
    @cython.locals(outline=bytearray, size=Py_ssize_t, pos=Py_ssize_t, begin=Py_ssize_t, stop=Py_ssize_t, kind=cython.int, length=cython.int,
        by_client=bint, header=bytes, held=bytes)
    cdef bint _is_records(self, bytes data, int sender, long long frame, long long time_ns) except -1
    @cython.locals(body=bytes)
    cdef bint _is_known(self, bytes message, bint by_client) except -1
    cpdef end(self)
    cpdef list frames_with(self, long long end)

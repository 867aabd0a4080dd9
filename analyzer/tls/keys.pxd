cimport cython

from analyzer.tls.ciphers cimport Aead13

cdef Py_ssize_t _IV


cdef class Schedule13:
    cdef bint _fits
    cdef Py_ssize_t _key_size, _size
    cdef object _make, _new
    cdef bytes _inner, _iv, _key, _outer, _update

    cpdef bytes next_secret(self, bytes secret)
    cpdef Aead13 protection(self, bytes secret)


@cython.locals(padded=bytearray, place=Py_ssize_t)
cdef bytearray _padded(bytes secret, bytes pad)


cdef bytes _expanded(inner, outer, bytes info)

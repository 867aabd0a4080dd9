cimport cython

from analyzer.tls.ciphers cimport Aead13

cdef Py_ssize_t _MESSAGE_HEADER, _ALERT_SIZE


cdef class CleanOpener:
    cdef list _keys, _now, _sequences
    cdef public bytearray outline

    @cython.locals(
        aead=Aead13, now=Py_ssize_t, number=cython.ulonglong, opened=bytes, end=cython.longlong, kind=cython.longlong)
    cpdef bytes open(self, int sender, bytes header, bytes body)
    @cython.locals(pos=Py_ssize_t, stop=Py_ssize_t, kind=cython.int)
    cdef bint _messages(self, int sender, bytes data, Py_ssize_t end) except -1


cdef bytes _part(const char* data, Py_ssize_t begin, Py_ssize_t end)

cimport cython

from analyzer.sharing.redaction.drawing cimport Drawing


cdef class TlsRedactor:
    cdef object _certificates, _keep, _replacements, _shapes
    cdef Drawing _drawing
    cdef list _group, _random
    cdef bytes _seed, _waiting
    cdef long long _records
    cdef readonly long long encrypted
    cdef bint _ciphered

    @cython.locals(
        out=bytearray, at=Py_ssize_t, end=Py_ssize_t, kind=cython.int, begin=Py_ssize_t, stop=Py_ssize_t, head=bytes,
        body=bytes)
    cpdef bytes feed(self, bytes data)

    cpdef bytes finish(self)

    cdef bytes _record(self, int kind, bytes body)

    @cython.locals(data=bytes, at=Py_ssize_t)
    cdef bint _is_whole(self) except -1

    @cython.locals(group=list, data=bytes, made=bytearray, at=Py_ssize_t, stop=Py_ssize_t, out=bytearray)
    cdef bytes _grouped(self)

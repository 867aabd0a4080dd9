cimport cython

from analyzer.sharing.places cimport Places

cdef Py_ssize_t _WIDTH
cdef unsigned long long _MOST


cdef class LedgerRows:
    cdef public object numbers
    cdef public Py_ssize_t count

    @cython.locals(numbers="const long long[::1]", first=Py_ssize_t, stop=Py_ssize_t, middle=Py_ssize_t)
    cpdef Py_ssize_t place(self, long long frame) except -1


cdef class Ledger:
    cdef object _file, _batch
    cdef list _files, _pending
    cdef Py_ssize_t _whole
    cdef public dict fragments

    @cython.locals(
        sender="const unsigned char[::1]", seq="const unsigned int[::1]", rows="const long long[::1]",
        sides="long long[::1]", numbers="long long[::1]", owners="long long[::1]", places="long long[::1]",
        size=Py_ssize_t, count=Py_ssize_t, more=Py_ssize_t, index=Py_ssize_t, row=Py_ssize_t, own=cython.longlong, known=Places)
    cdef _found(self, batch, list followed)

    @cython.locals(
        out="long long[::1]", frame="const long long[::1]", offset="const long long[::1]",
        length="const long long[::1]", missing="const long long[::1]", ack="const unsigned int[::1]",
        tag="const unsigned long long[::1]", flags="const unsigned char[::1]", window="const unsigned short[::1]",
        number="const long long[::1]", begins="const long long[::1]", at=Py_ssize_t, place=Py_ssize_t, row=Py_ssize_t)
    cdef _written(self, batch, segments, long long[::1] owners, long long[::1] places, Py_ssize_t count)


@cython.locals(
    out="long long[::1]", rows="const long long[::1]", first=Py_ssize_t, second=Py_ssize_t, at=Py_ssize_t, place=Py_ssize_t,
    index=Py_ssize_t)
cdef _merged(const long long[::1] one, const long long[::1] other)

cimport cython

from analyzer.sharing.places cimport Places


cdef class RedactedStream:
    cdef public object tcp, tls
    cdef public int sender
    cdef public Places places
    cdef public bytearray data
    cdef public Py_ssize_t floor
    cdef public long long place
    cdef public bytes ahead
    cdef public bint claimed
    cdef public tuple recent
    cdef public list pieces
    cdef list _due
    cdef long long _end
    cdef list _last

    cpdef add(self, long long place, made)

    cpdef replace(self, long long number, made)

    cpdef list taken(self)


@cython.locals(
    stream=RedactedStream, side=cython.longlong, place=cython.longlong, made=list, size=Py_ssize_t, at=cython.longlong)
cpdef settle(list due, list parts, rows, int bits)

@cython.locals(numbers="long long[::1]", index=Py_ssize_t)
cpdef moved(rows, long long by)

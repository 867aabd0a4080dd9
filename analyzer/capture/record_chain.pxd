cimport cython

cdef int _PACKET, _LEAST


@cython.locals(
    where="long long[::1]", count=Py_ssize_t, at=Py_ssize_t, position=cython.longlong, length=cython.longlong,
    highest=cython.longlong)
cpdef tuple record_places(const unsigned char[::1] data, long long start, long long used, long long header, bint big)


@cython.locals(position=cython.longlong, kind=cython.longlong, length=cython.longlong, highest=cython.longlong)
cpdef long long packet_blocks(const unsigned char[::1] data, long long start, long long used, bint big, places)

cimport cython


@cython.locals(
    where="long long[::1]", count=Py_ssize_t, at=Py_ssize_t, position=cython.longlong, length=cython.longlong,
    highest=cython.longlong)
cpdef tuple record_places(const unsigned char[::1] data, long long start, long long used, long long header, bint big)

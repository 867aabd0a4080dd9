cimport cython

cdef long long _WRAP, _HALF


cdef class Places:
    cdef list _last

    @cython.locals(last=cython.longlong, place=cython.longlong)
    cpdef long long of(self, int sender, long long number)

    @cython.locals(
        one=cython.longlong, other=cython.longlong, last_one=cython.longlong, last_other=cython.longlong,
        row=Py_ssize_t, number=cython.longlong, sender=cython.longlong, base=cython.longlong, place=cython.longlong)
    cpdef of_rows(self, long long[::1] numbers, const long long[::1] senders, Py_ssize_t first, Py_ssize_t stop)

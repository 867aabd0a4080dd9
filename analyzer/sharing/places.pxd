cimport cython

cdef long long _WRAP, _HALF


cdef class Places:
    cdef list _last

    @cython.locals(last=cython.longlong, place=cython.longlong)
    cpdef long long of(self, int sender, long long number)

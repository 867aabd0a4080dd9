cimport cython

cdef long long _STEP
cdef int _STAYS


cdef class ClockSteps:
    cdef public list steps
    cdef bint _begun, _noted
    cdef long long _latest, _before
    cdef int _young, _late

    @cython.locals(row=Py_ssize_t, time=cython.longlong)
    cpdef void feed(self, const long long[::1] number, const long long[::1] time_ns)

cimport cython

cdef Py_ssize_t _WIDTH, _SLOTS


cdef class FrameColumns:
    cdef object _batch
    cdef public Py_ssize_t count
    cdef readonly long long[::1] at, captured, envelope, first, frame, interface, length, offset, opened, original
    cdef readonly long long[::1] payload, place, row, side, time_ns

    @cython.locals(
        number="const long long[::1]", offset="const long long[::1]", captured="const long long[::1]",
        original="const long long[::1]", time_ns="const long long[::1]", row=Py_ssize_t, count=Py_ssize_t,
        most=Py_ssize_t, index=Py_ssize_t, own=Py_ssize_t, stream=cython.longlong, at=Py_ssize_t, opens=cython.bint)
    cdef _choose(self, const long long[::1] ledger, bytes known, made, wanted)

    @cython.locals(
        link="const int[::1]", numbers=dict, codes="long long[::1]", places="long long[::1]", made=list, at=Py_ssize_t,
        code=cython.longlong, slot=Py_ssize_t)
    cpdef list enclose(self, ask, bint plain)

    @cython.locals(
        link="const int[::1]", numbers=dict, last=cython.longlong, found=cython.longlong, at=Py_ssize_t,
        index=Py_ssize_t, code=cython.longlong)
    cpdef put_under(self, ask)

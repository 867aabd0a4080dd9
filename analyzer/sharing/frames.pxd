cimport cython

cdef int _TCP, _TCP_HEADER


@cython.locals(
    sender=bytes, receiver=bytes, head=bytes, port=cython.int, other_port=cython.int, width=Py_ssize_t,
    size=Py_ssize_t, first=Py_ssize_t, tcp=Py_ssize_t, made=bytearray, sums=cython.longlong)
cpdef bytes made_frame(
    tuple source, tuple target, int side, tuple numbers, int flags, int window, bytes data)

@cython.locals(index=Py_ssize_t)
cdef void put_number(unsigned char* out, Py_ssize_t at, long long number, Py_ssize_t size)

@cython.locals(index=Py_ssize_t, total=cython.longlong)
cdef long long sum_of(const unsigned char* octets, Py_ssize_t start, Py_ssize_t stop)


cdef class MadeConnection:
    cdef tuple _ends
    cdef list _begun, _next

    cpdef begin(self, int side, long long number)

    cpdef lose(self, int side, long long size)

    @cython.locals(ends=cython.int, at=Py_ssize_t, part=bytes)
    cpdef frames(self, int side, int flags, bytes data, int window, list out)

    cdef bytes _frame(self, int side, int flags, bytes data, int window)

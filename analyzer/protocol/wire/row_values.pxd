cimport cython

cdef int _COUNTED, _DATE, _TIME, _NULL, _TWO, _THREE, _EIGHT
cdef Py_ssize_t _RESERVED


@cython.locals(count=Py_ssize_t, place=Py_ssize_t)
cpdef Py_ssize_t text_values(bytes data, Py_ssize_t begin, Py_ssize_t end) except? -1

@cython.locals(
    count=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t, bit=Py_ssize_t, size=Py_ssize_t, kind=cython.int)
cpdef bint binary_is_whole(bytes data, Py_ssize_t begin, Py_ssize_t end, bytes kinds) except -1

@cython.locals(size=Py_ssize_t, used=Py_ssize_t, index=Py_ssize_t)
cpdef Py_ssize_t counted_end(bytes data, Py_ssize_t place, Py_ssize_t end) except? -1

cpdef Py_ssize_t length_size(int first) noexcept

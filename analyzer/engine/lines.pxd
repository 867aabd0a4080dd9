cimport cython

from analyzer.batches cimport copied


cdef Py_ssize_t _NUMBERS


cdef class Lines:
    cdef public tuple key
    cdef const long long[::1] _keys
    cdef const long long[::1] _ends
    cdef bytearray _text
    cdef Py_ssize_t _at, _count

    cpdef bint is_over(self)
    @cython.locals(mine=Py_ssize_t, its=Py_ssize_t, place=Py_ssize_t)
    cpdef bint is_before(self, Lines other)
    @cython.locals(begin=Py_ssize_t, end=Py_ssize_t)
    cpdef bytes taken_before(self, Lines other)


@cython.locals(left=list, found=list, first=Lines, second=Lines, part=Lines)
cpdef list merged(list parts)

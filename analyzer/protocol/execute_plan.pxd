cimport cython

cdef Py_ssize_t _HEAD
cdef int _TEXT, _DOUBLE, _SHORT


cdef class ExecutePlan:
    cdef readonly tuple types
    cdef readonly bytes block, kinds
    cdef readonly bint named, plain
    cdef readonly Py_ssize_t start, flag
    cdef readonly object integers

    @cython.locals(flag=Py_ssize_t, size=Py_ssize_t)
    cpdef bint fits(self, bytes data)

    @cython.locals(kinds=bytes, end=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t, kind=cython.int)
    cpdef bint is_whole(self, bytes data) except -1

cimport cython

cdef Py_ssize_t _HEAD


cdef class ExecutePlan:
    cdef readonly tuple types
    cdef readonly bytes block, kinds
    cdef readonly bint named, plain
    cdef readonly Py_ssize_t start, flag
    cdef readonly object integers

    @cython.locals(flag=Py_ssize_t, size=Py_ssize_t)
    cpdef bint fits(self, bytes data)

cimport cython

cdef Py_ssize_t LONG_ROWS
cdef Py_ssize_t SHORTEST_OK
cdef int CURSOR_EXISTS
cdef int PS_OUT_PARAMS

@cython.locals(size=Py_ssize_t, first=cython.uint, byte=cython.uint, length=Py_ssize_t, stop=Py_ssize_t, begin=Py_ssize_t, first_stop=Py_ssize_t, last=Py_ssize_t, left=Py_ssize_t, rows=Py_ssize_t, definitions=Py_ssize_t, follows=cython.uint)
cpdef tuple scan(bytes data, unsigned int sequence, bint has_eof, bint says_metadata)

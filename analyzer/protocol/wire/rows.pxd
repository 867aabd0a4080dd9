cimport cython

cdef Py_ssize_t _HEADER, _LONGEST


@cython.locals(length=Py_ssize_t, stop=Py_ssize_t, last=Py_ssize_t, count=cython.longlong)
cpdef tuple rows_end(bytes data, Py_ssize_t pos, Py_ssize_t end, int sequence, long long most)

cimport cython


@cython.locals(least=cython.longlong, most=cython.longlong, value=cython.longlong, place=Py_ssize_t)
cpdef tuple span(const long long[::1] column)

@cython.locals(value=cython.longlong, place=Py_ssize_t)
cpdef long long total(const long long[::1] column)

cpdef bytes copied(const char* data, Py_ssize_t begin, Py_ssize_t end)

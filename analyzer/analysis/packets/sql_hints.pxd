cimport cython

cdef int _QUOTE, _OPENS, _SLASH, _STAR, _DASH, _HASH, _LINE, _MARK, _M
cdef bytes _PAIRS
cdef list _SETS, _NEEDLES, _RULES


@cython.locals(found=bytearray, number=cython.int)
cpdef bint has_hint(bytes shape) except -1


cdef bint _holds(int number, bytes shape, str text) except -1


@cython.locals(
    found=bytearray, seen=bytearray, pairs=bytes, numbers=bytes, place=Py_ssize_t, size=Py_ssize_t, index=Py_ssize_t,
    number=cython.int, first=cython.int, second=cython.int, alike=cython.int)
cdef bytearray _needles_in(bytes text)


@cython.locals(
    near=bytearray, asked=bytearray, size=Py_ssize_t, place=Py_ssize_t, close=Py_ssize_t, line=Py_ssize_t,
    behind=Py_ssize_t, byte=cython.int, second=cython.int, third=cython.int, fourth=cython.int)
cdef bint _reached(bytes text, list begins, list names) except -1

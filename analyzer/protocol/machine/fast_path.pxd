cimport cython

cdef Py_ssize_t _HEADER, _LONGEST, _EOF, _PREPARE_OK, LONGEST_SCANNED, SHORTEST_OK
cdef int CURSOR_EXISTS, _ERROR
cdef int PS_OUT_PARAMS


cpdef bint has_more(end) except -1


cdef class Scanned:
    cdef public object columns
    cdef public Py_ssize_t rows, first_stop, begin
    cdef public unsigned int sequence, statement_id, params, definitions


@cython.locals(
    first=cython.uint, byte=cython.uint, length=Py_ssize_t, stop=Py_ssize_t, last=Py_ssize_t, left=Py_ssize_t,
    rows=Py_ssize_t, definitions=Py_ssize_t, follows=cython.uint)
cpdef bint scan(
    Scanned found, const unsigned char[::1] data, Py_ssize_t begin, Py_ssize_t end, unsigned int sequence, bint has_eof,
    bint says_metadata)


@cython.locals(
    byte=cython.uint, length=Py_ssize_t, stop=Py_ssize_t, columns=Py_ssize_t, params=Py_ssize_t, left=Py_ssize_t,
    definitions=Py_ssize_t, place=Py_ssize_t, sequence=cython.uint)
cpdef bint scan_prepared(Scanned found, const unsigned char[::1] data, Py_ssize_t begin, Py_ssize_t end, bint has_eof)


@cython.locals(length=Py_ssize_t)
cpdef bint scan_error(Scanned found, const unsigned char[::1] data, Py_ssize_t begin, Py_ssize_t end)

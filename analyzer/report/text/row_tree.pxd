cimport cython

from analyzer.analysis.dissection.row_writer cimport RowWriter
from analyzer.analysis.line_buffer cimport LineBuffer, digits_of, put_bytes, put_number, put_part

cdef Py_ssize_t _MARGIN, _ROOM, _LONGEST
cdef int _BLANK, _OPENS, _CLOSES, _COLON, _MINUS, _NEWLINE, _LAST
cdef bytes _DIGITS


cdef class RowTree(RowWriter):
    cdef object _made
    cdef bytes _null

    cpdef bytes label(self, info)
    cpdef start(self, LineBuffer lines, bint binary)
    @cython.locals(text="char*", at=Py_ssize_t)
    cpdef number(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, unsigned long long number, bint below)
    @cython.locals(text="char*", at=Py_ssize_t, index=Py_ssize_t)
    cpdef raw(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, bytes data, Py_ssize_t place,
        Py_ssize_t size)
    @cython.locals(text="char*", at=Py_ssize_t, plain=bint)
    cpdef text(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, bytes data, Py_ssize_t place,
        Py_ssize_t size)
    cpdef fields(self, LineBuffer lines, list nodes)
    cpdef stop(self, LineBuffer lines, Py_ssize_t count, Py_ssize_t nulls)


@cython.locals(place=Py_ssize_t, byte="unsigned char")
cdef bint _is_plain(const unsigned char* text, Py_ssize_t begin, Py_ssize_t end) except -1

@cython.locals(width=Py_ssize_t)
cdef Py_ssize_t _put_label(char* line, Py_ssize_t at, Py_ssize_t start, Py_ssize_t end, const char* label, Py_ssize_t size) except -1

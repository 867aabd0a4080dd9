cimport cython

from analyzer.analysis.dissection.row_writer cimport RowWriter
from analyzer.analysis.line_buffer cimport LineBuffer, is_plain_json, put_number, put_part

cdef Py_ssize_t _DIGITS
cdef int _QUOTE, _MINUS
cdef bytes _EMPTY


cdef class RowObjects(RowWriter):
    cdef object _words, _ends
    cdef bytes _null
    cdef dict _cells
    cdef LineBuffer _room
    cdef bint _of_binary

    cpdef bytes label(self, info)
    cpdef start(self, LineBuffer lines, bint binary)
    @cython.locals(room=LineBuffer, text="char*", at=Py_ssize_t)
    cpdef number(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, unsigned long long number, bint below)
    cpdef raw(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, bytes data, Py_ssize_t place,
        Py_ssize_t size)
    @cython.locals(room=LineBuffer, text="char*")
    cpdef text(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, bytes data, Py_ssize_t place,
        Py_ssize_t size)
    cpdef fields(self, LineBuffer lines, list nodes)
    @cython.locals(mark=bytes, label=bytes, values=list)
    cpdef stop(self, LineBuffer lines, Py_ssize_t count, Py_ssize_t nulls)
    @cython.locals(values=list)
    cdef _add(self, bytes label, bytes value)

cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer


cdef class RowLines:
    cdef public LineBuffer lines
    cdef public list young
    cdef public long long count

    cpdef add(self, long long frame, long long stream, bytes row)
    cpdef settle(self, parts)
    @cython.locals(lines=LineBuffer, stop=Py_ssize_t)
    cpdef LineBuffer taken(self, long long settled, bint all_of_them)

cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer, is_plain_json, put_bytes, put_number
from analyzer.analysis.connection.kinds cimport ConnectionKind

cdef bytes _SIGNS
cdef unsigned char _COMMA


@cython.locals(lines=LineBuffer)
cpdef bytes lines_of(list several, form=*)


@cython.locals(kind=ConnectionKind, row=tuple, template=tuple, findings=bytes)
cdef _put_line(LineBuffer lines, alike, form)


@cython.locals(
    literals=tuple, places=tuple, room=Py_ssize_t, end=Py_ssize_t, size=Py_ssize_t, index=Py_ssize_t,
    place=Py_ssize_t, number=cython.longlong, literal=bytes, text=bytes)
cdef bint _put(LineBuffer lines, tuple template, tuple row, bytes findings, form) except -1


@cython.locals(said=str, text=bytes)
cdef bytes _plain(each)

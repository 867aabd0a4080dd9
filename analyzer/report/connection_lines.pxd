cimport cython

from analyzer.analysis.connection.kinds cimport ConnectionKind


@cython.locals(kind=ConnectionKind, row=tuple, template=tuple)
cdef bytes _filled(alike, str findings)


@cython.locals(literals=list, places=tuple, parts=list, index=Py_ssize_t, place=Py_ssize_t, number=cython.longlong)
cdef bytes _put(tuple template, tuple row, str findings)


cdef str _text(str text)

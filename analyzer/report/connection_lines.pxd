cimport cython

from analyzer.analysis.connection.kinds cimport ConnectionKind


@cython.locals(kind=ConnectionKind, template=tuple, line=bytes, texts=tuple, values=list)
cdef bytes _filled(alike, tuple findings)

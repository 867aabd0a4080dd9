cimport cython

from analyzer.analysis.findings.history cimport History


cdef class ConnectionKind:
    cdef public object connection, lasts, tls, steps, switches, frames, counts
    cdef public dict attributes, plans, templates
    cdef public tuple findings, free
    cdef public list own
    cdef public bint has_own, is_none, is_open, is_watched
    cdef object _note, _outline
    cdef dict _own

    cpdef made(self, tuple row, list findings)
    cpdef outline(self, tuple row)
    cpdef list findings_of(self, tuple row)
    cpdef with_own(self, tuple row, times)
    cpdef remember(self, tuple row, History history)
    cpdef note(self, tuple row)
    cdef _error(self, tuple row)
    cdef _greeting(self, tuple row)
    cdef _login(self, tuple row)
    cpdef tls_of(self, tuple row)
    cdef _exchange(self, tuple row)

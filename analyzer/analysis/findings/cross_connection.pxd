from analyzer.analysis.findings.history cimport History


cdef class Across:
    cdef public History history

    cpdef note(self, note)
    cdef bint _keep(self, connection, finding) except -1

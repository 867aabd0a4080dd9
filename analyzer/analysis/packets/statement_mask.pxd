from analyzer.analysis.packets.sql_hints cimport has_hint


cdef class StatementMask:
    cdef set _shapes, _harmless
    cdef dict _known
    cdef tuple _selected

    cpdef bint is_plain(self, bytes raw) except -1
    cdef bint _is_hintless(self, bytes shape) except -1
    cdef bint _is_harmless(self, bytes raw) except -1

cimport cython


cdef class FilledText:
    cdef Py_ssize_t place
    cdef str text
    cdef tuple filling


cdef class FindingPlan:
    cdef Py_ssize_t owner
    cdef FilledText message, advice
    cdef tuple frames, evidence


cdef class FindingCells:
    cdef list _owners, _texts, _owner, _message, _advice, _frames, _frame_sizes, _evidence, _evidence_sizes
    cdef dict _alike, _places

    @cython.locals(text=FilledText)
    cpdef add_kept(self, FindingPlan plan, tuple row)

    @cython.locals(frames=list, evidence=list)
    cpdef add(self, finding)
    cdef FilledText _filled(self, tuple words, list where)
    cdef Py_ssize_t _told(self, FilledText text, tuple row) except -1
    cdef Py_ssize_t _text(self, str text) except -1

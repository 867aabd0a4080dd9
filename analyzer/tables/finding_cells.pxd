cimport cython


cdef class FilledText:
    cdef str text
    cdef tuple filling
    cdef bytes whole


cdef class FindingPlan:
    cdef Py_ssize_t owner
    cdef FilledText message, advice
    cdef tuple frames, evidence


cdef class FindingCells:
    cdef list _owners, _owner, _message, _advice, _frames, _frame_sizes, _evidence, _evidence_sizes
    cdef dict _alike, _texts

    @cython.locals(number=Py_ssize_t, known=list, findings=list)
    cdef void _fill(self, long long[::1] sizes, list told, const long long[::1] heads, list plans) except *

    @cython.locals(text=FilledText)
    cdef _add_kept(self, FindingPlan plan, tuple row)

    @cython.locals(frames=list, evidence=list)
    cdef _add(self, finding)
    cdef bytes _text(self, str text)


@cython.locals(whole=bytes)
cdef bytes _told(FilledText text, tuple row)

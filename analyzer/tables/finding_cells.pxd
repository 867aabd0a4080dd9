cimport cython

from analyzer.tables.column_loops cimport Numbers


cdef class FilledText:
    cdef str text
    cdef tuple filling


cdef class TextPlaces:
    cdef dict _known
    cdef public Numbers places

    cpdef add(self, str text)


cdef class FindingPlan:
    cdef Py_ssize_t owner
    cdef FilledText message, advice
    cdef tuple frames, evidence


cdef class FindingCells:
    cdef list _plans, _owners
    cdef Numbers _sizes, _owner, _frames, _frame_sizes, _evidence_sizes
    cdef TextPlaces _message, _advice, _evidence
    cdef dict _alike

    @cython.locals(plans=list, known=list, findings=list)
    cpdef void add(self, one, Py_ssize_t owner) except *

    @cython.locals(text=FilledText)
    cdef _add_kept(self, FindingPlan plan, tuple row)

    @cython.locals(frames=list, evidence=list)
    cdef _add_whole(self, finding)


cdef str _told(FilledText text, tuple row)

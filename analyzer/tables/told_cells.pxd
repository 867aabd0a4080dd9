cimport cython

from analyzer.tables.column_loops cimport Numbers
from analyzer.tables.finding_cells cimport FindingCells

cdef Py_ssize_t _WIDTH, _FIRST, _OF_NO_KIND
cdef long long _NOTHING
cdef list _PATHS


cdef class ToldCells:
    cdef public list owners, traced
    cdef dict _known, _texts
    cdef Numbers _begins, _places
    cdef object _store, _starts
    cdef public FindingCells found
    cdef public Py_ssize_t room
    cdef long long[::1] _cells
    cdef Py_ssize_t _size

    @cython.locals(place=Py_ssize_t, row=tuple)
    cpdef void add(self, one) except *

    @cython.locals(texts=dict, begin=Py_ssize_t, place=Py_ssize_t, cells="long long[::1]")
    cdef void _put(self, tuple row) except *


@cython.locals(number=Py_ssize_t)
cdef void _gather(
    long long[::1] found, const long long[::1] cells, const long long[::1] begins, const long long[::1] heads,
    const unsigned char[::1] there, Py_ssize_t place) except *

@cython.locals(number=Py_ssize_t, text=cython.longlong)
cdef void _fill_texts(
    long long[::1] found, const long long[::1] cells, const long long[::1] begins, Py_ssize_t place,
    dict used) except *

@cython.locals(
    number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t, at=Py_ssize_t, text=cython.longlong)
cdef void _fill_own(
    long long[::1] found, const long long[::1] cells, const long long[::1] begins, const long long[::1] heads,
    const long long[::1] counts, list mine, dict used, long long first) except *

@cython.locals(at=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t)
cdef void _fill_items(
    long long[::1] found, const long long[::1] cells, const long long[::1] rows, const long long[::1] heads,
    const long long[::1] begins, const long long[::1] counts, list own) except *

@cython.locals(at=Py_ssize_t, owner=Py_ssize_t, number=Py_ssize_t)
cdef void _fill_places(long long[::1] found, const long long[::1] sizes, bint numbers) except *

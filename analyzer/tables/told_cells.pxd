cimport cython

cdef Py_ssize_t _WIDTH, _ADDRESS
cdef long long _NOTHING
cdef list _PATHS


@cython.locals(number=Py_ssize_t, place=Py_ssize_t, known=dict)
cdef void _fill_owners(long long[::1] places, list told, list rows, list owners) except *

@cython.locals(count=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, place=Py_ssize_t, row=tuple)
cdef void _fill_cells(
    long long[::1] found, list rows, const long long[::1] places, const unsigned char[::1] there,
    dict addresses) except *

@cython.locals(number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t, at=Py_ssize_t, row=tuple)
cdef void _fill_own(
    long long[::1] found, list rows, const long long[::1] heads, const long long[::1] counts, list mine, dict own,
    Py_ssize_t first) except *

@cython.locals(at=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t, row=tuple)
cdef void _fill_items(
    long long[::1] found, list rows, const long long[::1] heads, const long long[::1] begins,
    const long long[::1] counts, list own) except *

@cython.locals(at=Py_ssize_t, owner=Py_ssize_t, number=Py_ssize_t)
cdef void _fill_places(long long[::1] found, const long long[::1] sizes, bint numbers) except *

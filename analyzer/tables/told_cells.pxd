cimport cython

cdef Py_ssize_t _WIDTH, _ADDRESS
cdef long long _NOTHING


@cython.locals(begin=Py_ssize_t, place=Py_ssize_t, row=tuple)
cdef void _fill_cells(long long[::1] found, list rows, dict addresses) except *

@cython.locals(at=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t, row=tuple)
cdef void _fill_items(
    long long[::1] found, list rows, const int[::1] heads, const long long[::1] begins, const long long[::1] counts,
    list own) except *

@cython.locals(at=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, place=Py_ssize_t)
cdef void _fill_ranges(
    long long[::1] found, const int[::1] heads, const long long[::1] begins, const long long[::1] counts) except *

@cython.locals(at=Py_ssize_t, owner=Py_ssize_t, number=Py_ssize_t)
cdef void _fill_places(long long[::1] found, const long long[::1] sizes, bint numbers) except *

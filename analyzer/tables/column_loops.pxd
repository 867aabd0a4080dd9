cimport cython

cdef long long _NOTHING, _MOST
cdef int _ZERO
cdef Py_ssize_t _DIGIT, _DIGITS, _FIRST


cdef class Numbers:
    cdef object _store
    cdef long long[::1] _cells
    cdef Py_ssize_t _size, _room

    cpdef void add(self, long long number) except *
    cpdef size(self)


@cython.locals(number=cython.longlong)
cdef list _keys(list addresses)

@cython.locals(
    letter=cython.Py_UCS4, number=cython.longlong, part=cython.longlong, digits=cython.int, dots=cython.int)
cdef long long _ipv4(str address) except? -2

@cython.locals(least=cython.longlong, most=cython.longlong, place=Py_ssize_t)
cdef tuple _count_up(long long[::1] order, const long long[::1] keys)

@cython.locals(place=Py_ssize_t)
cdef void _shift(long long[::1] order, long long first) except *

@cython.locals(begins="long long[::1]", place=Py_ssize_t, digit=Py_ssize_t)
cdef void _sort_by(
    long long[::1] found, const long long[::1] order, const long long[::1] keys, long long least, int shift) except *

@cython.locals(number=Py_ssize_t, place=cython.longlong)
cdef void _narrow(int[::1] found, const long long[::1] places) except *

@cython.locals(count=Py_ssize_t, place=Py_ssize_t)
cdef Py_ssize_t _missing(const long long[::1] values) except? -1

@cython.locals(place=Py_ssize_t)
cdef void _fill_bits(unsigned char[::1] found, const long long[::1] values) except *

@cython.locals(number=Py_ssize_t, place=cython.longlong)
cdef void _fill_placed(long long[::1] found, const long long[::1] places, long long nothing) except *

@cython.locals(number=Py_ssize_t, size=cython.longlong)
cdef long long _total(const long long[::1] counts, const long long[::1] places) except? -1

@cython.locals(at=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t)
cdef void _fill_item_places(
    long long[::1] found, const long long[::1] begins, const long long[::1] counts, const long long[::1] places) except *

@cython.locals(number=Py_ssize_t, place=Py_ssize_t)
cdef void _pick_longs(long long[::1] found, const long long[::1] source, const long long[::1] places) except *

@cython.locals(number=Py_ssize_t, place=Py_ssize_t)
cdef void _pick_ints(int[::1] found, const int[::1] source, const long long[::1] places) except *

@cython.locals(number=Py_ssize_t, place=Py_ssize_t)
cdef void _pick_bits(
    unsigned char[::1] found, const unsigned char[::1] source, const long long[::1] places) except *

@cython.locals(
    at=Py_ssize_t, number=Py_ssize_t, head=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t, size=cython.longlong)
cdef void _fill_offsets(
    int[::1] found, const int[::1] source, const long long[::1] begins, const long long[::1] counts,
    const long long[::1] places) except *

@cython.locals(place=Py_ssize_t, size=cython.longlong)
cdef void _add_up(int[::1] found, const long long[::1] sizes) except *

@cython.locals(place=Py_ssize_t, size=cython.longlong)
cdef void _add_up_texts(int[::1] found, list texts) except *

cimport cython

from analyzer.analysis.line_buffer cimport put_part

cdef int _RUN, _GROUP, _BLOCK, _PART, _HEAD
cdef unsigned long long _MASK, _SIGN, _LOW


cdef class PageBytes:
    cdef object _store
    cdef unsigned char[::1] _cells
    cdef public Py_ssize_t size

    cpdef taken(self)
    cpdef void varint(self, unsigned long long number) except *
    cpdef void zigzag(self, unsigned long long number) except *
    cpdef void fixed(self, unsigned long long number, int count) except *


@cython.locals(place=Py_ssize_t, count=Py_ssize_t, stop=Py_ssize_t)
cdef void _write_hybrid(PageBytes out, const int[::1] values, int width) except *

@cython.locals(stop=Py_ssize_t, number=cython.int)
cdef Py_ssize_t _run_end(const int[::1] values, Py_ssize_t place) except -1

@cython.locals(last=Py_ssize_t, at=Py_ssize_t)
cdef bint _begins_run(const int[::1] values, Py_ssize_t place) except -1

@cython.locals(
    held="unsigned long long", number="unsigned long long", bits=cython.int, cells="unsigned char[::1]",
    size=Py_ssize_t, last=Py_ssize_t, at=Py_ssize_t, end=Py_ssize_t)
cdef void _pack(PageBytes out, const int[::1] values, Py_ssize_t place, Py_ssize_t stop, int width) except *

@cython.locals(
    count=Py_ssize_t, rest="unsigned long long[::1]", place=Py_ssize_t, stop=Py_ssize_t, at=Py_ssize_t,
    least="unsigned long long", apart="unsigned long long", now="unsigned long long", before="unsigned long long")
cdef void _write_differences(PageBytes out, const long long[::1] values) except *

@cython.locals(
    sizes=Py_ssize_t, part=Py_ssize_t, begin=Py_ssize_t, stop=Py_ssize_t, at=Py_ssize_t, most="unsigned long long",
    width=cython.int)
cdef void _write_parts(PageBytes out, unsigned long long[::1] rest, Py_ssize_t count) except *

@cython.locals(
    held="unsigned long long", number="unsigned long long", bits=cython.int, low=cython.int,
    cells="unsigned char[::1]", size=Py_ssize_t, at=Py_ssize_t, end=Py_ssize_t)
cdef void _pack_part(
    PageBytes out, unsigned long long[::1] rest, Py_ssize_t begin, Py_ssize_t stop, int width) except *

@cython.locals(least=cython.longlong, most=cython.longlong, number=cython.longlong, place=Py_ssize_t)
cdef tuple _extremes(const long long[::1] values)

@cython.locals(slots=Py_ssize_t, is_full=cython.bint, place=Py_ssize_t, size=Py_ssize_t)
cdef tuple _slots(const int[::1] offsets, const unsigned char[::1] bits)

@cython.locals(number=Py_ssize_t, place=Py_ssize_t)
cdef void _clear_begins(unsigned char[::1] inside, const int[::1] offsets) except *

@cython.locals(slot=Py_ssize_t, place=Py_ssize_t, size=Py_ssize_t, item=Py_ssize_t)
cdef void _fill_levels(
    int[::1] levels, unsigned char[::1] inside, const int[::1] offsets, const unsigned char[::1] bits) except *

@cython.locals(place=Py_ssize_t, size=Py_ssize_t, slot=Py_ssize_t, level=cython.int)
cdef Py_ssize_t _fill_next(
    int[::1] found, long long[::1] places, const int[::1] levels, int least, int inside,
    const unsigned char[::1] bits) except -1

@cython.locals(size=Py_ssize_t, number=Py_ssize_t, place=Py_ssize_t, begin=Py_ssize_t, stop=Py_ssize_t)
cdef Py_ssize_t _size_at(const int[::1] offsets, Py_ssize_t most, const long long[::1] places) except -1

@cython.locals(
    at=Py_ssize_t, number=Py_ssize_t, place=Py_ssize_t, begin=Py_ssize_t, size=Py_ssize_t, byte=cython.int)
cdef void _write_texts(
    bytearray found, const int[::1] offsets, const char* content, const long long[::1] places) except *

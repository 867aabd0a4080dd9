cimport cython

from analyzer.sharing.redaction.columns cimport FrameColumns

cdef int _PLACE_BITS
cdef long long _PLACE, _READ, _MOST_APART, _NOTHING, _SCATTERED


cdef class StreamReader:
    cdef int _number
    cdef const long long[::1] _keys, _length, _offset
    cdef Py_ssize_t _count
    cdef bytearray _room

    @cython.locals(key=cython.longlong, first=Py_ssize_t, stop=Py_ssize_t, middle=Py_ssize_t)
    cpdef Py_ssize_t first(self, long long side, long long place) except -2

    @cython.locals(places="long long[::1]", at=cython.longlong, block=Py_ssize_t, stop=Py_ssize_t, start=cython.longlong,
        size=cython.longlong, one=Py_ssize_t, least=cython.longlong, most=cython.longlong, begin=cython.longlong)
    cpdef bytearray payloads(self, FrameColumns columns)

    @cython.locals(
        least=cython.longlong, most=cython.longlong, index=Py_ssize_t, side=cython.longlong, place=cython.longlong,
        length=cython.longlong, first=Py_ssize_t, this=cython.longlong, behind=cython.longlong, begin=cython.longlong,
        mine=cython.bint, goes_on=cython.bint, start=cython.longlong)
    cdef tuple _find(self, FrameColumns columns)

    @cython.locals(index=Py_ssize_t, start=cython.longlong, stop=cython.longlong, block=cython.longlong)
    cdef _mark(self, FrameColumns columns, long long begin, bytearray marks)

    @cython.locals(index=Py_ssize_t, start=cython.longlong)
    cdef _settle(self, FrameColumns columns, long long begin, long long[::1] places)

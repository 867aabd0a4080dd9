cimport cython

cdef long long _SECOND
cdef int _PACKET, _OLD, _SIMPLE, _HEADER, _SIMPLE_HEADER, _LEAST, _DROPPED, _MOST_OPTIONS, _UNKNOWN


@cython.final
cdef class _Numbers:
    cdef const unsigned char[::1] _data
    cdef bint _big

    @cython.locals(high=cython.longlong)
    cdef long long at(self, Py_ssize_t place)


@cython.locals(
    numbers=_Numbers, count=Py_ssize_t, position=cython.longlong, captured=cython.longlong, fraction=cython.longlong)
cpdef tuple records(
    const unsigned char[::1] data, long long start, long long used, long long header, long long tick_ns, bint big,
    long long usual, long long most)


@cython.locals(
    numbers=_Numbers, number="long long[::1]", time_ns="long long[::1]", offset="long long[::1]", captured="long long[::1]",
    original="long long[::1]", row=Py_ssize_t, position=cython.longlong, length=cython.longlong)
cdef int _fill(
    const unsigned char[::1] data, long long start, Py_ssize_t count, long long header, long long tick_ns, bint big,
    long long first, dict columns) except -1


@cython.locals(numbers=_Numbers, position=cython.longlong, kind=cython.longlong, length=cython.longlong)
cpdef long long packet_blocks(const unsigned char[::1] data, long long start, long long used, bint big, places)


@cython.locals(numbers=_Numbers, row=Py_ssize_t, uneven=Py_ssize_t, length=cython.longlong, taken=cython.longlong)
cpdef tuple first_damaged(const unsigned char[::1] data, const long long[::1] places, bint big, bint rounded)


@cython.locals(
    numbers=_Numbers, row=Py_ssize_t, place=cython.longlong, end=cython.longlong, kind=cython.longlong, word=cython.longlong,
    drops=cython.longlong, code=cython.longlong, size=cython.longlong)
cpdef object frames_lost(const unsigned char[::1] data, const long long[::1] places, Py_ssize_t count, bint big)


cdef class PacketColumns:
    cdef public dict columns
    cdef public Py_ssize_t count, unknown, first_unknown, unfit, first_unfit
    cdef long long[::1] number, offset, captured, original, described
    cdef unsigned long long[::1] ticks
    cdef int[::1] interface
    cdef unsigned char[::1] timed

    @cython.locals(
        numbers=_Numbers, row=Py_ssize_t, count=Py_ssize_t, place=cython.longlong, kind=cython.longlong, word=cython.longlong,
        room=cython.longlong, offset=cython.longlong, interface=cython.longlong, original=cython.longlong,
        captured=cython.longlong, high=cython.ulonglong)
    cpdef void add(
        self, const unsigned char[::1] data, const long long[::1] places, Py_ssize_t begin, Py_ssize_t stop,
        long long first, bint big, long long base, long long interfaces, long long snaplen)


@cython.locals(
    times="long long[::1]", row=Py_ssize_t, whole=cython.ulonglong, rest=cython.ulonglong, fraction=cython.ulonglong,
    seconds=cython.longlong)
cdef void _nanoseconds(
    const unsigned long long[::1] ticks, unsigned long long per_second, unsigned long long divisor, long long offset,
    long long most, column)

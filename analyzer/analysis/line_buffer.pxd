cimport cython

from analyzer.batches cimport copied

cdef extern from *:
    """
    typedef char *__restrict Filled;
    """
    # Nothing else points into what is written: a loop over bytes becomes one copy.
    ctypedef char* Filled

cdef Py_ssize_t _ROOM, _LINES, _MOST_KEPT, _NUMBERS, _KEY, _DIGITS
cdef int _ZERO, _BLANK, _LAST, _QUOTE, _BACKSLASH


cdef class LineBuffer:
    cdef public bytearray text
    cdef public Py_ssize_t end, count
    cdef long long[::1] _numbers
    cdef long long[::1] _order

    @cython.locals(missing=Py_ssize_t)
    cpdef make_room(self, Py_ssize_t size)
    cpdef add(self, long long frame, long long stream, long long number, bytes line)
    @cython.locals(size=Py_ssize_t)
    cpdef put(self, bytes line)
    cpdef bytes line(self, Py_ssize_t end)
    @cython.locals(numbers="long long[::1]", place=Py_ssize_t, at=Py_ssize_t)
    cpdef note(self, long long frame, long long stream, long long number)
    @cython.locals(
        count=Py_ssize_t, place=Py_ssize_t, order="long long[::1]", other="long long[::1]", begins=list, merged=list,
        at=Py_ssize_t, middle=Py_ssize_t, stop=Py_ssize_t)
    cpdef settle(self)
    @cython.locals(first=Py_ssize_t, second=Py_ssize_t, place=Py_ssize_t)
    cdef _merge(self, long long[::1] order, long long[::1] other, Py_ssize_t begin, Py_ssize_t middle, Py_ssize_t stop)
    @cython.locals(numbers="long long[::1]", mine=Py_ssize_t, its=Py_ssize_t)
    cdef bint _is_before(self, Py_ssize_t one, Py_ssize_t other) except -1
    @cython.locals(found=cython.longlong)
    cpdef long long frame(self, Py_ssize_t place) except? -1
    @cython.locals(stop=Py_ssize_t)
    cpdef Py_ssize_t reach(self, Py_ssize_t first, Py_ssize_t size) except -1
    @cython.locals(begin=Py_ssize_t, end=Py_ssize_t)
    cdef Py_ssize_t _size(self, Py_ssize_t line) except? -1
    @cython.locals(
        size=Py_ssize_t, found=bytearray, end=Py_ssize_t, place=Py_ssize_t, line=Py_ssize_t, at=Py_ssize_t)
    cpdef bytearray gathered(
        self, Py_ssize_t first, Py_ssize_t stop, long long[::1] keys=*, long long[::1] ends=*)
    @cython.locals(first=Py_ssize_t, stop=Py_ssize_t, middle=Py_ssize_t)
    cpdef Py_ssize_t place_behind(self, long long frame) except -1
    @cython.locals(found=LineBuffer, place=Py_ssize_t, line=Py_ssize_t, size=Py_ssize_t, at=Py_ssize_t)
    cpdef LineBuffer part(self, Py_ssize_t first, Py_ssize_t stop)
    cpdef clear(self)


cpdef Py_ssize_t put_bytes(Filled text, Py_ssize_t end, const char* more, Py_ssize_t size) except -1

@cython.locals(place=Py_ssize_t)
cpdef Py_ssize_t put_part(Filled text, Py_ssize_t end, const char* more, Py_ssize_t begin, Py_ssize_t size) except -1


@cython.locals(
    left="unsigned long long", pair="unsigned int", place=Py_ssize_t, size=Py_ssize_t)
cpdef Py_ssize_t put_number(char* line, Py_ssize_t end, unsigned long long number) except -1

@cython.locals(bound="unsigned long long", size=Py_ssize_t)
cpdef Py_ssize_t digits_of(unsigned long long number) noexcept

@cython.locals(place=Py_ssize_t, byte="unsigned char")
cpdef bint is_plain_json(const unsigned char* text, Py_ssize_t begin, Py_ssize_t end) noexcept

cimport cython

from analyzer.batches cimport copied

cdef Py_ssize_t _HEADERS


@cython.final
cdef class Segments:
    cdef object _batch, buffer, _rows, _senders
    cdef const unsigned char[::1] octets
    cdef const long long[::1] order, frame, time_ns, offset, length, missing
    cdef const unsigned int[::1] seq, ack
    cdef const unsigned char[::1] sender, flags
    cdef const unsigned short[::1] window
    cdef public bint one_by_one
    cdef object opens

    cpdef keep(self, data)
    cpdef bytes headers(self, Py_ssize_t offset)
    cpdef bytes cut(self, Py_ssize_t begin, Py_ssize_t end)


@cython.final
cdef class Pieces:
    cdef public Segments segments
    cdef long long[::1] row
    cdef public Py_ssize_t count

    cdef int add(self, Py_ssize_t row) except -1

    @cython.locals(segments=Segments, sender=cython.int, stop=Py_ssize_t)
    cpdef Py_ssize_t run_end(self, Py_ssize_t first, Py_ssize_t last)

    cpdef Py_ssize_t holding(self, Py_ssize_t first, Py_ssize_t size)

    @cython.locals(segments=Segments, row=Py_ssize_t, offset=Py_ssize_t, piece=Py_ssize_t)
    cpdef bytes content(self, Py_ssize_t first, Py_ssize_t stop)

    @cython.locals(segments=Segments, end=Py_ssize_t, piece=Py_ssize_t)
    cpdef tuple run(self, Py_ssize_t first, Py_ssize_t stop)

    @cython.locals(segments=Segments, row=Py_ssize_t, piece=Py_ssize_t, frames=list, times=list)
    cpdef tuple times(self, Py_ssize_t first, Py_ssize_t stop)

    @cython.locals(segments=Segments, row=Py_ssize_t, piece=Py_ssize_t)
    cpdef tuple numbers(self, Py_ssize_t first, Py_ssize_t stop)

    @cython.locals(segments=Segments, row=Py_ssize_t, piece=Py_ssize_t)
    cpdef long long first_number(self, int sender, Py_ssize_t first, Py_ssize_t last)


@cython.locals(
    count=Py_ssize_t, row=Py_ssize_t, offset=Py_ssize_t, blank=Pieces, pieces=Pieces, like=Segments, segments=Segments,
    columns="long long[::1]", senders="unsigned char[::1]", contents=list, data=bytes, sender=cython.int,
    frame=cython.longlong, time_ns=cython.longlong)
cpdef Pieces pieces_of(list said)

@cython.locals(segments=Segments, pieces=Pieces)
cdef Pieces _blank(Py_ssize_t count)

cdef Py_ssize_t _ROOM
cdef Pieces _BLANK


cdef class PiecesHandler:
    cpdef void pieces(self, Pieces pieces, Py_ssize_t first, Py_ssize_t last)
    cpdef end(self, int sender, str kind, long long frame, long long time_ns)

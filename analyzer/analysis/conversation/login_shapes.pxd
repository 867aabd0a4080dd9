cimport cython

from analyzer.analysis.conversation.fast_path cimport TurnTerms
from analyzer.analysis.conversation.sealed_session cimport SealedSession
from analyzer.analysis.conversation.session_facts cimport ClosingFacts, CommandFacts
from analyzer.net.tcp.pieces cimport Pieces, Segments
from analyzer.net.tcp.reassembly cimport TcpConnection

cdef int _ACK, _ZERO, _NINE


@cython.locals(place=Py_ssize_t)
cdef bint is_same(const unsigned char* one, const unsigned char* other, Py_ssize_t begin, Py_ssize_t end) noexcept

@cython.locals(place=Py_ssize_t)
cdef bint are_digits(const unsigned char* text, Py_ssize_t begin, Py_ssize_t end) noexcept


cdef class Mask:
    cdef public tuple fields
    cdef public dict following
    cdef public object fixed
    cdef long long[::1] _bounds, _digits
    cdef bytes _latest
    cdef ShapeStep _step

    @cython.locals(step=ShapeStep)
    cpdef ShapeStep after(self, bytes data)
    @cython.locals(bounds="long long[::1]", latest=bytes, size=Py_ssize_t, index=Py_ssize_t, stop=Py_ssize_t)
    cdef bint _is_like(self, bytes data) except -1
    @cython.locals(digits="long long[::1]", index=Py_ssize_t)
    cpdef bint fits(self, bytes data) except -1


cdef class ShapeStep:
    cdef public dict masks
    cdef public LoginShape shape

    @cython.locals(mask=Mask, found=ShapeStep)
    cpdef ShapeStep after(self, outline, bytes data)


cdef class LoginShape:
    cdef public object known, machine
    cdef public ClosingFacts closing
    cdef TurnTerms _terms
    cdef public list fields, free
    cdef public ShapeStep inside
    cdef public Py_ssize_t length, login, steps

    cpdef TurnTerms terms(self, dict ends)


@cython.no_gc
cdef class Newcomer:
    cdef public ShapeStep step
    cdef public list contents, senders, ends, acks, frames, times, starts
    cdef public Py_ssize_t held

    @cython.locals(
        segments=Segments, step=ShapeStep, opener=cython.int, row=Py_ssize_t, stop=Py_ssize_t, sender=cython.int,
        size=Py_ssize_t, data=bytes)
    cpdef Py_ssize_t take(self, TcpConnection tcp, Pieces pieces, Py_ssize_t first, Py_ssize_t last)


@cython.no_gc
cdef class PlainSession:
    cdef public LoginShape shape
    cdef public list frames, times
    cdef public bytes greeting, login
    cdef public CommandFacts answers
    cdef public ClosingFacts closing
    cdef public SealedSession sealed
    cdef public PlainSession asked
    cdef public Newcomer newcomer
    cdef public int last_id
    cdef public bint left, told

    @cython.locals(closing=ClosingFacts, known=ClosingFacts)
    cdef _begin(self, LoginShape shape, Newcomer newcomer)


cdef class LoginShapes:
    cdef ShapeStep _first
    cdef dict _outlines
    cdef Py_ssize_t _shapes, _tried, _known, _left_alone
    cdef public Py_ssize_t found

    cpdef Newcomer newcomer(self)
    cpdef known(self)
    cdef _count(self)


cdef _refilled(record, tuple fields, bytes data)

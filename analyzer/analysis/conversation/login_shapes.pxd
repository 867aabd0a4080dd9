cimport cython

from analyzer.analysis.conversation.fast_path cimport TurnTerms, plain_turns
from analyzer.analysis.conversation.sealed_session cimport SealedSession
from analyzer.analysis.conversation.session_facts cimport ClosingFacts, CommandFacts
from analyzer.net.tcp.pieces cimport Pieces, Segments, pieces_of
from analyzer.net.tcp.reassembly cimport TcpConnection

cdef int _ACK, _ZERO, _NINE


@cython.locals(place=Py_ssize_t)
cdef bint _is_same(
    const unsigned char* one, const unsigned char* data, Py_ssize_t begin, Py_ssize_t first, Py_ssize_t stop) except -1


cdef class Mask:
    cdef public tuple fields
    cdef public dict following
    cdef public object fixed
    cdef long long[::1] _bounds, _digits
    cdef bytes _latest
    cdef ShapeStep _step

    @cython.locals(step=ShapeStep, begin=Py_ssize_t, size=Py_ssize_t, data=bytes)
    cpdef ShapeStep after(self, Segments segments, Py_ssize_t row)
    @cython.locals(bounds="long long[::1]", latest=bytes, index=Py_ssize_t, first=Py_ssize_t, stop=Py_ssize_t)
    cdef bint _is_like(self, Segments segments, Py_ssize_t begin, Py_ssize_t size) except -1
    @cython.locals(
        digits="long long[::1]", octets="const unsigned char[::1]", index=Py_ssize_t, first=Py_ssize_t,
        stop=Py_ssize_t, place=Py_ssize_t)
    cdef bint _fits(self, Segments segments, Py_ssize_t begin, Py_ssize_t size) except -1


cdef class ShapeStep:
    cdef public dict masks
    cdef public LoginShape shape
    cdef public SessionShape session

    @cython.locals(mask=Mask, found=ShapeStep)
    cpdef ShapeStep after(self, outline, Segments segments, Py_ssize_t row)


cdef class LoginShape:
    cdef public object known, machine
    cdef public ClosingFacts closing
    cdef TurnTerms _terms
    cdef public list fields, free
    cdef public ShapeStep inside
    cdef public Py_ssize_t length, login, sessions, steps

    cpdef TurnTerms terms(self, dict ends)


cdef class SessionShape:
    cdef public LoginShape login
    cdef public list said
    cdef public CommandFacts answers
    cdef public tuple codes
    cdef public object failed
    cdef public int last_id
    cdef public bint left


cpdef CommandFacts turns_of(
    int client, LoginShape login, dict ends, list said, list frames, list times, observer=*)
cpdef tuple answered(CommandFacts answers)


@cython.no_gc
cdef class Newcomer:
    cdef public ShapeStep step
    cdef public list contents, senders, ends, acks, frames, times, starts
    cdef public Py_ssize_t held

    cpdef Newcomer own(self)
    @cython.locals(
        segments=Segments, step=ShapeStep, opener=cython.int, row=Py_ssize_t, stop=Py_ssize_t, sender=cython.int,
        size=Py_ssize_t)
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
    cdef public SessionShape session
    cdef public tuple behind
    cdef public int last_id
    cdef public bint left, told

    @cython.locals(closing=ClosingFacts, known=ClosingFacts)
    cdef _begin(self, LoginShape shape, list frames, list times, bytes greeting, bytes login)
    cpdef unfold(self, int client, dict ends)


cdef class LoginShapes:
    cdef ShapeStep _first
    cdef Newcomer _nobody
    cdef dict _outlines
    cdef Py_ssize_t _sessions, _shapes, _tried, _known, _left_alone
    cdef public Py_ssize_t found, whole

    @cython.locals(
        segments=Segments, step=ShapeStep, following=ShapeStep, plain=PlainSession, session=SessionShape, opener=cython.int,
        behind=Py_ssize_t, piece=Py_ssize_t, row=Py_ssize_t, size=Py_ssize_t, place=Py_ssize_t, frames=list,
        times=list)
    cpdef PlainSession session(self, TcpConnection tcp, Pieces pieces, Py_ssize_t first, Py_ssize_t last)
    @cython.locals(step=ShapeStep, following=ShapeStep)
    cpdef learn_session(self, int client, PlainSession plain, dict ends, Pieces pieces, Py_ssize_t first, Py_ssize_t last)

    cpdef Newcomer newcomer(self)
    cpdef known(self)
    cdef _count(self)


cdef _refilled(record, tuple fields, bytes data)

cimport cython

from analyzer.analysis.conversation.fast_path cimport TurnTerms
from analyzer.analysis.conversation.sealed_session cimport SealedSession
from analyzer.analysis.conversation.session_facts cimport ClosingFacts, CommandFacts
from analyzer.net.tcp.pieces cimport Pieces, Segments
from analyzer.net.tcp.reassembly cimport TcpConnection

cdef int _ACK


cdef class Mask:
    cdef public tuple fields
    cdef public dict following
    cdef public object fixed
    cdef list _digits
    cdef object _latest
    cdef ShapeStep _step

    @cython.locals(step=ShapeStep)
    cpdef ShapeStep after(self, bytes data)
    cpdef bint fits(self, bytes data)


cdef class ShapeStep:
    cdef public dict masks
    cdef public LoginShape shape

    @cython.locals(mask=Mask, found=ShapeStep)
    cpdef ShapeStep after(self, outline, bytes data)


cdef class LoginShape:
    cdef public object known, machine
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
        segments=Segments, step=ShapeStep, row=Py_ssize_t, stop=Py_ssize_t, sender=cython.int, size=Py_ssize_t, data=bytes)
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


cdef class LoginShapes:
    cdef ShapeStep _first
    cdef dict _outlines
    cdef Py_ssize_t _shapes, _tried, _known, _left_alone
    cdef public Py_ssize_t found

    cpdef Newcomer newcomer(self)
    cpdef known(self)
    cdef _count(self)


cdef _refilled(record, tuple fields, bytes data)

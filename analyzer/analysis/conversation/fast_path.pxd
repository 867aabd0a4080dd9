cimport cython

from analyzer.analysis.conversation.observer cimport TurnObserver
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.analysis.conversation.session_facts cimport ClosingFacts, CommandFacts
from analyzer.net.tcp.pieces cimport Pieces, Segments
from analyzer.protocol.machine.execute_fast_path cimport known_execute, take_effect
from analyzer.protocol.machine.fast_path cimport Scanned, scan, scan_error, scan_prepared
from analyzer.protocol.records.commands.set_charset cimport may_set

cdef Py_ssize_t _HEADER, _LONGEST, _CLOSE_SIZE
cdef int _QUERY, _EXECUTE, _PING, _PREPARE, _RESET, _RESET_ALL, _CLOSED
cdef int _C, _A, _K, _SLASH, _STAR, _HASH, _DASH, _SPACE, _NEWLINE
cdef bytes _CLOSE


@cython.locals(count=Py_ssize_t, place=Py_ssize_t)
cdef Py_ssize_t closes_in(const unsigned char[::1] octets, Py_ssize_t offset, Py_ssize_t size)


cdef bytes _last_payload(Scanned found, Segments segments, bytes response, Py_ssize_t end)


@cython.locals(
    pieces=Pieces, segments=Segments, middle=Py_ssize_t, stop=Py_ssize_t, answered=Py_ssize_t, ended=Py_ssize_t)
cdef _answered(PlainTurn turn, Scanned found, Py_ssize_t first_size)


@cython.locals(byte=cython.int)
cdef bint may_kill(const unsigned char[::1] octets, Py_ssize_t at, Py_ssize_t end) except -1


@cython.locals(code=cython.int)
cpdef int plain_code(const unsigned char[::1] octets, Py_ssize_t offset, Py_ssize_t size, bint named) except? -2


cdef bint taken_whole(int code, Py_ssize_t size, bint may_omit)


@cython.locals(known=TurnObserver)
cdef _tell(observer, PlainTurn turn, machine)


@cython.locals(segments=Segments, turn=PlainTurn, row=Py_ssize_t)
cdef PlainTurn _unanswered(Pieces pieces, Py_ssize_t begin, Py_ssize_t piece, bytes packet)


@cython.locals(turn=PlainTurn, place=Py_ssize_t, packet=bytes)
cdef _closes(machine, observer, Pieces pieces, Py_ssize_t begin, bytes request, Py_ssize_t closes)


@cython.locals(segments=Segments, asked=Py_ssize_t, answered=Py_ssize_t, size=Py_ssize_t)
cdef _failed(CommandFacts answers, error, bytes request, Pieces pieces, Py_ssize_t middle, Py_ssize_t stop)


cdef class TurnTerms:
    cdef public object context, ends, response_ends
    cdef public dict errors, quiet
    cdef public bint has_eof, may_omit, named, says_metadata


@cython.locals(segments=Segments, row=Py_ssize_t)
cdef bint _says_goodbye(taker, CommandFacts answers, Pieces pieces, Py_ssize_t piece)


cdef class _TurnInHand:
    cdef object taker, observer, statement, plan, end
    cdef CommandFacts answers
    cdef TurnTerms terms
    cdef Pieces pieces
    cdef Scanned found
    cdef bytes request, packet
    cdef bint executes, every, fails, opens
    cdef int code
    cdef Py_ssize_t closes, size, offset, length

    @cython.locals(
        pieces=Pieces, segments=Segments, terms=TurnTerms, octets="const unsigned char[::1]", request=bytes,
        row=Py_ssize_t, offset=Py_ssize_t, size=Py_ssize_t, closes=Py_ssize_t, skipped=Py_ssize_t, code=cython.int,
        opens=bint)
    cdef bint asks(self, Py_ssize_t begin, Py_ssize_t middle) except -1

    cdef bint _names(self) except -1

    @cython.locals(
        pieces=Pieces, segments=Segments, found=Scanned, terms=TurnTerms, octets="const unsigned char[::1]",
        response=bytes, payload=bytes, head=bytes, named=bint, quiet=bint, begins=Py_ssize_t, row=Py_ssize_t, offset=Py_ssize_t, length=Py_ssize_t, code=cython.int,
        failing=bint)
    cdef bint is_answered(self, Py_ssize_t begin, Py_ssize_t middle, Py_ssize_t stop) except -1

    cdef bytes _whole(self, Py_ssize_t begin, Py_ssize_t middle)

    @cython.locals(
        pieces=Pieces, segments=Segments, found=Scanned, turn=PlainTurn, asked=Py_ssize_t,
        code=cython.int)
    cdef tell(self, Py_ssize_t begin, Py_ssize_t middle, Py_ssize_t stop)


@cython.locals(
    segments=Segments, turn=_TurnInHand, begin=Py_ssize_t, middle=Py_ssize_t, stop=Py_ssize_t, asked=Py_ssize_t,
    code=cython.int, closes=Py_ssize_t, quits=bint, client=cython.int, counts=dict, sequence=cython.uint)
cpdef Py_ssize_t plain_turns(
    taker, CommandFacts answers, ClosingFacts closing, TurnTerms terms, Pieces pieces, Py_ssize_t first, Py_ssize_t last)

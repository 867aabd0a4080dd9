cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.pieces cimport Pieces
from analyzer.sharing.redaction.definitions cimport PlainDefinitions
from analyzer.sharing.redaction.drawing cimport copy_octets
from analyzer.sharing.redaction.rows cimport RowRedactor, ValueForms
from analyzer.sharing.redaction.skeletons cimport Skeletons

cdef int _QUERY, _PREPARE, _CLOSE, _QUIT
cdef Py_ssize_t _HEADER, _EOF_LENGTH, _PREPARE_OK, _COLUMNS, _FILLER
cdef Py_ssize_t _MOST_HEADS, _LONGEST_HEAD, _MOST_PLANS, _MOST_COLUMNS, _LONGEST_COLUMN
cdef Py_ssize_t _MOST_REQUESTS, _LONGEST_REQUEST, _MOST_ENDS, _LONGEST_END
cdef Py_ssize_t _MOST_RESPONSES, _LONGEST_RESPONSE, _MOST_RESPONSE_BYTES, _LOOKED_FOR, _LEFT_ALONE


cdef class ReplacedCounts:
    cdef public dict counts
    cdef public Py_ssize_t zeroed


cdef class RedactedPart:
    cdef public bytes made
    cdef public ReplacedCounts replaced


cdef class ResultHead:
    cdef public bytes made, reading
    cdef public Py_ssize_t count
    cdef public tuple columns
    cdef public bint own
    cdef public ReplacedCounts replaced


cdef class RedactedColumn:
    cdef public bytes payload
    cdef public object column
    cdef public bint own
    cdef public ReplacedCounts replaced


cdef class RedactedResponse:
    cdef bytes made
    cdef ReplacedCounts replaced
    cdef ResultHead head
    cdef bint own


cdef class KnownResponses:
    cdef dict _kept
    cdef set _once
    cdef Py_ssize_t _size, _asked, _found, _rest
    cdef bint _used
    cdef ResultHead head

    cdef bint may(self, Py_ssize_t size) except -1

    cdef RedactedResponse get(self, key)

    cdef find(self)

    cdef bint is_new(self, key) except -1

    cdef put(self, key, RedactedResponse made)

    cdef clear(self)


cdef class TurnRedactor:
    cdef public object packets, logins
    cdef public bint used
    cdef bint _short
    cdef Skeletons _statements
    cdef public bytes asked
    cdef public object answered
    cdef object _sql
    cdef RowRedactor _rows
    cdef PlainDefinitions _plain
    cdef set _once
    cdef dict _counts, _forms, _requests, _ends, _heads, _columns
    cdef KnownResponses _responses
    cdef Py_ssize_t _version

    @cython.locals(
        pieces=Pieces, middle=Py_ssize_t, stop=Py_ssize_t, data=bytes)
    cpdef turn(self, PlainTurn turn, machine, escapes)

    @cython.locals(
        responses=KnownResponses, key=tuple, base=tuple, found=RedactedResponse, before=dict, head=ResultHead)
    cdef _as_before(self, PlainTurn turn, bytes data, machine, escapes)

    cdef _answer(self, PlainTurn turn, bytes data, machine, escapes)

    @cython.locals(counts=dict)
    cdef ReplacedCounts _replaced_since(self, dict before, Py_ssize_t zeroed)

    @cython.locals(counts=dict)
    cpdef count_again(self, dict replaced, Py_ssize_t zeroed)

    cdef _forget(self)

    @cython.locals(
        data=bytes, code=cython.int, key=tuple, text=bytes, head=bytes, made=bytes, found=RedactedPart, before=dict)
    cdef bytes _request(self, PlainTurn turn, machine, escapes)

    @cython.locals(made=bytes)
    cdef bytes _statement(self, bytes text, escapes)

    @cython.locals(forms=ValueForms, made=bytes)
    cdef bytes _execute(self, bytes data, plan, machine, escapes)

    @cython.locals(key=tuple, found=RedactedPart, before=dict)
    cdef _end(self, bytes payload, ends, machine, escapes)

    @cython.locals(at=Py_ssize_t, count=Py_ssize_t, end=Py_ssize_t, out=bytearray, head=ResultHead, made=bytes)
    cdef bytearray _response(self, PlainTurn turn, ends, bytes data, machine, escapes)

    @cython.locals(begin=Py_ssize_t, head=ResultHead)
    cdef bytes _prepared(self, PlainTurn turn, bytes data, machine, escapes)

    @cython.locals(base=tuple, found=ResultHead, before=dict)
    cdef ResultHead _head(self, bytes raw, Py_ssize_t at, tuple counts, PlainTurn turn, machine, escapes)

    cdef _asked(self, PlainTurn turn)

    @cython.locals(
        out=bytearray, columns=list, count=Py_ssize_t, start=Py_ssize_t, plain=cython.bint, made=RedactedColumn,
        definitions=PlainDefinitions, listed=cython.bint, reading=bytearray)
    cdef tuple _made(self, bytes raw, Py_ssize_t at, tuple counts, PlainTurn turn, machine, escapes)

    @cython.locals(key=tuple, found=RedactedColumn, before=dict)
    cdef RedactedColumn _definition(self, bytes payload, statement, machine, escapes)


@cython.locals(octets="const unsigned char[::1]", size=Py_ssize_t, count=Py_ssize_t, at=Py_ssize_t, _=Py_ssize_t)
cdef tuple _head_of(bytes data, Py_ssize_t columns, bint has_eof)

cdef _put(bytearray out, Py_ssize_t start, Py_ssize_t stop, bytes made)

cdef _note(statement, ResultHead head, machine)

cimport cython

from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.analysis.dissection.row_lines cimport RowsInHand
from analyzer.analysis.dissection.row_writer cimport RowWriter
from analyzer.analysis.packets.sql_hints cimport has_hint
from analyzer.batches cimport copied
from analyzer.net.tcp.pieces cimport Pieces, Segments
from analyzer.protocol.execute_plan cimport ExecutePlan
from analyzer.protocol.wire.row_values cimport binary_is_whole, text_values

cdef Py_ssize_t _HEADER, _NAMED, _LONGEST, _LONGEST_BLOCK
cdef int _QUERY, _PREPARE, _EXECUTE, _CLIENT, _SERVER, _ROW, _END


cdef class Dialect:
    cdef readonly bint has_eof
    cdef readonly list packets
    cdef readonly dict blocks, requests, binary_rows, text_rows


cdef class Definitions:
    cdef readonly Py_ssize_t count
    cdef readonly list bodies
    cdef readonly tuple columns, parameters
    cdef readonly bytes kinds


cdef class TurnWriter:
    cdef public object logins
    cdef object _packets, _parts, _scene
    cdef RowsInHand _rows
    cdef RowWriter _row_writer
    cdef dict _dialects
    cdef Dialect _dialect
    cdef Pieces _pieces
    cdef Py_ssize_t _piece, _reach, _held
    cdef bint _looks, _plain, _rows_told
    cdef tuple _columns
    cdef bytes _kinds

    @cython.locals(agreed=tuple, codecs=tuple, dialect=Dialect)
    cpdef take(self, scene, PlainTurn turn, machine, codec)
    cpdef packet(self, one)
    cpdef login(self, scene, login)
    cpdef flush(self, scene)
    cdef bint _holds_none(self, PlainTurn turn) except -1
    @cython.locals(request=bytes, known=dict, kept=bint, key=bytes, plan=ExecutePlan)
    cdef _request(self, PlainTurn turn, Dialect dialect, bint same)
    cdef _remember(self, dict known, bytes key, bytes body)
    @cython.locals(
        middle=Py_ssize_t, stop=Py_ssize_t, pieces=Pieces, data=bytes, size=Py_ssize_t, code=cython.int, foot=bytes, rows=RowsInHand,
        first=Py_ssize_t, alone=bint, definitions=Definitions, place=Py_ssize_t)
    cdef _response(self, PlainTurn turn, machine)
    @cython.locals(stop=Py_ssize_t, size=Py_ssize_t)
    cdef Py_ssize_t _last(self, bytes data, Py_ssize_t place) except -1
    @cython.locals(pieces=Pieces)
    cdef int _reach_to(self, Py_ssize_t stop) except -1
    cdef _columns_before(self, PlainTurn turn)
    cdef _keep(self, machine, statement, Definitions definitions, Py_ssize_t size)
    @cython.locals(dialect=Dialect, kept=bint, packet=bytes, known=dict)
    cdef _packet(self, int kind, bytes data, Py_ssize_t begin, Py_ssize_t stop)
    @cython.locals(pieces=Pieces, segments=Segments, row=Py_ssize_t)
    cdef _made(self, int kind, bytes packet)
    @cython.locals(
        kinds=bytes, place=Py_ssize_t, count=Py_ssize_t, dialect=Dialect, kept=bint, block=bytes, found=Definitions,
        stop=Py_ssize_t, index=Py_ssize_t)
    cdef tuple _definitions(self, PlainTurn turn, bytes data, Py_ssize_t begin)
    @cython.locals(dialect=Dialect, count=Py_ssize_t, columns=Py_ssize_t, params=Py_ssize_t)
    cdef bytes _due(self, PlainTurn turn, bytes data)
    cdef Definitions _defined(self, bytes block, bytes kinds)
    @cython.locals(
        dialect=Dialect, kinds=bytes, due=Py_ssize_t, binary=bint, told=bint, writes=bint, masks=bint, bodies=dict, values=Py_ssize_t,
        held=Py_ssize_t, stop=Py_ssize_t, whole=bint)
    cdef Py_ssize_t _each_row(self, PlainTurn turn, bytes data, Py_ssize_t place) except -1
    @cython.locals(writer=RowWriter, columns=tuple)
    cdef bint _opens_rows(self, PlainTurn turn) except -1
    @cython.locals(writer=RowWriter, pieces=Pieces, rows=RowsInHand, place=Py_ssize_t)
    cdef _put_row(self, bytes data, Py_ssize_t begin, Py_ssize_t stop, bint binary)
    @cython.locals(pieces=Pieces, segments=Segments, row=Py_ssize_t)
    cdef _put_answer(self, body)
    @cython.locals(rows=RowsInHand)
    cdef _put(self, int role, long long frame, long long time_ns, bytes body)

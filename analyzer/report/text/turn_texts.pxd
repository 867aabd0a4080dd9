cimport cython

from analyzer.analysis.commands.turn_tracker cimport TurnRenderer, TurnTracker
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.analysis.line_buffer cimport LineBuffer, put_bytes, put_number, put_part
from analyzer.analysis.packets.statement_mask cimport StatementMask
from analyzer.protocol.execute_plan cimport ExecutePlan
from analyzer.report.turn_values cimport put_listed

cdef Py_ssize_t _ALONE, _TIME, _CONNECTION, _TOOK, _ROWS, _VALUE
cdef long long _SECOND, _MILLISECOND
cdef bytes _NOTHING, _BETWEEN, _CUT, _BOUND, _PREPARES, _CLOSES
cdef int _BLANK, _LAST, _TAB, _CR, _ZERO, _POINT, _NEWLINE, _BEHIND, _QUERY, _PREPARE, _CLOSE


cdef class TurnTexts(TurnRenderer):
    cdef object _capture, _layout
    cdef StatementMask _mask
    cdef Py_ssize_t _room, _most
    cdef dict _alone, _changed, _numbers, _took
    cdef long long _second
    cdef bytes _date, _time
    cdef bytearray _line

    cpdef turn(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines)
    @cython.locals(
        began=cython.longlong, took=cython.longlong, size=Py_ssize_t, said=Py_ssize_t, known=tuple, stream=bytes,
        wider=bytes, lasted=bytes, counted_=bytes, before=Py_ssize_t, between=Py_ssize_t, behind=Py_ssize_t,
        last=Py_ssize_t, room=Py_ssize_t, text=bytearray, end=Py_ssize_t)
    cdef bint _is_written(self, TurnTracker tracker, PlainTurn turn, LineBuffer lines) except -1
    @cython.locals(
        data=bytes, code=cython.int, mask=StatementMask, size=Py_ssize_t, begin=Py_ssize_t, more=Py_ssize_t, alone=bytes)
    cdef Py_ssize_t _said(self, TurnTracker tracker, PlainTurn turn) except -1
    @cython.locals(plan=ExecutePlan, data=bytes, known=tuple, query=bytes, size=Py_ssize_t, room=Py_ssize_t)
    cdef Py_ssize_t _executed(self, TurnTracker tracker, PlainTurn turn) except -1
    cdef tuple _noted_text(self, TurnTracker tracker, PlainTurn turn)
    cdef tuple _noted(self, TurnTracker tracker, PlainTurn turn)
    cdef bytes _learnt(self, TurnTracker tracker, PlainTurn turn)
    cdef bytes _lasted(self, long long took)
    @cython.locals(known=tuple)
    cdef bytes _counted(self, TurnTracker tracker, PlainTurn turn)
    cdef _note_second(self, long long began)


@cython.locals(place=Py_ssize_t)
cdef Py_ssize_t _put_blanks(char* text, Py_ssize_t end, Py_ssize_t count) noexcept

cdef Py_ssize_t _put_milliseconds(char* text, Py_ssize_t end, int milli) noexcept

@cython.locals(written=Py_ssize_t, blank=bint, byte="unsigned char", place=Py_ssize_t)
cdef Py_ssize_t _spaced(char* line, Py_ssize_t size) noexcept

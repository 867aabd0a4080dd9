cimport cython

from analyzer.protocol.execute_plan cimport ExecutePlan
from analyzer.report.turn_lines cimport TurnLines
from analyzer.report.turn_values cimport put_listed

cdef Py_ssize_t _LEAD
cdef bytes _BETWEEN, _FORMULA
cdef int _BLANK, _LAST, _QUOTE, _COMMA, _APOSTROPHE, _MADE, _BARE, _QUOTED


cdef class TurnCsv(TurnLines):
    @cython.locals(end=Py_ssize_t, place=Py_ssize_t, byte="unsigned char", found=cython.int)
    cdef int stands(self, bytes data, Py_ssize_t begin) except -1
    cdef bytes made(self, str text)
    cdef bytes cell(self, what)
    @cython.locals(line=bytearray, begin=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t)
    cdef Py_ssize_t values(self, ExecutePlan plan, bytes data) except? -2
    cdef bytes acknowledged(self, says)
    cdef bytes ends_of(self, ends)
    cdef bytes failed(self, error)
    cdef tuple template(self, command)

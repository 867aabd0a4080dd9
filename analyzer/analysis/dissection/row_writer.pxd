cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer
from analyzer.batches cimport copied
from analyzer.protocol.wire.row_values cimport counted_end, length_size

cdef Py_ssize_t _HEADER, _RESERVED, _SIZED, _COUNTED
cdef int _NUMBER, _TEXT, _DATE, _NOTHING, _NULL
cdef bytes _PARTS, _NULL_TEXT
cdef unsigned long long _ONES


cdef class ColumnKind:
    cdef public object column
    cdef public int kind
    cdef public Py_ssize_t size
    cdef public bint signed
    cdef public list labels

    cpdef list sample(self)


cdef class RowWriter:
    cdef tuple _columns
    cdef object _codec
    cdef list _kinds, _heads
    cdef dict _known
    cdef bytes _value
    cdef public bint encrypted, assumed

    @cython.locals(known=dict, alike=tuple)
    cpdef take(self, tuple columns, context)
    cdef ColumnKind _kind(self, column)
    cpdef str said(self, bytes content)
    @cython.locals(heads=list)
    cpdef row(self, LineBuffer lines, bytes data, Py_ssize_t begin, Py_ssize_t stop, bint binary)
    @cython.locals(place=Py_ssize_t, count=Py_ssize_t, behind=Py_ssize_t, size=Py_ssize_t)
    cdef _text(self, LineBuffer lines, bytes data, Py_ssize_t begin, Py_ssize_t stop)
    @cython.locals(
        kinds=list, count=Py_ssize_t, nulls=Py_ssize_t, bitmap=Py_ssize_t, place=Py_ssize_t, behind=Py_ssize_t,
        index=Py_ssize_t, bit=Py_ssize_t, kind=ColumnKind, size=Py_ssize_t, value=bytes)
    cdef _binary(self, LineBuffer lines, bytes data, Py_ssize_t begin, Py_ssize_t stop)
    @cython.locals(size=Py_ssize_t, number="unsigned long long", below=bint)
    cdef _number(self, LineBuffer lines, ColumnKind kind, Py_ssize_t start, bytes data, Py_ssize_t place)
    @cython.locals(size=Py_ssize_t, used=Py_ssize_t, end=Py_ssize_t, index=Py_ssize_t)
    cdef _parts(self, LineBuffer lines, list labels, Py_ssize_t start, bytes data, Py_ssize_t place)
    cpdef bytes label(self, info)
    cpdef start(self, LineBuffer lines, bint binary)
    cpdef number(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, unsigned long long number, bint below)
    cpdef raw(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, bytes data, Py_ssize_t place,
        Py_ssize_t size)
    cpdef text(
        self, LineBuffer lines, bytes label, Py_ssize_t start, Py_ssize_t end, bytes data, Py_ssize_t place,
        Py_ssize_t size)
    cpdef fields(self, LineBuffer lines, list nodes)
    cpdef stop(self, LineBuffer lines, Py_ssize_t count, Py_ssize_t nulls)


@cython.locals(number="unsigned long long", byte="unsigned long long", at=Py_ssize_t)
cdef unsigned long long _number_at(bytes data, Py_ssize_t place, Py_ssize_t size) except? 0

cimport cython

from analyzer.batches cimport copied
from analyzer.sharing.redaction.drawing cimport Drawing

cdef int _TEXT, _STRING, _JSON, _SIGNED, _UNSIGNED, _OTHER, _REAL, _DATED, _SPAN, _NULL, _NO_LENGTH, _ZERO, _DIGITS
cdef unsigned long long _MASK
cdef Py_ssize_t _HEADER, _COUNTED, _SHORT, _MOST_KNOWN, _MOST_COLUMNS, _LONGEST_ROW, _MOST_ROWS, _ROW, _LEFT_ALONE


cdef class ValueForms:
    cdef public list types, unsigned, texts
    cdef public Py_ssize_t count
    cdef long long[::1] in_text, kinds, sizes
    cdef dict of_binary, of_text


cdef class KeptRow:
    cdef public bytearray made
    cdef public Py_ssize_t count


cdef class KeptRows:
    cdef dict _of
    cdef Py_ssize_t _size, _asked, _found
    cdef public Py_ssize_t rest

    cdef dict of(self, reading)
    cdef KeptRow get(self, dict rows, bytes row)
    @cython.locals(one=dict)
    cdef put(self, dict rows, bytes row, bytearray made, Py_ssize_t count)


cdef class RowRedactor:
    cdef object _replacements, _values, _columns
    cdef dict _counts, _known, _readings
    cdef Drawing _drawing
    cdef KeptRows _kept
    cdef bint _listed, _keep
    cdef Py_ssize_t _replaced
    cdef unsigned char[::1] _scratch
    cdef public ValueForms forms

    cpdef Py_ssize_t rows(
        self, bytes data, Py_ssize_t at, Py_ssize_t count, bytearray out, columns, bint binary) except -2

    @cython.locals(out=bytearray, flag=Py_ssize_t, at=Py_ssize_t, end=Py_ssize_t)
    cpdef bound(self, bytes data, plan, ValueForms forms)

    @cython.locals(found=tuple)
    cdef _look_at(self, columns)

    @cython.locals(forms=ValueForms)
    cdef ValueForms _reading(self, columns)

    @cython.locals(forms=ValueForms, found=dict)
    cdef dict _rows_alike(self, bint binary)

    cdef Py_ssize_t _in_all(self) except -1

    @cython.locals(
        kept=KeptRows, alike=dict, known=KeptRow, row=bytes, _=Py_ssize_t, start=Py_ssize_t, stop=Py_ssize_t,
        before=Py_ssize_t)
    cdef Py_ssize_t _rows(
        self, bytes raw, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t count,
        bytearray whole, unsigned char[::1] out, bint binary) except -2

    @cython.locals(
        kinds="long long[::1]", known=Py_ssize_t, index=Py_ssize_t, first=cython.int, start=Py_ssize_t,
        size=cython.longlong, stop=Py_ssize_t, kind=cython.int, place=Py_ssize_t)
    cdef void _text(
        self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, unsigned char[::1] out)

    @cython.locals(raw=bytes, made=bytes)
    cdef void _value(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop, unsigned char[::1] out,
        int kind)

    @cython.locals(forms=ValueForms, at=Py_ssize_t, place=Py_ssize_t)
    cdef void _binary(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t end, unsigned char[::1] out)

    @cython.locals(
        kinds="long long[::1]", sizes="long long[::1]", index=Py_ssize_t, bit=Py_ssize_t, size=cython.longlong,
        head=Py_ssize_t, first=cython.int, stop=Py_ssize_t, kind=cython.int)
    cdef Py_ssize_t _laid_out(
        self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t end, unsigned char[::1] out, ValueForms forms,
        const unsigned char[::1] nulls, Py_ssize_t bits, Py_ssize_t spare) except -2

    @cython.locals(made=bytes)
    cdef void _other(
        self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t stop, unsigned char[::1] out, ValueForms forms,
        Py_ssize_t index)

    @cython.locals(
        size=cython.int, value=cython.ulonglong, most=cython.ulonglong, found=cython.longlong, place=Py_ssize_t,
        byte=cython.ulonglong, negative=cython.bint)
    cdef void _integer(
        self, const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t stop, unsigned char[::1] out, bint signed)

    @cython.locals(begin=Py_ssize_t, place=Py_ssize_t, scratch="unsigned char[::1]")
    cdef long long _in_text(self, unsigned long long value)


cdef Py_ssize_t _head(int first)

@cython.locals(value=cython.longlong, place=Py_ssize_t)
cdef long long _number(const unsigned char[::1] data, Py_ssize_t at, Py_ssize_t stop)

@cython.locals(place=Py_ssize_t, fits=bint)
cdef void _put(unsigned char[::1] out, Py_ssize_t at, bytes made, Py_ssize_t size)

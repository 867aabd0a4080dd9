cimport cython

from analyzer.analysis.line_buffer cimport is_plain_json, put_bytes, put_number, put_part
from analyzer.protocol.execute_plan cimport ExecutePlan

cdef bytes _NULL, _NAMED_NULL, _COMMA
cdef int _QUOTE, _ZERO, _LIST, _END, _MINUS, _POINT, _TEXT, _DOUBLE, _NO_NUMBER, _WHOLE, _LONG
cdef unsigned long long _FULL, _FRACTION


@cython.locals(written=Py_ssize_t)
cpdef Py_ssize_t put_json(char* line, ExecutePlan plan, bytes data, Py_ssize_t end) except? -2


cpdef Py_ssize_t put_listed(
    char* line, Py_ssize_t begin, ExecutePlan plan, bytes data, Py_ssize_t end, bytes between) except? -2


@cython.locals(
    kinds=bytes, apart=Py_ssize_t, count=Py_ssize_t, written=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t,
    kind=cython.int, size=Py_ssize_t, stop=Py_ssize_t, number="unsigned long long", null=bytes)
cdef Py_ssize_t _put(
    char* line, Py_ssize_t begin, ExecutePlan plan, bytes data, Py_ssize_t end, bytes between, bint quoted) except? -2


@cython.locals(at=Py_ssize_t, byte="unsigned long long", number="unsigned long long")
cdef unsigned long long _number_in(bytes data, Py_ssize_t place, Py_ssize_t size) except? 0


@cython.locals(
    bits="unsigned long long", whole="unsigned long long", exponent=cython.int, shift=cython.int, text=bytes)
cdef Py_ssize_t _put_double(char* line, Py_ssize_t end, bytes data, Py_ssize_t place, bint as_json) except? -2

cimport cython

from analyzer.batches cimport copied
from analyzer.sharing.redaction.drawing cimport copy_octets

cdef Py_ssize_t _NAMES, _SCHEMA, _NAME, _ORG_NAME, _FIXED, _LONGEST, _MOST_SCHEMAS
cdef int _UNDERSCORE, _I, _UNSIGNED, _BINARY


cdef class PlainDefinitions:
    cdef public object packets
    cdef public Py_ssize_t replaced
    cdef public object unknown
    cdef public bytearray reading
    cdef bint _stays
    cdef dict _schemas
    cdef bytes _front, _collations
    cdef tuple _catalog, _schema
    cdef Py_ssize_t _at
    cdef bytes _types, _plain, _texts
    cdef long long[::1] _starts, _stops

    cpdef bint may(self, long long in_force)

    @cython.locals(
        octets="const unsigned char*", plain="const unsigned char*", starts="long long[::1]",
        stops="long long[::1]", at=Py_ssize_t, end=Py_ssize_t, index=Py_ssize_t, size=Py_ssize_t, place=Py_ssize_t,
        byte=cython.int)
    cpdef bint redact(self, bytes raw, Py_ssize_t start, Py_ssize_t stop, bytearray out) except -1

    @cython.locals(
        octets="const unsigned char*", known="const unsigned char*", front=bytes, starts="long long[::1]",
        stops="long long[::1]", index=Py_ssize_t, size=Py_ssize_t, catalog=tuple, schema=tuple)
    cdef bint _is_known(self, bytes raw, Py_ssize_t start) except -1

    @cython.locals(
        octets="const unsigned char*", view="unsigned char*", starts="long long[::1]",
        index=Py_ssize_t, one=tuple, made=bytes, collation=cython.int, kind=cython.int, flags=cython.int, reading=bytearray)
    cdef bint _written(self, bytes raw, Py_ssize_t at, bytearray out) except -1

    @cython.locals(
        starts="long long[::1]", stops="long long[::1]", at=Py_ssize_t, flags=cython.int, collation=cython.int,
        name=bytes, other=bytes)
    cpdef column(self, bytes raw)

cimport cython

cdef Py_ssize_t _NAMES, _SCHEMA, _NAME, _ORG_NAME, _FIXED, _LONGEST, _MOST_SCHEMAS


cdef class PlainDefinitions:
    cdef public object packets
    cdef public Py_ssize_t replaced
    cdef public object unknown
    cdef bint _stays
    cdef dict _schemas
    cdef object _collations
    cdef const unsigned char[::1] _types, _plain
    cdef long long[::1] _starts, _stops

    cpdef bint may(self, long long in_force)

    @cython.locals(
        octets="const unsigned char[::1]", plain="const unsigned char[::1]", starts="long long[::1]",
        stops="long long[::1]", at=Py_ssize_t, end=Py_ssize_t, index=Py_ssize_t, size=Py_ssize_t, place=Py_ssize_t,
        byte=cython.int)
    cpdef column(self, bytes raw, Py_ssize_t start, Py_ssize_t stop, bytearray out)

    @cython.locals(
        octets="const unsigned char[::1]", view="unsigned char[::1]", starts="long long[::1]", stops="long long[::1]",
        index=Py_ssize_t, collation=cython.int, kind=cython.int, flags=cython.int, name=bytes, other=bytes)
    cdef _written(self, bytes raw, Py_ssize_t at, bytearray out)

cimport cython

from analyzer.batches cimport copied
from analyzer.sharing.redaction.drawing cimport Drawing

cdef int _NEVER, _WORD, _DIGIT, _POINT, _SIGN, _QUOTE, _BACKQUOTE, _DASH, _SLASH, _STAR
cdef int _STAYS, _TABLES, _NO_TABLES, _GOES
cdef Py_ssize_t _LONGEST, _LONGEST_NAME


cdef class Skeletons:
    cdef object _replacements, _whole, _literal
    cdef int _other
    cdef Drawing _drawing
    cdef bint _listed
    cdef set _named
    cdef dict _counts, _known, _roles
    cdef public long long version
    cdef bytes _kinds
    cdef bytearray _room
    cdef long long[::1] _starts, _stops, _strings
    cdef Py_ssize_t _count

    @cython.locals(
        name=bytes, pieces=tuple, out=bytearray, counts=dict, own=bint, replaced=Py_ssize_t, at=Py_ssize_t, index=Py_ssize_t,
        start=Py_ssize_t, stop=Py_ssize_t, string=bint)
    cpdef statement(self, bytes raw)

    @cython.locals(
        octets="const unsigned char*", kinds="const unsigned char*", room="unsigned char*",
        size=Py_ssize_t, at=Py_ssize_t, made=Py_ssize_t, count=Py_ssize_t, start=Py_ssize_t, place=Py_ssize_t,
        kind=cython.int, before=cython.int, points=cython.int, literal=bint, string=bint)
    cpdef name(self, bytes raw)

    @cython.locals(
        small=bytes, octets="const unsigned char*", kinds="const unsigned char*", size=Py_ssize_t, at=Py_ssize_t,
        index=Py_ssize_t, tables=bint, start=Py_ssize_t, kind=cython.int, point=Py_ssize_t, role=cython.int)
    cdef bint _stays(self, bytes raw) except -1

    cdef int _role_of(self, bytes text, Py_ssize_t start, Py_ssize_t stop) except -1

cimport cython

from analyzer.sharing.redaction.drawing cimport Drawing

cdef int _NEVER, _WORD, _DIGIT, _POINT, _SIGN, _QUOTE, _BACKQUOTE, _DASH, _SLASH, _STAR
cdef int _STAYS, _TABLES, _NO_TABLES, _GOES
cdef Py_ssize_t _LONGEST, _LONGEST_NAME, _MOST_WORDS


cdef class Skeletons:
    cdef object _replacements, _whole, _literal, _role, _octets
    cdef Drawing _drawing
    cdef bint _listed
    cdef set _named
    cdef dict _known, _roles
    cdef long long _roles_version
    cdef public long long version
    cdef const unsigned char[::1] _kinds
    cdef unsigned char[::1] _room
    cdef long long[::1] _starts, _stops, _strings
    cdef Py_ssize_t _count

    @cython.locals(
        name=bytes, pieces=tuple, out=bytearray, own=bint, replaced=Py_ssize_t, at=Py_ssize_t, index=Py_ssize_t,
        start=Py_ssize_t, stop=Py_ssize_t, string=bint)
    cpdef statement(self, bytes raw)

    @cython.locals(
        octets="const unsigned char[::1]", kinds="const unsigned char[::1]", room="unsigned char[::1]",
        size=Py_ssize_t, at=Py_ssize_t, made=Py_ssize_t, count=Py_ssize_t, start=Py_ssize_t, place=Py_ssize_t,
        kind=cython.int, before=cython.int, points=cython.int, literal=bint, string=bint)
    cpdef name(self, bytes raw)

    @cython.locals(
        octets="const unsigned char[::1]", kinds="const unsigned char[::1]", size=Py_ssize_t, at=Py_ssize_t,
        index=Py_ssize_t, tables=bint, start=Py_ssize_t, kind=cython.int, point=Py_ssize_t, role=cython.int)
    cdef bint _stays(self, bytes raw, long long version) except -1

    cdef int _role_of(self, bytes word) except -1

cimport cython

from analyzer.analysis.packets.sql_hints cimport has_hint
from analyzer.batches cimport copied

cdef int _ZERO, _NINE


cdef class StatementMask:
    cdef set _shapes, _harmless
    cdef dict _known
    cdef tuple _selected
    cdef bytearray _room

    @cython.locals(text=bytes)
    cpdef bint is_plain(self, bytes raw, Py_ssize_t begin=*) except -1
    @cython.locals(
        size=Py_ssize_t, room="unsigned char*", lower="const unsigned char*", text="const unsigned char*", count=Py_ssize_t,
        place=Py_ssize_t, byte="unsigned int")
    cdef bytes _shape_of(self, bytes raw, Py_ssize_t begin)
    cdef bint _is_hintless(self, bytes shape) except -1
    cdef bint _is_harmless(self, bytes raw) except -1

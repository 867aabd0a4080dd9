cimport cython

from analyzer.sharing.frames cimport MadeConnection

cdef int _SHOWN


cdef class OpenedConnections:
    cdef public set opened
    cdef object _plain, _ends
    cdef dict _made, _pieces

    @cython.locals(
        stream=cython.longlong, sender=cython.int, made=MadeConnection, frames=list, mine=bytes, other=cython.int)
    cpdef list frames(self, long long number, long long side, long long place, long long length, int flags, int window)

    cdef _take(self, long long number)

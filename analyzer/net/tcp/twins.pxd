cimport cython

from analyzer.net.tcp.reassembly cimport Half, TcpConnection


cdef class Twin:
    cdef public long long number, first_frame, first_ns, sent
    cdef public tuple endpoints
    cdef public object syn


cdef class Twins:
    cdef dict _known, _older

    @cython.locals(
        low=Half, high=Half, a=cython.longlong, b=cython.longlong, numbers=cython.ulonglong, twin=Twin, known=Twin)
    cpdef see(self, TcpConnection tcp)

cimport cython

from analyzer.net.tcp.reassembly cimport Half, Syn, TcpConnection


cdef class Twin:
    cdef public long long number, first_frame, first_ns, sent
    cdef public bytes key
    cdef public int opener
    cdef public Syn syn


cdef class Twins:
    cdef dict _known, _older

    @cython.locals(
        low=Half, high=Half, a=cython.longlong, b=cython.longlong, numbers=cython.ulonglong, twin=Twin, known=Twin)
    cpdef see(self, TcpConnection tcp)

cimport cython

from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.net.tcp.reassembly cimport TcpConnection


cdef class Opened:
    cdef public long long count, burst, burst_ns, last_ns
    cdef public bytes pair
    cdef public Opened older, newer

    cpdef void unlink(self) noexcept
    cpdef void link(self, Opened end) noexcept


cdef class Bursts:
    cdef public dict pairs
    cdef Opened _end

    @cython.locals(tcp=TcpConnection, now=cython.longlong, seen=Opened, idle=Opened, end=Opened, pair=bytes)
    cpdef opened(self, connections)

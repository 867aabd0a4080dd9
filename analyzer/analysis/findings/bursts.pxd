cimport cython

from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.net.tcp.reassembly cimport TcpConnection


cdef class Opened:
    cdef public long long count, burst, burst_ns, last_ns


cdef class Bursts:
    cdef public object pairs

    @cython.locals(tcp=TcpConnection, now=cython.longlong, seen=Opened, pair=tuple)
    cpdef opened(self, connections)

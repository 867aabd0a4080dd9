from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.net.tcp.reassembly cimport TcpConnection


cdef class Builder:
    cdef public str capture
    cdef public object ordinary, sealed
    cdef bint _show_secrets
    cdef dict _flags, _statuses, _fingerprints, _kinds

    cpdef told(self, TcpConnection tcp, Conversation conversation, evidence)
    cdef _sealed(self, TcpConnection tcp, Conversation conversation, evidence)


cdef _first_of(long long mine, long long theirs)
cdef _between(start, stop)

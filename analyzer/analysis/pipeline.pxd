cimport cython

from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.analysis.conversation.login_shapes cimport PlainSession
from analyzer.analysis.findings.bursts cimport Bursts
from analyzer.net.tcp.flow_table cimport FlowTable
from analyzer.net.tcp.reassembly cimport TcpConnection
from analyzer.net.tcp.twins cimport Twins


@cython.locals(total=cython.longlong)
cdef long long _turn(long long number, long long processes)


cdef class InOrder

cdef class Analysis:
    cdef public str name
    cdef public object options, totals, evidence, memory, shapes
    cdef public object _builder, _decoder, _settings, _memo, _waiting, _holds_back
    cdef public InOrder order
    cdef public FlowTable _flows
    cdef public Bursts _bursts
    cdef public dict _shown
    cdef public long long _begun, _followed, _turns

    cpdef _follow(self, TcpConnection tcp)

    @cython.locals(conversation=Conversation, twins=Twins)
    cpdef _finished(self, TcpConnection tcp)

    @cython.locals(plain=PlainSession)
    cpdef _resolved(self, TcpConnection tcp, Conversation conversation, shown, twin)


cdef class InOrder:
    cdef object _open, _spool
    cdef list _heap
    cdef dict _waiting, _on_disk
    cdef Py_ssize_t _packets

    cpdef opened(self, list connections)
    cpdef none(self, long long number)
    cpdef add(self, long long number, result)
    @cython.locals(tcp=TcpConnection, handler=Conversation)
    cpdef floor(self)
    cpdef _take(self, long long number)

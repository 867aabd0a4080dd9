from analyzer.analysis.conversation.observer cimport TurnObserver
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.reassembly cimport TcpConnection


cdef object _NONE_WAIT
cdef tuple _NOBODY


cdef class CommandTracker(TurnObserver):
    cdef public TcpConnection tcp
    cdef public int client
    cdef public bint certain, _due
    cdef public long long number
    cdef public object touched, context, database, user, _ends, _sink, _waiting
    cdef public list _held
    cdef public tuple _session

    cpdef start(self, TcpConnection tcp, list sink)
    cpdef begin(self, int client)
    cpdef login(self, record, machine)
    cpdef turn(self, PlainTurn turn, machine)
    cpdef count(self, PlainTurn turn)

cimport cython

from analyzer.analysis.connection.ordinary cimport has_signs, is_before
from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.analysis.conversation.login_shapes cimport PlainSession
from analyzer.analysis.conversation.sealed_session cimport SealedSession
from analyzer.analysis.conversation.session_facts cimport ClosingFacts
from analyzer.net.tcp.reassembly cimport Half, TcpConnection


cdef class SealedKinds:
    cdef set _seen
    cdef dict _known, _learnt
    cdef public object due

    cpdef told(self, TcpConnection tcp, Conversation conversation, evidence)


@cython.locals(plain=PlainSession, sealed=SealedSession, closing=ClosingFacts, client=Half, server=Half)
cdef _key(TcpConnection tcp, Conversation conversation)
@cython.locals(
    plain=PlainSession, sealed=SealedSession, client=Half, server=Half, greeting_ns=cython.longlong, asked_ns=cython.longlong)
cdef _row(TcpConnection tcp, Conversation conversation)

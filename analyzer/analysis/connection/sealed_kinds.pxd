cimport cython

from analyzer.analysis.connection.ordinary cimport (
    LoginPlaces, alike_of, answered, has_signs, is_before, may_be_check, regular_places, row_of)
from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.analysis.conversation.login_shapes cimport PlainSession
from analyzer.analysis.conversation.sealed_session cimport SealedSession
from analyzer.analysis.conversation.session_facts cimport ClosingFacts
from analyzer.net.tcp.reassembly cimport Half, TcpConnection


cdef class SealedKinds:
    cdef set _seen
    cdef dict _known, _learnt, _places
    cdef public object due

    @cython.locals(sealed=SealedSession, plain=PlainSession)
    cpdef told(self, TcpConnection tcp, Conversation conversation, evidence)
    @cython.locals(sealed=SealedSession, plain=PlainSession, places=LoginPlaces)
    cdef _told_opened(self, TcpConnection tcp, Conversation conversation)


@cython.locals(plain=PlainSession, asked=PlainSession, sealed=SealedSession, closing=ClosingFacts, client=Half, server=Half)
cdef _key(TcpConnection tcp, Conversation conversation)
@cython.locals(
    plain=PlainSession, sealed=SealedSession, client=Half, server=Half, greeting_ns=cython.longlong, asked_ns=cython.longlong)
cdef _row(TcpConnection tcp, Conversation conversation)
@cython.locals(
    plain=PlainSession, sealed=SealedSession, greeting_ns=cython.longlong, asked_ns=cython.longlong,
    secured_ns=cython.longlong)
cdef _row_opened(TcpConnection tcp, Conversation conversation, LoginPlaces places, tuple codes)

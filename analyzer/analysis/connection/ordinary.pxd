cimport cython

from analyzer.analysis.connection.kinds cimport ConnectionKind
from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.analysis.conversation.login_shapes cimport LoginShape, PlainSession, SessionShape, answered
from analyzer.analysis.conversation.session_facts cimport ClosingFacts, CommandFacts
from analyzer.net.tcp.reassembly cimport Half, TcpConnection

cdef long long _SHORT_NS, _FEW, _WORTH_NS


cdef class LoginPlaces:
    cdef public list frames, times, attributes
    cdef public Py_ssize_t greeted, logged_in, decided, thread, thread_end
    cdef public dict names
    cdef public bint full


cdef class Ordinary:
    cdef dict _known, _places
    cdef public object due

    @cython.locals(
        plain=PlainSession, places=LoginPlaces, client=Half, server=Half, codes=tuple, kind=ConnectionKind,
        session=SessionShape)
    cpdef told(self, TcpConnection tcp, Conversation conversation, evidence)
    @cython.locals(plain=PlainSession, codes=tuple)
    cpdef learn(self, TcpConnection tcp, Conversation conversation, alike, met)


@cython.locals(places=LoginPlaces)
cpdef LoginPlaces regular_places(dict known, Conversation conversation, PlainSession plain)
cpdef alike_of(ConnectionKind kind, tuple row, PlainSession plain, LoginPlaces places)
cpdef bint has_signs(TcpConnection tcp, evidence) except -1
@cython.locals(answers=CommandFacts, closing=ClosingFacts)
cdef bint _is_regular(PlainSession plain, int client, LoginPlaces places) except -1
cdef bint _place_matters(Conversation conversation, LoginPlaces places) except -1
@cython.locals(answers=CommandFacts, counts=dict, opening=list, login=cython.longlong)
cpdef bint may_be_check(TcpConnection tcp, PlainSession plain, LoginPlaces places, ConnectionKind kind) except -1
@cython.locals(
    frames=list, times=list, counts=dict, row=list, client=Half, server=Half, place=Py_ssize_t, byte=Py_ssize_t,
    greeting=bytes, thread="unsigned long long", syn_ns=cython.longlong, connected_ns=cython.longlong,
    greeting_ns=cython.longlong, login_ns=cython.longlong, verdict_ns=cython.longlong, total_ns=cython.longlong)
cpdef row_of(
    TcpConnection tcp, Conversation conversation, PlainSession plain, LoginPlaces places, tuple codes, tls_ns, inside)
cpdef bint is_before(long long mine, long long theirs)

cimport cython

from analyzer.analysis.conversation.fast_path cimport TurnTerms, plain_turns
from analyzer.analysis.conversation.login_shapes cimport LoginShape, LoginShapes, Newcomer, PlainSession
from analyzer.analysis.conversation.observer cimport TurnObserver
from analyzer.analysis.conversation.sealed_session cimport SealedSession
from analyzer.analysis.conversation.session_facts cimport ClosingFacts
from analyzer.net.tcp.pieces cimport Pieces, PiecesHandler
from analyzer.net.tcp.reassembly cimport TcpConnection


cdef class Conversation(PiecesHandler):
    cdef public TcpConnection tcp
    cdef public object kind, middle_port, observer, settings
    cdef public int client
    cdef public LoginShape shape
    cdef public PlainSession plain
    cdef public object place
    cdef Newcomer _newcomer
    cdef LoginShapes _shapes
    cdef object _decoder, _facts, _inside_tls, _machine, _proxy, _resync, _rest, _tls, _undecided

    @cython.locals(
        newcomer=Newcomer, plain=PlainSession, terms=TurnTerms, shapes=LoginShapes, begin=Py_ssize_t, unknown=bint)
    cpdef void pieces(self, Pieces pieces, Py_ssize_t first, Py_ssize_t last)
    @cython.locals(known=TurnObserver)
    cpdef recognise(self, Newcomer newcomer, LoginShape shape)
    cdef _recognised(self, PlainSession plain)
    @cython.locals(plain=PlainSession)
    cpdef long long turns(self) except -1
    @cython.locals(known=TurnObserver)
    cpdef _tell_login(self, PlainSession plain, machine)
    @cython.locals(known=TurnObserver)
    cdef bint _takes_sessions(self) except -1
    @cython.locals(known=TurnObserver)
    cdef bint _takes_session(self, PlainSession plain, Pieces pieces, Py_ssize_t first, Py_ssize_t last) except -1
    @cython.locals(known=TurnObserver)
    cpdef bint hear_session(self, PlainSession plain, Pieces pieces, Py_ssize_t first, Py_ssize_t last) except -1
    cpdef turned(self, int sequence, bint quits)
    cpdef look_closely(self)
    cpdef record_place(self, long long nth, long long burst, long long burst_ns)
    cpdef bint needs_numbers(self)
    cpdef _followed(self, Newcomer newcomer)
    @cython.locals(plain=PlainSession)
    cpdef TurnTerms _terms(self)
    @cython.locals(newcomer=Newcomer, first=Py_ssize_t, last=Py_ssize_t, inner=Pieces, terms=TurnTerms)
    cpdef bint _opened(self, PlainSession plain, SealedSession sealed) except -1
    cpdef hear_sealed(self, Pieces pieces, Py_ssize_t first, Py_ssize_t last)
    cpdef bint hear_inside(self, Newcomer newcomer, LoginShape shape) except -1
    @cython.locals(sealed=SealedSession, begin=Py_ssize_t)
    cpdef Py_ssize_t seal(self, PlainSession plain, Pieces pieces, Py_ssize_t first, Py_ssize_t last)
    @cython.locals(plain=PlainSession, closing=ClosingFacts)
    cpdef end(self, int sender, str kind, long long frame, long long time_ns)

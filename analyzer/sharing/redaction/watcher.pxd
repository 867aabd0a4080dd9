cimport cython

from analyzer.analysis.conversation.login_shapes cimport LoginShape, Newcomer, PlainSession
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.pieces cimport Pieces
from analyzer.net.tcp.reassembly cimport TcpConnection
from analyzer.sharing.redaction.logins cimport KnownLogins, RedactedLogin
from analyzer.sharing.redaction.sealed_text cimport SealedText
from analyzer.sharing.redaction.streams cimport RedactedStream
from analyzer.sharing.redaction.turns cimport TurnRedactor
from analyzer.sharing.watched cimport ConversationObserver, WatchedConversation, WatchedLogin


cdef class RedactingWatcher(ConversationObserver):
    cdef TcpConnection _tcp
    cdef TurnRedactor _turns
    cdef WatchedConversation _conversation
    cdef tuple _spools, _streams, _before
    cdef object _packets, _plain, _sessions, _ends, _escapes, _context, _unseen
    cdef SealedText _inside
    cdef int _client
    cdef bint _decoded, _over, _passing, _proxied

    @cython.locals(
        turns=TurnRedactor, logins=KnownLogins, known=RedactedLogin, made=list)
    cpdef bint known_login(self, LoginShape shape, WatchedLogin login)

    @cython.locals(
        made=list, streams=tuple, stream=RedactedStream, index=Py_ssize_t, sender=cython.int, place=cython.longlong)
    cdef list _put_login(self, RedactedLogin known, WatchedLogin login)

    cpdef bint whole(self) except -1

    @cython.locals(
        turns=TurnRedactor, shape=LoginShape, client=cython.int, logins=KnownLogins, known=RedactedLogin,
        sender=cython.int, made=bytes, stream=RedactedStream)
    cpdef bint known_session(self, PlainSession plain, WatchedLogin login, dict ends) except -1

    cdef list _as_known(self, RedactedLogin known, list contents)

    @cython.locals(
        turns=TurnRedactor, logins=KnownLogins, known=RedactedLogin, inside=SealedText, index=Py_ssize_t,
        role=cython.int)
    cpdef bint known_inside(self, LoginShape shape, Newcomer login) except -1

    @cython.locals(
        turns=TurnRedactor, asks=RedactedStream, answers=RedactedStream, pieces=Pieces, begin=Py_ssize_t,
        middle=Py_ssize_t, stop=Py_ssize_t, made=bytes)
    cpdef turn(self, PlainTurn turn, machine)

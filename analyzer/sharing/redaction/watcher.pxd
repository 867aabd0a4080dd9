cimport cython

from analyzer.analysis.conversation.login_shapes cimport LoginShape
from analyzer.analysis.conversation.plain_turn cimport PlainTurn
from analyzer.net.tcp.reassembly cimport TcpConnection
from analyzer.sharing.redaction.logins cimport KnownLogins, RedactedLogin
from analyzer.sharing.redaction.streams cimport RedactedStream
from analyzer.sharing.redaction.turns cimport TurnRedactor
from analyzer.sharing.watched cimport ConversationObserver, WatchedConversation, WatchedLogin


cdef class RedactingWatcher(ConversationObserver):
    cdef TcpConnection _tcp
    cdef TurnRedactor _turns
    cdef WatchedConversation _conversation
    cdef tuple _spools, _streams, _before
    cdef object _packets, _plain, _ends, _escapes, _context
    cdef int _client
    cdef bint _over, _passing, _proxied

    @cython.locals(
        turns=TurnRedactor, logins=KnownLogins, known=RedactedLogin, made=list, streams=tuple, stream=RedactedStream,
        index=Py_ssize_t, sender=cython.int, place=cython.longlong, counts=dict)
    cpdef bint known_login(self, LoginShape shape, WatchedLogin login)

cimport cython

from analyzer.analysis.conversation.conversation cimport Conversation
from analyzer.analysis.conversation.login_shapes cimport LoginShape, Newcomer, PlainSession
from analyzer.analysis.conversation.observer cimport TurnObserver
from analyzer.net.tcp.pieces cimport Pieces
from analyzer.sharing.places cimport Places

cdef long long _NUMBERS


cdef class WatchedLogin:
    cdef public list senders, contents, frames, places

    @cython.locals(due=list, index=Py_ssize_t, sender=cython.int, number=cython.longlong)
    cpdef place(self, list starts, Places places)


cdef class ConversationObserver(TurnObserver):
    cpdef bint known_login(self, LoginShape shape, WatchedLogin login)
    cpdef bint known_inside(self, LoginShape shape, Newcomer login) except -1
    cpdef bint known_session(self, PlainSession plain, WatchedLogin login, dict ends) except -1


cdef class WatchedConversation(Conversation):
    cdef Places _places
    cdef list _watchers
    cdef bint _seals

    cpdef bint needs_numbers(self)
    @cython.locals(watcher=ConversationObserver, known=cython.bint)
    cpdef bint hear_inside(self, Newcomer newcomer, LoginShape shape) except -1
    @cython.locals(place=Py_ssize_t, opens=Py_ssize_t, data=bytes, sender=cython.int, plain=PlainSession)
    cpdef hear_sealed(self, Pieces pieces, Py_ssize_t first, Py_ssize_t last)

    @cython.locals(
        starts=list, senders=list, contents=list, piece=Py_ssize_t, row=Py_ssize_t, sender=cython.int,
        login=WatchedLogin, known=cython.bint, watcher=ConversationObserver)
    cpdef bint hear_session(self, PlainSession plain, Pieces pieces, Py_ssize_t first, Py_ssize_t last) except -1

    @cython.locals(login=WatchedLogin, known=cython.bint, watcher=ConversationObserver)
    cpdef recognise(self, Newcomer newcomer, LoginShape shape)

from analyzer.analysis.conversation.plain_turn cimport PlainTurn


cdef class BaseObserver:
    pass


cdef class TurnObserver(BaseObserver):
    cpdef begin(self, int client)
    cpdef login(self, record, machine)
    cpdef turn(self, PlainTurn turn, machine)
    cpdef bint whole(self) except -1
    cpdef bint session(self, plain, dict ends) except -1

from analyzer.analysis.conversation.plain_turn cimport PlainTurn


cdef class BaseObserver:
    pass


cdef class TurnObserver(BaseObserver):
    cpdef turn(self, PlainTurn turn, machine)

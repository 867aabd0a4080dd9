cimport cython


cdef class History:
    cdef public object ended, logins, accepted, durations, idle, kills

    cpdef note(self, note)
    @cython.locals(server=tuple, pairs=list, counts=list)
    cpdef logged_in(self, known, str client, total_ns)

cdef class History:
    cdef public object ended, logins, accepted, durations, idle, kills

    cpdef note(self, note)
    cdef _login(self, note)

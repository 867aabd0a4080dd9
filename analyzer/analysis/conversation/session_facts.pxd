cimport cython

cdef Py_ssize_t _HEAD
cdef int _QUERY, _KILLER


@cython.no_gc
cdef class ClosingFacts:
    cdef public object error, end, reset
    cdef public str error_phase
    cdef public long long error_frame, error_ns, unasked_frame, spoke_ns, quiet_ns


@cython.no_gc
cdef class CommandFacts:
    cdef public dict counts
    cdef public list opening
    cdef public tuple errors, overlaps, after_quit, kills
    cdef public object last, left, cut, early, error_counts
    cdef public bint begun
    cdef public long long turns, waiting, overlap_count

    cpdef bint is_orderly(self) except -1
    cpdef count(self, int code, long long times)
    @cython.locals(head=bytes)
    cpdef record_sent(self, int code, bytes payload, long long length, long long frame, long long time_ns)
    @cython.locals(code=cython.int)
    cpdef record_plain(self, bytes data, long long frame, long long time_ns)
    cpdef record_error(self, error, long long frame, long long time_ns, code, command)

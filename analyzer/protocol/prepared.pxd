cdef class PreparedStatements:
    cdef dict _by_id, _forgotten
    cdef long long _bytes
    cdef public long long dropped
    cdef public object last

    cpdef get(self, long long statement_id)
    cpdef prepared(self, statement, long long statement_id, num_params, num_columns)
    cpdef add(self, str query, long long statement_id, num_params, num_columns)
    cpdef clear(self)
    cpdef drop(self, long long statement_id)
    cdef _replace(self, long long statement_id, statement)
    cdef _keep(self, long long statement_id, statement)

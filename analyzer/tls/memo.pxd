cdef class TlsMemo:
    cdef dict _certificates, _suites, _openings
    cdef object _clients, _servers

    cpdef suite(self, int code)
    cpdef opening(self, int code)
    cpdef certificate(self, bytes der)
    cpdef client_hello(self, bytes body)
    cpdef server_hello(self, bytes body)
    cpdef known_client(self, bytes body)
    cpdef known_server(self, bytes body)

cdef class Aead13:
    cdef object _aead, _iv

    cpdef open(self, unsigned long long sequence, header, body)
    cpdef chain(self, before)

cimport cython


@cython.final
cdef class Aead13:
    cdef object _decrypt
    cdef bytes _iv
    cdef bytearray _nonce

    @cython.locals(iv=bytes, nonce=bytearray, place=Py_ssize_t)
    cpdef open(self, unsigned long long sequence, header, body)
    cpdef chain(self, before)

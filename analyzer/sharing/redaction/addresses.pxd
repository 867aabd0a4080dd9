cimport cython


cdef class AddressMap:
    cdef object _stream
    cdef dict _kept, _macs, _networks, _offsets, _orders

    @cython.locals(found=bytes)
    cpdef bytes packed(self, bytes address)

    cpdef long long offset(self, bytes address) except -1

    @cython.locals(found=bytes, drawn=bytes)
    cpdef bytes mac(self, bytes address)

    @cython.locals(name=bytes, found=tuple, drawn=bytes, weights=list)
    cdef tuple _order(self, bytes prefix, tuple values)

    cdef bytes _v4(self, bytes address)

    @cython.locals(before=bytes, octet=cython.int, made=bytes, order=tuple, values=tuple)
    cdef bytes _octets(self, bytes octets)

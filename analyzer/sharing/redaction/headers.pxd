cimport cython

from analyzer.sharing.redaction.addresses cimport AddressMap


cdef class HeaderRedactor:
    cdef AddressMap _addresses
    cdef bint _keep
    cdef dict _links, _ends

    @cython.locals(before=bytes, after=bytes)
    cpdef envelope(self, bytes frame, int link_type)

    cdef bytes _mac(self, bytes raw)

    @cython.locals(found=tuple)
    cdef tuple _end(self, bytes raw)

    cdef bytes _address(self, bytes raw)

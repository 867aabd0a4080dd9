cimport cython

from analyzer.sharing.redaction.drawing cimport Drawing

cdef int _STAYS, _NOISE, _TEXT


cdef class RedactedField:
    cdef public Py_ssize_t start, stop
    cdef public int rule

    @cython.locals(raw=bytes)
    cdef put(self, replacements, Drawing drawing, bytes data, bytearray out)


cdef class RedactedLogin:
    cdef public list pieces, fields
    cdef public dict counts
    cdef public object escapes
    cdef public Py_ssize_t version, zeroed

    @cython.locals(index=Py_ssize_t, fields=list, field=RedactedField, drawing=Drawing, out=bytearray, piece=bytes)
    cdef list made(self, replacements, list contents)


cdef class KnownLogins:
    cdef object _replacements
    cdef bint _keep_attributes
    cdef dict _known

    @cython.locals(found=RedactedLogin)
    cpdef RedactedLogin get(self, shape, Py_ssize_t version)

    @cython.locals(one=RedactedField)
    cpdef learn(self, shape, list contents, list made, dict counts, tuple rest)

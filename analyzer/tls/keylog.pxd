cimport cython

cdef Py_ssize_t _WORDS
cdef int _CR, _LF


cdef class KeyLog:
    cdef dict _secrets, _masters, _tails
    cdef long long _most, _room
    cdef public long long generation, ignored, remembered
    cdef public object more
    cdef public bint complete, refused

    @cython.locals(begin=Py_ssize_t, place=Py_ssize_t, data="const char*")
    cdef _lines(self, bytes text, Py_ssize_t end)
    @cython.locals(secret=bytes)
    cpdef bytes find(self, str label, bytes belongs_to)
    @cython.locals(words=list, known=tuple, means_nothing=bint, label=str, width=Py_ssize_t, belongs_to=bytes, secret=bytes, key=tuple, secrets=dict)
    cdef _line(self, bytes line, bint tentative=*)

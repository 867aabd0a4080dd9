cimport cython

from analyzer.tls.ciphers cimport Aead13
from analyzer.tls.keylog cimport KeyLog
from analyzer.tls.keys cimport Schedule13

cdef Py_ssize_t _MESSAGE_HEADER, _ALERT_SIZE
cdef int _ALERT, _APPLICATION_DATA, _HANDSHAKE, _CLIENT
cdef int _TICKET, _FINISHED, _VERIFY, _EXTENSIONS, _REQUEST, _CERTIFICATE, _COMPRESSED


cdef class CleanOpener:
    cdef list _keys
    cdef int _now[2]
    cdef unsigned long long _sequences[2]
    cdef public bytearray outline

    @cython.locals(
        side=cython.int, now=cython.int, number=cython.ulonglong, aead=Aead13, opened=bytes, end=Py_ssize_t, kind=cython.int,
        outline=bytearray)
    cpdef bytes open(self, int sender, bytes header, bytes body)
    @cython.locals(pos=Py_ssize_t, stop=Py_ssize_t, kind=cython.int, outline=bytearray)
    cdef bint _messages(self, int side, bytes data, Py_ssize_t end) except -1


cdef bytes _part(const char* data, Py_ssize_t begin, Py_ssize_t end)


cdef class CleanOpening:
    cdef Schedule13 _schedule

    @cython.locals(secret=bytes, key=Aead13)
    cpdef CleanOpener opener(self, KeyLog log, bytes random)

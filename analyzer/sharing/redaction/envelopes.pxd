cimport cython

from analyzer.sharing.redaction.columns cimport FrameColumns
from analyzer.sharing.redaction.drawing cimport copy_octets

cdef long long _SCATTERED
cdef int _TCP, _TCP_HEADER, _ENHANCED_PACKET, _BLOCK, _END, _NOP, _MSS, _SCALE, _SACK_PERMITTED, _SACK, _STAMPS
cdef int _STAMPS_SIZE
cdef unsigned long long _WORD
cdef long long _NEAR, _SPAN
cdef Py_ssize_t _CHUNK
cdef bint _SWAPPED


cdef class Envelope:
    cdef public bytes before, after, ends, made
    cdef public int version
    cdef public long long stamp, peer_stamp


cdef class FrameCopier:
    cdef public bytearray room
    cdef unsigned char[::1] _room
    cdef public Py_ssize_t used, frames
    cdef unsigned long long _sum
    cdef bytearray _chunk
    cdef unsigned long long[::1] _words

    @cython.locals(
        room="unsigned char[::1]", end=Py_ssize_t, number=Py_ssize_t, which=Py_ssize_t, size=Py_ssize_t,
        fill=Py_ssize_t, start=Py_ssize_t, index=Py_ssize_t)
    cpdef Py_ssize_t copy(
        self, FrameColumns columns, Py_ssize_t first, const unsigned char[::1] data, bytearray payloads, list envelopes)

    @cython.locals(size=Py_ssize_t, fill=Py_ssize_t, start=Py_ssize_t)
    cpdef bint add(self, bytes frame, long long time_ns, long long interface)

    @cython.locals(block=Py_ssize_t, at=Py_ssize_t)
    cdef void _block(self, long long interface, long long time_ns, Py_ssize_t size, long long original)

    @cython.locals(index=cython.int)
    cdef void _put(self, Py_ssize_t at, long long number)

    @cython.locals(
        room="unsigned char[::1]", offset=Py_ssize_t, size=Py_ssize_t, at=Py_ssize_t, length=Py_ssize_t,
        payload=cython.longlong, before=bytes, after=bytes, ends=bytes, made=bytes, ip=Py_ssize_t, width=Py_ssize_t,
        first=Py_ssize_t, tcp=Py_ssize_t, index=Py_ssize_t, begin=Py_ssize_t, wire=cython.ulonglong,
        addresses=cython.ulonglong)
    cdef bint _frame(
        self, FrameColumns columns, Py_ssize_t number, const unsigned char[::1] data,
        bytearray payloads, Envelope envelope, Py_ssize_t start)

    @cython.locals(
        room="unsigned char*", words="unsigned long long[::1]", index=Py_ssize_t, total=cython.ulonglong,
        begin=Py_ssize_t, size=Py_ssize_t, count=Py_ssize_t, number=Py_ssize_t, word=cython.ulonglong)
    cdef void _payload(
        self, bytearray payloads, Py_ssize_t payload, Py_ssize_t at, Py_ssize_t length)

    @cython.locals(room="unsigned char[::1]", index=Py_ssize_t, total=cython.ulonglong)
    cdef void _add(self, Py_ssize_t at, Py_ssize_t size)

    @cython.locals(total=cython.ulonglong)
    cdef void _check(self, Py_ssize_t at)

    @cython.locals(room="unsigned char[::1]", index=Py_ssize_t, end=Py_ssize_t, kind=cython.int)
    cdef void _options(
        self, const unsigned char[::1] data, Py_ssize_t tcp, Py_ssize_t size, Py_ssize_t at, Envelope envelope)

    @cython.locals(room="unsigned char[::1]", number=cython.longlong, index=cython.int)
    cdef void _move(self, Py_ssize_t at, long long by)


@cython.locals(number=cython.longlong, index=cython.int)
cdef long long _big(const unsigned char[::1] data, Py_ssize_t at)

@cython.locals(index=Py_ssize_t, place=Py_ssize_t, kind=cython.int, size=Py_ssize_t, seen=bint)
cpdef void copy_options(
    const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop, unsigned char[::1] out, Py_ssize_t at,
    long long ack)

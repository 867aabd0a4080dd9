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
    cdef unsigned long long sums


cdef class FrameCopier:
    cdef readonly bytearray room
    cdef public Py_ssize_t used, frames
    cdef bytearray _chunk
    cdef unsigned long long[::1] _words

    @cython.locals(
        room="unsigned char*", end=Py_ssize_t, most=Py_ssize_t, number=Py_ssize_t, which=Py_ssize_t, offset=Py_ssize_t,
        size=Py_ssize_t, start=Py_ssize_t, index=Py_ssize_t)
    cpdef Py_ssize_t copy(
        self, FrameColumns columns, Py_ssize_t first, data, bytearray payloads, list envelopes) except -1

    @cython.locals(size=Py_ssize_t, fill=Py_ssize_t, start=Py_ssize_t)
    cpdef bint add(self, bytes frame, long long time_ns, long long interface) except -1

    @cython.locals(block=Py_ssize_t, at=Py_ssize_t)
    cdef void _block(
        self, unsigned char* room, long long interface, long long time_ns, Py_ssize_t size,
        long long original) noexcept

    @cython.locals(
        offset=Py_ssize_t, size=Py_ssize_t, at=Py_ssize_t, length=Py_ssize_t, payload=cython.longlong,
        before="const unsigned char*", ends="const unsigned char*", ip=Py_ssize_t, width=Py_ssize_t, first=Py_ssize_t,
        tcp=Py_ssize_t, index=Py_ssize_t, begin=Py_ssize_t, wire=cython.ulonglong, sums=cython.ulonglong)
    cdef int _frame(
        self, FrameColumns columns, Py_ssize_t number, const unsigned char* data, bytearray payloads,
        Envelope envelope, unsigned char* room, Py_ssize_t start) except -1

    @cython.locals(
        words="unsigned long long[::1]", total=cython.ulonglong, begin=Py_ssize_t, size=Py_ssize_t, count=Py_ssize_t,
        number=Py_ssize_t, word=cython.ulonglong)
    cdef unsigned long long _sum_of(self, bytearray payloads, Py_ssize_t payload, Py_ssize_t length) except? 1

    @cython.locals(room="unsigned char*", index=Py_ssize_t, end=Py_ssize_t, kind=cython.int)
    cdef void _options(
        self, const unsigned char* data, Py_ssize_t tcp, Py_ssize_t size, Py_ssize_t at, Envelope envelope)


cdef void _put(unsigned char* out, Py_ssize_t at, long long number) noexcept

@cython.locals(index=Py_ssize_t, total=cython.ulonglong)
cdef unsigned long long _sum(const unsigned char* octets, Py_ssize_t at, Py_ssize_t size) noexcept

cdef void _put_sum(unsigned char* out, Py_ssize_t at, unsigned long long total) noexcept

@cython.locals(number=cython.longlong)
cdef void _move(unsigned char* out, Py_ssize_t at, long long by) noexcept

@cython.locals(number=cython.longlong)
cdef long long _big(const unsigned char* data, Py_ssize_t at) noexcept

@cython.locals(index=Py_ssize_t, place=Py_ssize_t, kind=cython.int, size=Py_ssize_t, seen=bint)
cpdef void copy_options(
    const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at,
    long long ack) noexcept

cimport cython

from analyzer.batches cimport copied
from analyzer.net.tcp.grouping cimport endpoints_of
from analyzer.net.tcp.pieces cimport Pieces, PiecesHandler, Segments



cdef int _ACK, _FIN, _RST, _SYN
cdef long long _PAUSE, _MASK, _HALF, _FAR


cpdef long long difference(long long a, long long b) noexcept
cpdef bint is_far(long long due, long long number) noexcept


cdef class _Segment:
    cdef public long long seq, ack, missing, frame, time_ns
    cdef public bytes data
    cdef public bint fin


cdef class _Seen:
    cdef public long long ack, captured, checksum, frame, time_ns
    cdef public int flags
    cdef public bytes headers
    cdef public bint twice


@cython.final
@cython.no_gc
cdef class Syn:
    cdef public long long seq, ack, frame, time_ns
    cdef public int flags
    cdef public bytes headers
    cdef public bint due

    cpdef long long identification(self)


@cython.final
@cython.no_gc
cdef class Half:
    cdef public long long next, highest, acked, due, start, window, held_bytes, fin_frame, rst_frame, largest, bytes
    cdef public bint fin, fin_unseen, unsure
    cdef public list held, spans
    cdef public dict recent
    cdef public Py_ssize_t memory
    cdef public Syn syn
    cdef public object sizes

    cpdef void begin(self, long long seq) noexcept
    @cython.locals(lead=cython.longlong)
    cpdef void begin_with(self, long long seq, long long size) noexcept
    cpdef void expect(self, long long number) noexcept
    cpdef void acknowledge(self, long long number) noexcept
    cdef bint acknowledged_again(self, long long number, int flags) noexcept
    cpdef void finish(self, long long frame) noexcept
    cpdef bint reset(self, long long frame) noexcept
    @cython.locals(syn=Syn)
    cdef dict remembered(self)
    @cython.locals(one=_Seen)
    cpdef set hops(self)
    @cython.locals(key=tuple)
    cdef void remember(self, long long seq, long long size, _Seen seen)
    cdef int compared(self, long long seq, _Seen old, _Seen new)


cdef class TcpConnection:
    cdef public bytes key
    cdef public object handler, syn_ns, synack_ns, connected_ns, trouble
    cdef object _endpoints
    cdef public tuple halves
    cdef public int opener
    cdef public list piece_acks
    cdef public long long number, first_frame, first_ns, last_frame, last_ns, piece_seq
    cdef public long long retransmissions, out_of_order, gaps, impatience

    @cython.locals(
        segments=Segments, low=Half, high=Half, half=Half, peer=Half, handed=Py_ssize_t, known=Py_ssize_t,
        place=Py_ssize_t, row=Py_ssize_t, flags=cython.int, sender=cython.int, size=cython.longlong,
        seq=cython.longlong, ack=cython.longlong, window=cython.longlong, frame=cython.longlong,
        time_ns=cython.longlong, followed=cython.bint, plain=cython.bint, syn=Syn)
    cpdef Py_ssize_t take(self, Pieces pieces, Py_ssize_t begin, Py_ssize_t stop)

    @cython.locals(ends=cython.int)
    cdef bint _in_order(
        self, Half half, Half peer, int sender, int flags, long long size, long long seq, long long ack,
        long long window, long long time_ns)

    cdef bint _opens(
        self, Half half, Half peer, int sender, int flags, long long size, long long ack, long long window, long long time_ns)

    cpdef bytes pair(self)

    @cython.locals(low=Half, high=Half)
    cdef Syn _first_syn(self)

    cdef void _segment_of(self, Segments segments, Py_ssize_t row)

    @cython.locals(last=Py_ssize_t, stop=Py_ssize_t, taker=PiecesHandler)
    cdef void _hand_on(self, Pieces pieces, Py_ssize_t first)

    @cython.locals(segments=Segments, row=Py_ssize_t, piece=Py_ssize_t, half=Half, size=cython.longlong, offset=Py_ssize_t)
    cdef void _remember(self, Pieces pieces, Py_ssize_t first)

    @cython.locals(half=Half, peer=Half, isn=cython.longlong, syn=Syn)
    cpdef bint is_new_connection(self, int sender, long long seq, long long ack, int flags)

    @cython.locals(half=Half, peer=Half, sender=cython.int, flags=cython.int, size=cython.longlong, offset=cython.longlong, awaited=cython.longlong)
    cpdef bint is_of_another(self, Segments segments, Py_ssize_t row)

    @cython.locals(isn=cython.longlong)
    cpdef bint _answers(self, int sender, long long ack, int flags)

    @cython.locals(a=Half, b=Half)
    cpdef bint has_ended(self)

    @cython.locals(syn=Syn)
    cdef long long _isn(self)

    @cython.locals(a=Half, b=Half, half=Half)
    cpdef flush(self)

    @cython.locals(half=Half, peer=Half, size=cython.longlong, known=cython.int)
    cpdef void segment(
        self, int sender, long long seq, long long ack, int flags, bytes data, long long missing, long long frame,
        long long time_ns, long long window=*, bytes headers=*)

    @cython.locals(half=Half, peer=Half)
    cdef _take_ack(
        self, int sender, long long seq, long long ack, int flags, long long size, long long frame, long long time_ns,
        long long window, bytes headers)

    @cython.locals(half=Half, syn=Syn)
    cdef void _syn(self, int sender, long long seq, long long ack, int flags, int known, long long frame, long long time_ns, bytes headers)

    @cython.locals(old=_Seen)
    cdef int _known_again(self, Half half, long long seq, long long size, _Seen seen)

    @cython.locals(first=_Segment)
    cdef bint _ready(self, Half half, Half peer)

    @cython.locals(a=Half, b=Half, ready_a=bint, ready_b=bint)
    cdef void _drain(self)

    @cython.locals(half=Half, segment=_Segment, old=cython.longlong, captured_end=cython.longlong, end=cython.longlong, lost=cython.longlong)
    cdef void _deliver(self, int sender)

    cdef bint _acknowledged_hole(self, Half half)
    @cython.locals(taker=PiecesHandler)
    cdef void _end(self, int sender, str kind, long long frame, long long time_ns)

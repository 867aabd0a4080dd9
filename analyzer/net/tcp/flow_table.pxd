cimport cython

from analyzer.net.tcp.pieces cimport Pieces, Segments
from analyzer.net.tcp.reassembly cimport Half, TcpConnection, is_far

cdef int _RST, _SYN


cdef class FlowTable:
    cdef object _factory, _on_rows, _opens, _most, _columns, _networks, _mix
    cdef dict _open
    cdef object _lingering
    cdef dict _tombstones, _older_tombstones
    cdef list _new, _opened, _finished
    cdef public long long connections, evicted
    cdef public object refused

    @cython.locals(segments=Segments, connection=TcpConnection, place=Py_ssize_t, behind=Py_ssize_t, row=Py_ssize_t, closed=bint)
    cdef int _take(self, bytes key, Pieces pieces, Py_ssize_t begin, Py_ssize_t stop) except -1

    @cython.locals(segments=Segments, connection=TcpConnection, place=Py_ssize_t, row=Py_ssize_t)
    cdef void _take_tagged(self, bytes endpoints, Pieces pieces, Py_ssize_t begin, Py_ssize_t stop, list tags)

    cdef bint _is_late(self, bytes key, Segments segments, Py_ssize_t row)

    cdef TcpConnection _create(self, bytes key, long long frame, long long time_ns)

    @cython.locals(low=Half, high=Half)
    cdef _complete(self, TcpConnection connection)

    @cython.locals(first=TcpConnection)
    cdef _forget(self, long long now_ns)

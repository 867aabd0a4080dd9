cimport cython

cdef int _REJECT, _SLOW, _IPV4, _IPV6, _VLAN, _TCP, _UDP, _VXLAN, _ETHERNET, _SLL, _SLL2, _NULL, _RAW_IP, _UNKNOWN
cdef int _MAX_TAGS, _TCP_HEADER, _BY_ETHERTYPE, _BY_FAMILY, _BY_PROTOCOL, _BY_PORT
cdef unsigned long long _VLAN_LABEL, _VNI_LABEL, _INTERFACE_LABEL, _HALF


@cython.final
cdef class SegmentColumns:
    cdef public dict columns
    cdef public Py_ssize_t count
    cdef long long[::1] frame, time_ns, offset, length, missing
    cdef unsigned long long[::1] src_hi, src_lo, dst_hi, dst_lo, tag
    cdef unsigned int[::1] seq, ack
    cdef unsigned short[::1] sport, dport, window
    cdef unsigned char[::1] ip_version, flags

    @cython.locals(last=Py_ssize_t, tag="unsigned long long", label="unsigned long long")
    cpdef int place(self, long long frame, long long time_ns, unsigned int interface) except -1


@cython.final
cdef class PlainPath:
    cdef const unsigned char[::1] _data
    cdef const unsigned char[::1] _ethertypes, _ipv4_protocols, _ipv6_protocols, _null_families, _ports, _source_ports
    cdef public int reason
    cdef public long long number

    @cython.locals(
        last=cython.longlong, link=cython.int, row=Py_ssize_t, at=cython.longlong, count=Py_ssize_t, found=cython.int)
    cdef int _frames(
        self, SegmentColumns out, rest, const long long[::1] number,
        const long long[::1] time_ns, const int[::1] link_type, const long long[::1] offset,
        const long long[::1] captured, const long long[::1] original, bint labelled, const int[::1] interface) except -1

    cdef int _rejected(self, int reason, long long number)

    @cython.locals(family="unsigned long long", code=cython.int, version=cython.int)
    cdef int _link(
        self, SegmentColumns out, int link, long long at, long long end,
        long long wire)

    @cython.locals(ethertype=cython.int, code=cython.int, vlan=cython.ulonglong)
    cdef int _ethernet(
        self, SegmentColumns out, long long type_at, long long at,
        long long end, long long wire, unsigned long long tag, bint inner)

    @cython.locals(
        size=cython.longlong, total=cython.longlong, payload=cython.longlong, protocol=cython.int, header=cython.longlong,
        count=Py_ssize_t)
    cdef int _ip(
        self, SegmentColumns out, int code, long long at, long long end,
        long long wire, unsigned long long tag, bint inner)

    @cython.locals(sport=cython.int, dport=cython.int, code=cython.int, length=cython.longlong)
    cdef int _udp(
        self, SegmentColumns out, long long at, long long end,
        long long wire, unsigned long long tag, bint inner)

    @cython.locals(size=cython.longlong, count=Py_ssize_t, begin=cython.longlong, offset=cython.longlong)
    cdef int _tcp(
        self, SegmentColumns out, long long at, long long end,
        long long wire, unsigned long long tag)

    cdef unsigned long long _be16(self, Py_ssize_t at)

    @cython.locals(high=cython.ulonglong)
    cdef unsigned long long _be32(self, Py_ssize_t at)

cimport cython

cdef int _KEY
cdef unsigned long long _ALL


cdef class Grouping:
    cdef public object sender, order, bounds
    cdef public bytes keys
    cdef public bint tagged

    @cython.locals(
        sender="unsigned char[::1]", mask=cython.ulonglong, found=Py_ssize_t, tags=cython.ulonglong, row=Py_ssize_t,
        a=cython.ulonglong, b=cython.ulonglong, c=cython.ulonglong, d=cython.ulonglong, low=cython.ulonglong,
        high=cython.ulonglong, ports=cython.ulonglong, mixed=cython.ulonglong, slot=cython.ulonglong, group=Py_ssize_t,
        at=Py_ssize_t, same=cython.bint)
    cdef Py_ssize_t _link(
        self, const unsigned long long[::1] mix, int[::1] slots, unsigned long long[::1] keys, long long[::1] first,
        long long[::1] last, long long[::1] following, const unsigned long long[::1] src_hi,
        const unsigned long long[::1] src_lo, const unsigned long long[::1] dst_hi,
        const unsigned long long[::1] dst_lo, const unsigned short[::1] sport, const unsigned short[::1] dport,
        const unsigned char[::1] version, const unsigned long long[::1] tag)

    @cython.locals(order="long long[::1]", bounds="long long[::1]", place=Py_ssize_t, group=Py_ssize_t, row=Py_ssize_t, stop=Py_ssize_t)
    cdef object _collect(
        self, Py_ssize_t found, const long long[::1] first, const long long[::1] last,
        const long long[::1] following)


cdef unsigned long long _mixed(unsigned long long number, unsigned long long factor)


@cython.locals(low=cython.int, high=cython.int)
cpdef tuple endpoints_of(bytes key)

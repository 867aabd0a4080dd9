cimport cython

cdef int _PERMUTED, _LONGEST, _UUID_DIGITS, _FIXED, _DIGIT, _CONTROL, _WIDE
cdef int _WIDE_BIT, _CONTROL_BIT, _LETTER_BIT, _SIGN_BIT
cdef unsigned long long _TEXT, _NUMBER, _ROUND, _MORE
cdef int _ROUNDS, _ZERO
cdef Py_ssize_t _CHUNK
cdef unsigned long long _MASK, _PRIME


cdef class Drawing:
    cdef const unsigned char[::1] _kinds, _marks, _sizes, _ranks, _made
    cdef long long[::1] _places, _digits
    cdef unsigned char[::1] _bytes
    cdef unsigned long long[::1] _words
    cdef unsigned long long _key0, _key1, _s0, _s1, _form

    cpdef bytes ascii(self, bytes value)

    cpdef bytes number(self, bytes value, unsigned long long attempt)

    @cython.locals(
        marks="const unsigned char[::1]", seen=cython.int, size=Py_ssize_t, place=Py_ssize_t, dots=Py_ssize_t,
        dashes=Py_ssize_t, letters=Py_ssize_t, exponents=Py_ssize_t, byte=cython.int)
    cpdef bint fill(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop, unsigned char[::1] out, Py_ssize_t at,
        bint printable)

    @cython.locals(
        kinds="const unsigned char[::1]", made="const unsigned char[::1]", drawn="unsigned char[::1]", kind=cython.int,
        byte=cython.int, place=Py_ssize_t, index=Py_ssize_t, count=Py_ssize_t, vary=Py_ssize_t, size=Py_ssize_t,
        form=cython.ulonglong)
    cdef void _ascii(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop, unsigned char[::1] out, Py_ssize_t at)

    @cython.locals(
        lead=Py_ssize_t, count=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t, byte=cython.int, digit=cython.bint,
        form=cython.ulonglong, drawn="unsigned char[::1]", index=Py_ssize_t)
    cdef void _number(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop, unsigned char[::1] out, Py_ssize_t at,
        unsigned long long attempt)

    @cython.locals(
        places="long long[::1]", digits="long long[::1]", kinds="const unsigned char[::1]",
        words="unsigned long long[::1]", index=Py_ssize_t, middle=Py_ssize_t, turn=cython.int, odd=cython.int,
        known=cython.ulonglong, word=cython.ulonglong, size=cython.longlong, place=cython.longlong, byte=cython.int)
    cdef void _permute(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t count, unsigned char[::1] out, Py_ssize_t at,
        unsigned long long leading)

    @cython.locals(
        words="unsigned long long[::1]", room="unsigned char[::1]", at=Py_ssize_t, size=Py_ssize_t, index=Py_ssize_t)
    cdef void _hash(
        self, const unsigned char[::1] data, Py_ssize_t start, Py_ssize_t stop, unsigned long long label)

    @cython.locals(
        v0=cython.ulonglong, v1=cython.ulonglong, v2=cython.ulonglong, v3=cython.ulonglong, word=cython.ulonglong,
        words="unsigned long long[::1]", number=Py_ssize_t, turns=cython.int, _=cython.int)
    cdef void _sip(self, Py_ssize_t count)

    @cython.locals(
        s0=cython.ulonglong, s1=cython.ulonglong, total=cython.ulonglong, words="unsigned long long[::1]",
        index=Py_ssize_t)
    cdef void _draw(self, Py_ssize_t count)

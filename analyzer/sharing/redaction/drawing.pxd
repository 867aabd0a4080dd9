cimport cython

cdef int _PERMUTED, _LONGEST, _UUID_DIGITS, _FIXED, _DIGIT, _CONTROL, _WIDE
cdef int _WIDE_BIT, _CONTROL_BIT, _LETTER_BIT, _SIGN_BIT, _FOREIGN_BIT
cdef unsigned long long _TEXT, _NUMBER, _ROUND, _MORE, _DATE, _CLOCK, _REAL, _SPAN, _NOISE, _RANGE, _SEALED
cdef int _ROUNDS, _ZERO, _SLOT_SHIFT, _LAST_TENTH, _MOST_DIGITS
cdef Py_ssize_t _CHUNK, _DATE_SIZE, _CLOCK_SIZE, _MOST_FRACTION, _DIGITS, _REMEMBERED
cdef unsigned long long _MASK, _PRIME, _SPREAD, _MOST_TENTHS, _ONES, _SPACES, _DELETES, _HIGHEST


cdef extern from *:
    """
    typedef unsigned char *__restrict OwnOctets;
    """
    # Nothing else points into what is written: a loop over bytes becomes one copy.
    ctypedef unsigned char* OwnOctets


@cython.locals(index=Py_ssize_t)
cpdef void copy_octets(
    const unsigned char* data, Py_ssize_t start, Py_ssize_t size, OwnOctets out, Py_ssize_t at) noexcept


@cython.locals(place=Py_ssize_t)
cdef void _put_digits(unsigned char* out, Py_ssize_t at, Py_ssize_t count, long long number) noexcept


@cython.locals(number=cython.longlong, place=Py_ssize_t)
cdef long long _digits_in(const unsigned char* text, Py_ssize_t at, Py_ssize_t count) noexcept


cdef class KeyedStream:
    cdef bytearray _room
    cdef unsigned char* octets
    cdef unsigned long long[::1] words
    cdef unsigned long long _v0, _v1, _v2, _v3, _p0, _p1, _p2, _p3, s0, s1

    @cython.locals(words="unsigned long long[::1]", at=Py_ssize_t, size=Py_ssize_t)
    cdef void hash(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned long long label) noexcept

    @cython.locals(end=Py_ssize_t)
    cdef Py_ssize_t _close(
        self, Py_ssize_t at, const unsigned char* data, Py_ssize_t start, Py_ssize_t size) noexcept

    @cython.locals(
        words="unsigned long long[::1]", size=Py_ssize_t, some=cython.ulonglong, index=Py_ssize_t,
        word=cython.ulonglong, other=cython.ulonglong, place=Py_ssize_t, byte=cython.int)
    cdef bint is_plain(self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop) noexcept

    @cython.locals(
        v0=cython.ulonglong, v1=cython.ulonglong, v2=cython.ulonglong, v3=cython.ulonglong, word=cython.ulonglong,
        mask=cython.ulonglong, words="unsigned long long[::1]", step=Py_ssize_t)
    cdef void sip(self, Py_ssize_t first, Py_ssize_t count, Py_ssize_t wanted) noexcept

    @cython.locals(
        s0=cython.ulonglong, s1=cython.ulonglong, total=cython.ulonglong, mask=cython.ulonglong, words="unsigned long long[::1]",
        index=Py_ssize_t)
    cdef void draw(self, Py_ssize_t count) noexcept


cdef class ShortValues:
    cdef unsigned char[::1] sizes
    cdef unsigned long long[::1] values, made


cdef class Drawing:
    cdef bytes _dates, _kinds, _made, _marks, _ranks, _sizes
    cdef long long[::1] _places, _digits
    cdef bytearray _text, _attempt
    cdef KeyedStream _stream
    cdef ShortValues _short
    cdef unsigned long long _form
    cdef int _seen

    cpdef bytes ascii(self, bytes value)

    cpdef bytes number(self, bytes value, unsigned long long attempt)

    cpdef bytes noise(self, bytes value)

    @cython.locals(out=bytearray)
    cpdef bytes nonce(self, bytes value)

    @cython.locals(some=cython.int, place=Py_ssize_t)
    cpdef bint fill_nonce(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out)

    @cython.locals(out=bytearray, at=Py_ssize_t, count=Py_ssize_t)
    cpdef bytes sealed(self, bytes seed, unsigned long long number, Py_ssize_t size)

    cpdef dated(self, bytes value)

    @cython.locals(
        made="unsigned char*", begin=Py_ssize_t, found=cython.ulonglong, place=Py_ssize_t, digit=cython.ulonglong)
    cpdef unsigned long long integer(
        self, unsigned long long value, bint negative, unsigned long long least, unsigned long long most)

    @cython.locals(
        begin=Py_ssize_t, count=Py_ssize_t, tenth=cython.ulonglong, rest=cython.ulonglong, _=Py_ssize_t)
    cpdef unsigned long long in_range(
        self, unsigned long long value, bint negative, unsigned long long least, unsigned long long most)

    @cython.locals(text="unsigned char*", begin=Py_ssize_t)
    cdef Py_ssize_t _write(self, unsigned long long value, bint negative)

    @cython.locals(
        size=Py_ssize_t, top=cython.int, exponent=cython.int, some=cython.int, place=Py_ssize_t, low=Py_ssize_t)
    cpdef bint real(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at)

    @cython.locals(
        size=Py_ssize_t, place=Py_ssize_t, days=cython.int, sign=cython.int, drawn="unsigned char*", rest=cython.int)
    cpdef bint span(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at)

    @cython.locals(
        size=Py_ssize_t, text="unsigned char*", made="unsigned char*", form="const unsigned char*", fits=cython.bint, micro=cython.longlong,
        index=Py_ssize_t, number=cython.longlong, place=Py_ssize_t)
    cpdef bint date(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at)

    @cython.locals(
        size=Py_ssize_t, value=cython.ulonglong, made=cython.ulonglong, slot=Py_ssize_t, place=Py_ssize_t)
    cpdef bint fill(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at,
        bint printable)

    @cython.locals(
        marks="const unsigned char*", seen=cython.int, size=Py_ssize_t, place=Py_ssize_t, dots=Py_ssize_t,
        marked=Py_ssize_t, letters=Py_ssize_t, exponents=Py_ssize_t, byte=cython.int)
    cdef bint _fill(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at,
        bint printable) noexcept

    @cython.locals(
        size=Py_ssize_t, form="const unsigned char*", kinds="const unsigned char*", text="unsigned char*", sign=cython.int, clock=cython.bint,
        skipped=Py_ssize_t, begin=Py_ssize_t, end=Py_ssize_t, some=cython.int, hashed=Py_ssize_t, place=Py_ssize_t,
        byte=cython.int, want=cython.int, index=Py_ssize_t)
    cdef bint _dated(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at) noexcept

    @cython.locals(text="unsigned char*")
    cdef void _day(self, unsigned char* out, Py_ssize_t at) noexcept

    @cython.locals(drawn="unsigned char*", size=Py_ssize_t, index=Py_ssize_t)
    cdef void _noise(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at) noexcept

    @cython.locals(
        kinds="const unsigned char*", made="const unsigned char*", drawn="unsigned char*", kind=cython.int,
        byte=cython.int, place=Py_ssize_t, begin=Py_ssize_t, count=Py_ssize_t, vary=Py_ssize_t, size=Py_ssize_t,
        form=cython.ulonglong)
    cdef void _ascii(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at) noexcept

    @cython.locals(
        kinds="const unsigned char*", lead=Py_ssize_t, count=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t,
        byte=cython.int, digit=cython.bint, form=cython.ulonglong, drawn="unsigned char*", index=Py_ssize_t)
    cdef void _number(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t stop, unsigned char* out, Py_ssize_t at,
        unsigned long long attempt) noexcept

    @cython.locals(
        places="long long[::1]", digits="long long[::1]", kinds="const unsigned char*",
        ranks="const unsigned char*", sizes="const unsigned char*", made="const unsigned char*", words="unsigned long long[::1]", index=Py_ssize_t, middle=Py_ssize_t,
        turn=cython.int, odd=cython.int,
        known=cython.ulonglong, word=cython.ulonglong, size=cython.longlong, place=cython.longlong, byte=cython.int)
    cdef void _permute(
        self, const unsigned char* data, Py_ssize_t start, Py_ssize_t count, unsigned char* out, Py_ssize_t at,
        unsigned long long leading) noexcept

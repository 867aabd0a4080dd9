cimport cython

from analyzer.sharing.redaction.drawing cimport Drawing, copy_octets

cdef int _TEXT, _STRING, _JSON, _SIGNED, _UNSIGNED, _OTHER, _REAL, _DATED, _SPAN, _UNKNOWN, _NULL, _NO_LENGTH, _ZERO, _DIGITS
cdef unsigned long long _MASK, _PLACE, _SPREAD
cdef Py_ssize_t _HEADER, _READING, _COUNTED, _SHORT, _MOST_KNOWN, _MOST_COLUMNS, _LONGEST_ROW, _LEFT_ALONE
cdef Py_ssize_t _MOST_ROWS, _LEAST_ROWS, _MOST_READINGS, _SLOTS, _PROBES, _KEPT_HEAD
cdef int _SLOT_SHIFT


cdef class ValueForms:
    cdef public bytes types, unsigned, texts
    cdef public Py_ssize_t count
    cdef bytes sizes
    cdef bytearray in_text, kinds
    cdef Py_ssize_t of_binary, of_text

    @cython.locals(
        kinds="unsigned char*", in_text="unsigned char*", unsigned="const unsigned char*", texts="const unsigned char*",
        index=Py_ssize_t)
    cdef _refine(self)


cdef class KeptRows:
    cdef dict _readings
    cdef Py_ssize_t _used, _asked, _found, _slot, _known
    cdef unsigned long long _hash
    cdef bytearray _room, _row
    cdef unsigned long long[::1] _row_words, _slots, _words
    cdef public Py_ssize_t rest

    cdef Py_ssize_t of(self, bytes reading) except -1

    @cython.locals(
        size=Py_ssize_t, count=Py_ssize_t, place=Py_ssize_t, index=Py_ssize_t, at=Py_ssize_t, slot=Py_ssize_t,
        word=cython.ulonglong, differ=cython.ulonglong, hashed=cython.ulonglong, row="unsigned long long[::1]",
        words="unsigned long long[::1]")
    cdef Py_ssize_t find(
        self, Py_ssize_t reading, unsigned char* data, Py_ssize_t start, Py_ssize_t stop) except -2

    @cython.locals(whole=Py_ssize_t)
    cdef begin(self, Py_ssize_t size)

    @cython.locals(size=Py_ssize_t, at=Py_ssize_t, whole=Py_ssize_t, words="unsigned long long[::1]")
    cdef put(self, Py_ssize_t reading, const unsigned char* made, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t count)

    @cython.locals(room=bytearray)
    cdef _grow(self, Py_ssize_t size)

    @cython.locals(index=Py_ssize_t)
    cdef _forget(self)


cdef class RowRedactor:
    cdef object _replacements, _values, _columns
    cdef dict _counts, _known, _readings
    cdef Drawing _drawing
    cdef KeptRows _kept
    cdef bint _listed, _keep
    cdef Py_ssize_t _replaced, _others
    cdef bytearray _scratch
    cdef public ValueForms forms

    cpdef Py_ssize_t rows(
        self, bytearray data, Py_ssize_t at, Py_ssize_t count, columns, bint binary) except -2

    @cython.locals(out=bytearray, flag=Py_ssize_t, at=Py_ssize_t, end=Py_ssize_t)
    cpdef bound(self, bytes data, plan, ValueForms forms)

    @cython.locals(found=tuple)
    cdef _look_at(self, columns)

    cpdef Py_ssize_t read(
        self, bytearray data, Py_ssize_t at, Py_ssize_t count, bytes reading, bint binary) except -2

    @cython.locals(forms=ValueForms)
    cdef ValueForms _read_as(self, bytes reading)

    @cython.locals(forms=ValueForms)
    cdef Py_ssize_t _rows_alike(self, bint binary) except -1

    @cython.locals(
        kept=KeptRows, alike=Py_ssize_t, _=Py_ssize_t, start=Py_ssize_t, stop=Py_ssize_t, before=Py_ssize_t,
        known=Py_ssize_t, keeps=cython.bint)
    cdef Py_ssize_t _rows(
        self, unsigned char* data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t count, bint binary) except -2

    @cython.locals(
        kinds="const unsigned char*", known=Py_ssize_t, index=Py_ssize_t, first=cython.int, start=Py_ssize_t,
        size=cython.longlong, stop=Py_ssize_t, kind=cython.int, place=Py_ssize_t)
    cdef int _text(
        self, unsigned char* data, Py_ssize_t at, Py_ssize_t end) except -1

    @cython.locals(raw=bytes, made=bytes, before=Py_ssize_t)
    cdef int _value(
        self, unsigned char* data, Py_ssize_t start, Py_ssize_t stop, int kind) except -1

    @cython.locals(forms=ValueForms, at=Py_ssize_t, place=Py_ssize_t)
    cdef int _binary(
        self, unsigned char* data, Py_ssize_t start, Py_ssize_t end) except -1

    @cython.locals(
        kinds="const unsigned char*", sizes="const unsigned char*", index=Py_ssize_t, bit=Py_ssize_t, size=cython.longlong,
        head=Py_ssize_t, first=cython.int, stop=Py_ssize_t, kind=cython.int)
    cdef Py_ssize_t _laid_out(
        self, unsigned char* data, Py_ssize_t at, Py_ssize_t end, ValueForms forms, Py_ssize_t bits,
        Py_ssize_t spare) except -2

    @cython.locals(made=bytes, before=Py_ssize_t)
    cdef int _other(
        self, unsigned char* data, Py_ssize_t at, Py_ssize_t stop, ValueForms forms, Py_ssize_t index) except -1

    @cython.locals(
        size=cython.int, value=cython.ulonglong, most=cython.ulonglong, found=cython.longlong, place=Py_ssize_t,
        byte=cython.ulonglong, negative=cython.bint)
    cdef int _integer(
        self, unsigned char* data, Py_ssize_t at, Py_ssize_t stop, bint signed) except -1

    @cython.locals(begin=Py_ssize_t, place=Py_ssize_t, scratch="unsigned char*")
    cdef long long _in_text(self, unsigned long long value)


cdef Py_ssize_t _head(int first) noexcept

@cython.locals(value=cython.longlong, place=Py_ssize_t)
cdef long long _number(const unsigned char* data, Py_ssize_t at, Py_ssize_t stop) noexcept

@cython.locals(place=Py_ssize_t, fits=bint)
cdef int _put(unsigned char* out, Py_ssize_t at, bytes made, Py_ssize_t size) except -1

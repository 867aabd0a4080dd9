cimport cython

from analyzer.analysis.line_buffer cimport LineBuffer


cdef class RowLines:
    cdef public LineBuffer lines
    cdef public list young
    cdef public bytes between
    cdef public object finish
    cdef public long long count

    cpdef add(self, long long frame, long long stream, bytes row)
    cpdef join(self, long long frame, long long stream, long long number, bytes head, bytes rest)
    @cython.locals(young=list, head=bytes)
    cpdef settle(self, parts)
    @cython.locals(lines=LineBuffer, stop=Py_ssize_t)
    cpdef LineBuffer taken(self, long long settled, bint all_of_them)


cdef class RowsInHand:
    cdef RowLines _rows
    cdef object _parts, _scene, _view
    cdef long long _stream, _frame
    cdef int _role
    cdef bytes _head
    cdef LineBuffer _room
    cdef public LineBuffer lines
    cdef public bytes foot

    cpdef take(self, scene, bytes foot)
    @cython.locals(lines=LineBuffer)
    cpdef begin(self, int role, long long frame, long long time_ns)
    @cython.locals(lines=LineBuffer, rows=RowLines)
    cpdef end(self)
    cpdef packet(self, one)
    cpdef flush(self, scene)


cdef class FramesInHand(RowsInHand):
    cdef object _frames
    cdef list _packets

    cpdef take(self, scene, bytes foot)
    cpdef begin(self, int role, long long frame, long long time_ns)
    @cython.locals(lines=LineBuffer)
    cpdef end(self)
    cpdef packet(self, one)
    @cython.locals(rows=RowLines, packets=list, rest=bytes)
    cpdef flush(self, scene)

cdef class BaseObserver:
    pass

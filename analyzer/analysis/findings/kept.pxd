cimport cython


@cython.locals(text=str, places=tuple)
cdef str _filled(tuple words, frames)

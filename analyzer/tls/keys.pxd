cimport cython


@cython.locals(length=Py_ssize_t, found=list)
cpdef list expand_labels(str name, bytes secret, tuple wanted)

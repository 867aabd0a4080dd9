cpdef bint may_set(bytes text, Py_ssize_t begin=*)

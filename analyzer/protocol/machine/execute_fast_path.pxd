cimport cython

from analyzer.protocol.execute_plan cimport ExecutePlan
from analyzer.protocol.machine.fast_path cimport Scanned

cdef int _HEADER, _PREPARE, _EXECUTE, _CLOSE, _RESET, _RESET_ALL


@cython.locals(number="unsigned int", high="unsigned int")
cdef object _statement_of(machine, bytes data)


@cython.locals(plan=ExecutePlan)
cdef ExecutePlan _known_plan(statement, bint named)


@cython.locals(plan=ExecutePlan, named=bint)
cpdef object known_execute(machine, bytes data, bint typed=*)


@cython.locals(code=cython.int)
cpdef object take_effect(machine, bytes data, statement, plan, Scanned found)

cimport cython

from analyzer.protocol.execute_plan cimport ExecutePlan
from analyzer.protocol.machine.fast_path cimport Scanned
from analyzer.protocol.prepared cimport PreparedStatements

cdef int _HEADER, _PREPARE, _EXECUTE, _CLOSE, _RESET, _RESET_ALL


@cython.locals(high="unsigned int")
cpdef unsigned int number_in(bytes data) except? 0


@cython.locals(number="unsigned int", statements=PreparedStatements)
cdef object _statement_of(machine, bytes data)


@cython.locals(plan=ExecutePlan)
cdef ExecutePlan _known_plan(statement, bint named)


@cython.locals(plan=ExecutePlan, named=bint)
cpdef object known_execute(machine, bytes data, bint typed=*)


@cython.locals(code=cython.int, statements=PreparedStatements, query=str)
cpdef object take_effect(machine, bytes data, statement, plan, Scanned found)

"""Captures to hand on: cuts connections out, and takes out what must not be seen.

A capture is read twice. The first reading is an analysis like any other; a ledger notes beside it which frame is of
which connection. The second reading writes frames. Nothing here knows a command line.
"""

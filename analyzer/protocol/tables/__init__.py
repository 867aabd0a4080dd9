"""Literal tables of the protocol: hex or decimal values, one row per entry, source named on top."""

"""Bytes of the protocol: packets, compressed packets, integers, strings and values."""

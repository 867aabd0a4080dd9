"""Bytes made by hand, once for all tests: MySQL packets, frames, whole conversations, capture files.

They are written out here byte by byte, not with the project's records and writers: the tests are a second opinion.
"""

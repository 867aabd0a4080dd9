"""One function for each header of the slow path: bytes and where the header begins in, what follows it out.

None of them raises, whatever the bytes; each looks only at bytes that were captured.
"""

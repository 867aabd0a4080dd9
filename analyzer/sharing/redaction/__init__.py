"""Takes the content out of packets and frames, and leaves the protocol.

All bytes begin as zeros. Only those of fields that `rules` names are written: as they are, or replaced. What is not
understood stays zero.
"""

"""Captures in many processes, here or elsewhere: frames are dealt out, shares analysed, and what is across merged."""

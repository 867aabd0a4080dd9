"""Packets as display fields, and the filters over them."""

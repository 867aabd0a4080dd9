"""TCP: flows and reassembly. Pure: no files, no clock."""

"""The records of commands: what a client sends in the command phase."""

"""The documentation: what of it is made by a command, and tests that every command in it works."""

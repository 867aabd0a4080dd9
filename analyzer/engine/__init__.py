"""Runs analyses: sources, keys, processes, collectors, live. Knows no command line, and prints nothing."""

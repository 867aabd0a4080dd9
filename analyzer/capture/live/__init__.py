"""Captures interfaces: sources, filters, the file, and the way to the analysis."""

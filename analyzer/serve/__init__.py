"""Captures in the browser: a program that serves the report's page, of files and of what is captured right now."""

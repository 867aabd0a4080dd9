"""Renders what analysis found. Never decodes a byte."""

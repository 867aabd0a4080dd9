"""Tests of analyzer.capture."""

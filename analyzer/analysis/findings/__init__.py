"""Findings: verdicts with evidence. One file in `rules` and one line of `catalog.TABLE` each."""

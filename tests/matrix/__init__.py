"""The matrix: every server, account, TLS version, compression and outcome, the analysis held against what is true.

`python -m tests.matrix` runs it and prints its table as Markdown.
"""

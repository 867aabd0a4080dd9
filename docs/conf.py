"""Sphinx: `make docs` builds these pages, and warnings are errors."""

project = "handshark"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "handshark"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["_build"]

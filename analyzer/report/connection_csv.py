"""CSV of connections, where most are of a few kinds (`connection_lines`)."""

from __future__ import annotations

from typing import Final

from analyzer.report.connection_lines import LineForm
from analyzer.report.csv import encode, findings, split

# A text with a comma, or one that is escaped, changes the whole of its cell.
CSV: Final = LineForm(encode, findings, split, None)

"""What is wrong with a filter, and where."""

from __future__ import annotations

from analyzer.errors import AnalyzerError

SHOWN = 60  # characters of a long filter around the place


class FilterError(AnalyzerError):
    """A filter that can not be understood. `start` and `end` are offsets of characters in `text`."""

    def __init__(self, reason: str, text: str, start: int, end: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.text = text
        self.start = start
        self.end = end

    def __str__(self) -> str:
        """The reason, and below it the filter with the place marked."""
        if not self.text:
            return self.reason
        return f"column {self.start + 1}: {self.reason}"

    def marked(self) -> str:
        """Two lines: the filter (or its part around the place), and carets under the place."""
        if not self.text:
            return ""
        first = max(0, self.start - SHOWN)
        shown = self.text[first : self.start + SHOWN]
        before = "... " if first else ""
        clean = "".join(char if char.isprintable() else " " for char in shown)
        width = max(1, min(self.end, first + len(shown)) - self.start)
        return f"  {before}{clean}\n  {' ' * (len(before) + self.start - first)}{'^' * width}"

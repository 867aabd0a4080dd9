"""What an analysis tells whoever started it, while it goes on."""

from __future__ import annotations

from analyzer.analysis.model.connection import Source
from analyzer.errors import CaptureError


class RunListener:
    """Takes news of sources. This one ignores it; a command line prints it, a notebook draws a bar."""

    def failed(self, error: CaptureError) -> None:
        """A source can not be read, or not to its end."""

    def done(self, source: Source) -> None:
        """A source has been read; `warnings` and `notes` of it say what was wrong."""

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        """`done` of `total` bytes (None: nobody knows) of source `name` have been read, and `frames` frames."""

    def over(self, name: str) -> None:
        """Source `name` is read, or its reading was given up."""

    def waiting(self) -> None:
        """What comes next is waited for (the source is a pipe): all that was given so far may be shown now."""

    def interrupted(self) -> bool:
        """Ctrl-C came. True: what was read is brought to its end all the same; False: KeyboardInterrupt goes on."""
        return False

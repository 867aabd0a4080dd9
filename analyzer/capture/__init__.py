"""Opens capture files and interfaces; writes pcapng. Knows nothing of TCP or MySQL."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.capture.source import CaptureSource, open_capture, open_stream
from analyzer.capture.state import CaptureWarning
from analyzer.capture.writer import PcapngWriter, PcapWriter

__all__ = [
    "CaptureSource",
    "CaptureWarning",
    "PcapWriter",
    "PcapngWriter",
    "open_capture",
    "open_merged",
    "open_stream",
]

# Of each file of several, which are read at one time.
BATCH_BYTES = 1 << 20


def open_merged(names: Sequence[str], *, batch_bytes: int = BATCH_BYTES) -> CaptureSource:
    """Several captures as one in time order, for rotated files and for captures of several points.

    Memory is a few times `batch_bytes` for each file that overlaps with others in time. Raises CaptureError if one of
    them can not be opened, ValueError if there are no names.
    """
    if not names:
        raise ValueError("no captures to merge")
    if len(names) == 1:
        return open_capture(names[0], batch_bytes=batch_bytes)
    # NumPy comes with it, which a single capture has no need of.
    from analyzer.capture.merge import MergedSource

    return MergedSource(names, batch_bytes)

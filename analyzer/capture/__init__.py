"""Opens capture files and interfaces; writes pcapng. Knows nothing of TCP or MySQL."""

from __future__ import annotations

from analyzer.capture.merge import open_merged
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

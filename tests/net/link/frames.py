"""What the decoder says of frames, in plain values; and the captures it is tried on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from analyzer.batches import SegmentBatch
from tests.corpus import REPOSITORY


class Row(NamedTuple):
    """One segment, with its payload's bytes."""

    frame: int
    timestamp_ns: int
    ip_version: int
    src: int
    dst: int
    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    payload: bytes
    missing: int
    tag: int = 0


def rows_of(segments: SegmentBatch) -> list[Row]:
    data = bytes(segments.data)
    return [
        Row(
            int(segments.frame[i]),
            int(segments.timestamp_ns[i]),
            int(segments.ip_version[i]),
            int(segments.src_hi[i]) << 64 | int(segments.src_lo[i]),
            int(segments.dst_hi[i]) << 64 | int(segments.dst_lo[i]),
            int(segments.sport[i]),
            int(segments.dport[i]),
            int(segments.seq[i]),
            int(segments.ack[i]),
            int(segments.flags[i]),
            int(segments.window[i]),
            data[int(segments.offset[i]) : int(segments.offset[i]) + int(segments.length[i])],
            int(segments.missing[i]),
            int(segments.tag[i]),
        )
        for i in range(len(segments))
    ]


def corpus_dir() -> Path | None:
    """HANDSHARK_CORPUS, or shared/corpus beside the checkout."""
    named = os.environ.get("HANDSHARK_CORPUS")
    path = Path(named) if named else REPOSITORY.parent / "shared" / "corpus"
    return path if path.is_dir() else None


def corpus_files() -> list[Path]:
    root = corpus_dir()
    if root is None:
        return []
    return sorted(path for path in root.rglob("*.pcap*") if path.suffix in (".pcap", ".pcapng", ".zst"))

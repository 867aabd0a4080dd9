"""Segments in columns, as in SegmentBatch, with the row of the frame batch for the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.batches import I64, U8, U16, U32, U64


@dataclass(slots=True)
class SegmentColumns:
    """Columns of one length; `row` is the index into the frame batch."""

    row: I64
    ip_version: U8
    src_hi: U64
    src_lo: U64
    dst_hi: U64
    dst_lo: U64
    sport: U16
    dport: U16
    seq: U32
    ack: U32
    flags: U8
    window: U16
    offset: I64
    length: I64
    missing: I64
    tag: U64


def empty_columns(size: int) -> SegmentColumns:
    """Columns for so many segments, not yet written."""
    return SegmentColumns(
        row=np.empty(size, np.int64),
        ip_version=np.empty(size, np.uint8),
        src_hi=np.empty(size, np.uint64),
        src_lo=np.empty(size, np.uint64),
        dst_hi=np.empty(size, np.uint64),
        dst_lo=np.empty(size, np.uint64),
        sport=np.empty(size, np.uint16),
        dport=np.empty(size, np.uint16),
        seq=np.empty(size, np.uint32),
        ack=np.empty(size, np.uint32),
        flags=np.empty(size, np.uint8),
        window=np.empty(size, np.uint16),
        offset=np.empty(size, np.int64),
        length=np.empty(size, np.int64),
        missing=np.empty(size, np.int64),
        tag=np.empty(size, np.uint64),
    )

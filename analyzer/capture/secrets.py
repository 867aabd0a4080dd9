"""Finds the decryption secrets blocks of a pcapng file without its frames: from block to block, by their lengths.

They may stand anywhere (draft-ietf-opsawg-pcapng, 4.7, wants them in front of what they open; some writers put them
last), and whoever needs their keys needs them before the frames.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.capture.pcapng_blocks import (
    LEAST,
    LEAST_BLOCK,
    MAX_BLOCK,
    SECRETS,
    SECTION_HEADER,
    TLS_KEY_LOG,
    section_order,
)
from analyzer.capture.state import MAX_SECRET_BYTES

# Bytes read at once; blocks longer than that are passed over without being read.
WINDOW = 256 << 10


def key_logs(file: BinaryIO) -> Iterator[bytes]:
    """The TLS key logs of a pcapng file that can be read at any place, in its order; ends where the file is damaged.

    The file's own position stays as it is. Raises OSError.
    """
    number = file.fileno()
    order = "<"
    head_at = struct.Struct("<II").unpack_from
    base = place = found = 0
    window = b""
    used = -LEAST_BLOCK
    while True:
        if place > used:
            base, place = base + place, 0
            window = os.pread(number, WINDOW, base)
            used = len(window) - LEAST_BLOCK
            if used < 0:
                return
        kind, length = head_at(window, place)
        if kind == SECTION_HEADER:
            now = section_order(memoryview(window)[place:])
            if now is None:
                return
            order = now
            head_at = struct.Struct(order + "II").unpack_from
            kind, length = head_at(window, place)
        if length < LEAST_BLOCK or length & 3 or length > MAX_BLOCK:
            return
        if kind == SECRETS and LEAST[SECRETS] <= length <= MAX_SECRET_BYTES:
            payload = _payload(os.pread(number, length, base + place), order, length)
            found += len(payload)
            if found > MAX_SECRET_BYTES:
                return
            if payload:
                yield payload
        place += length


def _payload(block: bytes, order: str, length: int) -> bytes:
    """The key log inside a secrets block; empty where it is something else, cut or damaged."""
    if len(block) < length or struct.unpack_from(order + "I", block, length - 4)[0] != length:
        return b""
    secret_type, size = struct.unpack_from(order + "II", block, 8)
    if secret_type != TLS_KEY_LOG or size > length - LEAST[SECRETS]:
        return b""
    return block[16 : 16 + size]

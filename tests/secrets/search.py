"""Looks for what was planted in an output, whatever form the output has it in."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from contextlib import suppress

_PACKED = re.compile(rb'<script type="application/[^"]*"[^>]*>([^<]*)</script>')
_DUMPED = re.compile(rb"^\s*[0-9a-f]{4,8}[: ]+((?:[0-9a-f]{2}[ ]+)+)", re.MULTILINE)


def forms(word: bytes) -> list[bytes]:
    """The word as text, in hexadecimal, in UTF-16, in base64 at each offset."""
    plain = word.hex().encode()
    spaced = " ".join(f"{byte:02x}" for byte in word).encode()
    found = [word, plain, plain.upper(), spaced, spaced.replace(b" ", b":"), word.decode().encode("utf-16-le")]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + word)
        # The first and the last letters depend on what stands around.
        found.append(encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4])
    return found


def unpacked(output: bytes) -> bytes:
    """The output with what is packed inside of a page, and with the bytes of its dumps in one line."""
    parts = [output]
    for packed in _PACKED.findall(output):
        # What is not packed stands in the output as it is.
        with suppress(binascii.Error, zlib.error):
            parts.append(zlib.decompress(base64.b64decode(packed)))
    parts.append(b" ".join(b" ".join(row.split()) for row in _DUMPED.findall(output)))
    return b"\n".join(parts)


def around(output: bytes, mark: bytes) -> list[bytes]:
    """Where the mark stands in the output in any form: what is around it."""
    whole = unpacked(output)
    found = []
    for form in forms(mark):
        at = whole.find(form)
        while at >= 0:
            found.append(whole[max(0, at - 60) : at + 3 * len(form) + 60])
            at = whole.find(form, at + 1)
    return found

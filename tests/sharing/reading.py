"""Reads what was written to be handed on."""

from __future__ import annotations

import base64
import io
import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from analyzer.analysis import AnalysisOptions
from analyzer.sharing.choice import ExtractRequest
from analyzer.sharing.extract import ExtractSummary, extract
from analyzer.sharing.redact import RedactRequest, RedactSummary, redact
from analyzer.sharing.redaction.replacements import Replacements
from tests.wire.frames import Frame

KEY = b"a key of the tests"
COMMENT = 1
ENHANCED = 6
SECTION = 0x0A0D0D0A
SECRETS = 10
INTERFACE = 1


def extracted(
    source: Path | list[Path], request: ExtractRequest, options: AnalysisOptions | None = None
) -> tuple[bytes, ExtractSummary]:
    """What `extract` writes of one capture or several."""
    names = [str(one) for one in (source if isinstance(source, list) else [source])]
    out = io.BytesIO()
    summary = extract(names, request, options or AnalysisOptions(), out)
    return out.getvalue(), summary


def blocks(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, body) of each block of a little-endian pcapng."""
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from("<II", content, at)
        yield kind, content[at + 8 : at + length - 4]
        at += length


def options(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The options of a block from a place on."""
    while at + 4 <= len(body):
        code, size = struct.unpack_from("<HH", body, at)
        if code == 0:
            return
        yield code, body[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4


def comments(content: bytes) -> list[list[str]]:
    """The comments of each frame."""
    found = []
    for kind, body in blocks(content):
        if kind == ENHANCED:
            size = struct.unpack_from("<I", body, 12)[0]
            texts = [value.decode() for code, value in options(body, 20 + size + -size % 4) if code == COMMENT]
            found.append(texts)
    return found


def names(content: bytes) -> list[str]:
    """The names of the interfaces."""
    return [
        value.decode()
        for kind, body in blocks(content)
        if kind == INTERFACE
        for code, value in options(body, 8)
        if code == 2
    ]


def keylog(content: bytes) -> bytes:
    """The TLS secrets inside."""
    return b"".join(
        body[8 : 8 + struct.unpack_from("<I", body, 4)[0]] for kind, body in blocks(content) if kind == SECRETS
    )


def redacted(
    source: Path | list[Path],
    request: RedactRequest | None = None,
    options: AnalysisOptions | None = None,
    jobs: int | None = 1,
) -> tuple[bytes, RedactSummary, Replacements]:
    """What `redact` writes of one capture or several, with one key for all tests."""
    sources = [str(one) for one in (source if isinstance(source, list) else [source])]
    out = io.BytesIO()
    summary, replacements = redact(sources, request or RedactRequest(KEY), options or AnalysisOptions(), out, jobs=jobs)
    return out.getvalue(), summary, replacements


def broken(frames: Sequence[Frame], draw: random.Random, below: tuple[float, float, float, float]) -> list[Frame]:
    """Frames that are lost, doubled, cut and changed: those whose chance is below these, in turn."""
    lost, doubled, cut, changed = below
    made = []
    for one in frames:
        chance, data = draw.random(), one.data
        if chance < lost:
            continue
        if chance < doubled:
            made.append(one)
        elif chance < cut:
            data = data[: draw.randrange(len(data))]
        elif chance < changed:
            at = draw.randrange(len(data))
            data = data[:at] + draw.randbytes(1) + data[at + 1 :]
        made.append(one._replace(data=data, original=max(one.original, len(one.data))))
    return made


def secret_forms(secret: bytes) -> list[bytes]:
    """All forms in which a secret may stand somewhere: text, hexadecimal, base64, UTF-16."""
    digits = secret.hex()
    spaced = [sign.join(f"{byte:02x}" for byte in secret) for sign in (" ", ":")]
    forms = [
        secret,
        *(text.encode() for text in (digits, digits.upper(), *spaced)),
        secret.decode().encode("utf-16-le"),
    ]
    for shift in range(3):
        packed = base64.b64encode(bytes(shift) + secret)
        forms.append(packed[4 if shift else 0 : len(packed) - 4])
    return forms


def holds(content: bytes, secret: bytes) -> bool:
    """Whether a secret stands there in any form."""
    return any(form in content for form in secret_forms(secret))

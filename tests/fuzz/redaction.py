"""Captures with secrets planted in them, redacted: the secrets stand nowhere any more, in no form."""

from __future__ import annotations

import io
import random
import tempfile
from pathlib import Path
from typing import Final

from analyzer.analysis import AnalysisOptions
from analyzer.sharing.redact import RedactRequest, redact
from analyzer.sharing.redaction.keep import KeptKinds
from tests.fuzz import seeds
from tests.secrets.planted import MARK
from tests.secrets.search import forms
from tests.secrets.twisted import twisted
from tests.wire.files import frames_in, pcap, pcapng
from tests.wire.frames import Frame

WORD: Final = b"Pl4ntedS3cret"
KEY: Final = b"a key of the fuzzer"
# Bytes of the headers in front of a payload: ports and numbers of TCP are numbers, whatever they spell.
HEADERS: Final = 54


def left_of(frames: list[Frame], word: bytes = MARK.encode()) -> list[bytes]:
    """The forms in which a word is left when the frames have been redacted."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "planted.pcapng"
        links = {frame.link_type for frame in frames}
        source.write_bytes(pcap(frames) if links == {1} else pcapng(frames))
        out = io.BytesIO()
        redact([str(source)], RedactRequest(KEY, KeptKinds(frozenset())), AnalysisOptions(), out)
    content = out.getvalue()
    return [form for form in forms(word) if form in content]


def redaction(data: bytes) -> None:
    """The first byte says which: a conversation with a secret in it, or a sample with words over its payloads."""
    if not data:
        return
    if data[0] & 1:
        name, frames = twisted(data[1:])
        assert left_of(frames) == [], name
        return
    captures = seeds.captures()
    draw = random.Random(data)
    frames = frames_in(captures[draw.randrange(len(captures))])
    if not frames or len(frames) > 400:
        return
    for _ in range(1 + draw.randrange(8)):
        index = draw.randrange(len(frames))
        packet = frames[index].data
        if draw.random() < 0.2:
            packet += WORD
        elif len(packet) > HEADERS + len(WORD):
            at = draw.randrange(HEADERS, len(packet) - len(WORD) + 1)
            packet = packet[:at] + WORD + packet[at + len(WORD) :]
        frames[index] = frames[index]._replace(data=packet, original=max(frames[index].original, len(packet)))
    assert left_of(frames, WORD) == []

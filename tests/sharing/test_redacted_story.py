"""The story stays: `commands`, `stats` and `explain` say of a redacted capture what they say of the original.

Replaced values are mapped one to one: a text of the original is always the same text of the redacted capture, of the
same form, and what the dictionary of `--map` lists is what stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.cli import main
from analyzer.sharing.redact import RedactRequest
from tests.corpus import LAB, REPOSITORY, needs_corpus
from tests.sharing.reading import KEY, redacted

SAMPLES = sorted(path for path in (REPOSITORY / "samples").iterdir() if ".pcap" in path.name)
Json = Any
Capture = pytest.CaptureFixture[bytes]
# What a hash is made of the texts that were replaced; frames and bytes, where TLS and compression are gone.
HASHED = {"query_id"}
OUTER = re.compile(r"frame|bytes")
# Values that are no texts are replaced by others of their type.
NUMBERS = re.compile(r"\.(?:parameters|last_insert_id)$")


# Clients that break the protocol: what is not understood is zero, and told of as something else.
BROKEN = re.compile(r"fault-(?:http-request|speaks-first|login-before-tls)")


def form(text: str) -> str:
    """A text with what a replacement may change taken out."""
    for pattern, sign in ((r"[^\x00-\x7f]", "?"), (r"[0-9]", "0"), (r"[a-z]", "a"), (r"[A-Z]", "A")):
        text = re.sub(pattern, sign, text)
    return text


def said(capsys: Capture, path: Path, *words: str) -> list[str]:
    """The lines of a command's output, without the name of the capture."""
    assert main([words[0], str(path), *words[1:]]) == 0
    lines = capsys.readouterr().out.decode().splitlines()
    return [line.replace(str(path), "CAPTURE").replace(path.name, "CAPTURE") for line in lines]


def pairs(old: Json, new: Json, place: str = "") -> Iterator[tuple[str, Json, Json]]:
    """The values of two documents, side by side; what one has alone is a pair too."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from pairs(old.get(key), new.get(key), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for before, after in zip(old, new, strict=True):
            yield from pairs(before, after, place)
    else:
        yield place, old, new


class Mapping:
    """Texts of the original and what stands in their place: always the same, of the same form, as it is listed."""

    def __init__(self, listed: dict[str, str]) -> None:
        self.listed = listed
        self.known: dict[str, str] = {}

    def check(self, place: str, old: Json, new: Json) -> None:
        if NUMBERS.search(place):
            assert type(old) is type(new), (place, old, new)
            return
        if not isinstance(old, str) or not isinstance(new, str):
            assert old == new, (place, old, new)
            return
        assert form(old) == form(new), (place, old, new)
        assert self.known.setdefault(f"{place} {old}", new) == new, (place, old, new)
        if old != new and old in self.listed:
            assert new == self.listed[old], (place, old, new)


def same_story(capsys: Capture, path: Path, folder: Path) -> None:
    content, summary, replacements = redacted(path, RedactRequest(KEY, listed=True))
    source, made = folder / "1" / path.name, folder / "2" / path.name
    for file, held in ((source, path.read_bytes()), (made, content)):
        file.parent.mkdir()
        file.write_bytes(held)
    mapping = Mapping(
        {
            old.decode("utf-8", "replace"): new.decode("utf-8", "replace")
            for (_, old), new in (replacements.listed or {}).items()
        }
    )
    for words in (
        ("commands", "--format", "jsonl", "--jobs", "1"),
        ("stats", "--format", "jsonl", "--top", "1000", "--jobs", "1"),
    ):
        before, after = (list(map(json.loads, said(capsys, file, *words))) for file in (source, made))
        assert len(before) == len(after), words
        for old, new in zip(before, after, strict=True):
            for place, *values in pairs(old, new):
                key = place.rpartition(".")[2]
                if key not in HASHED and not (summary.opened and OUTER.search(key)):
                    mapping.check(f"{words[0]}{place}", *values)
    before, after = said(capsys, source, "explain"), said(capsys, made, "explain")
    if not summary.opened and not summary.closed:
        assert list(map(form, before)) == list(map(form, after))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(path: Path, tmp_path: Path, capsysbinary: Capture) -> None:
    if BROKEN.search(path.name):
        pytest.skip("its client breaks the protocol: of what is not understood something else is told")
    same_story(capsysbinary, path, tmp_path)


@pytest.mark.parametrize("path", sorted(LAB.glob("*.pcap"))[3::25], ids=lambda path: path.name)
def test_captures_of_others(path: Path, tmp_path: Path, capsysbinary: Capture) -> None:
    same_story(capsysbinary, path, tmp_path)


test_captures_of_others = needs_corpus[0](needs_corpus[1](test_captures_of_others))

"""Bad input: whatever a file holds, the outcome is connections, findings or a CaptureError, soon, in bounded memory.

Real captures are changed at random here, and both ways through the flow table, packets shown or not, and large or small
batches have to say the same of them. Traps made by hand are in test_hostile_traps.py.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.corpus import LAB, REPOSITORY, ZEEK, needs_corpus
from tests.hostile_captures import changed_file, changed_frames
from tests.hostile_outputs import Told, analyse, check_all, check_json, csv_of, text_of
from tests.wire.files import frames_in, pcapng
from tests.wire.frames import Frame


def calm(examples: int) -> settings:
    """A busy machine is no failure."""
    return settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, max_examples=examples)


# Larger ones take the time of many small ones, and differ in length more than in kind.
LONGEST = 1 << 15

SEEDS = st.integers(0, 1 << 32)


def contents(*folders: str) -> dict[str, bytes]:
    """Small captures by name."""
    found = {}
    for folder in folders:
        for path in sorted(REPOSITORY.joinpath(folder).glob("*.pcap*")):
            if path.stat().st_size <= LONGEST and ".truth" not in path.name and ".golden" not in path.name:
                found[path.name] = path.read_bytes()
    return found


SAMPLES = contents("samples")
CORPUS = contents(str(LAB), str(ZEEK))
SAMPLE_FRAMES = {name: frames_in(content) for name, content in SAMPLES.items()}


def same_every_way(content: bytes) -> Told:
    """The analysis of `content`, which is the same by columns and segment by segment, packets shown or not."""
    told = analyse(content)
    for other in (analyse(content, columns=False), analyse(content, packets=40)):
        assert other.lines == told.lines
        assert other.refused == told.refused
    return told


def sound(content: bytes, *, pages: bool) -> None:
    """All that has to hold of any content.

    With other batches the result may differ where frames were moved far: a closed connection is let go at the end of a
    batch, and what comes later is passed over. Samples as they are may not differ: see below.
    """
    told = same_every_way(content)
    shown = analyse(content, packets=40)
    assert analyse(content, batch_bytes=700).refused == told.refused
    assert shown.refused is None or "capture" in shown.refused or "link type" in shown.refused
    for connection, detail in shown.results:
        assert detail is not None
        if any(packet.error for packet in detail.packets):
            assert connection.findings, "malformed packets without a finding"
    if pages:
        check_all(shown)
    else:
        check_json(shown)
        text_of(shown, verbose=2)
        csv_of(shown)


# Samples of which pages are made here: they have tests of their own.
WITH_PAGES = sorted(SAMPLES)[::4]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_sound_as_they_are(name: str) -> None:
    assert analyse(SAMPLES[name], batch_bytes=700).lines == analyse(SAMPLES[name]).lines
    sound(SAMPLES[name], pages=name in WITH_PAGES)


@calm(120)
@given(st.sampled_from(sorted(SAMPLES)), SEEDS)
def test_changed_bytes_of_sample_files(name: str, seed: int) -> None:
    sound(changed_file(SAMPLES[name], random.Random(seed)), pages=seed % 16 == 0)


@calm(150)
@given(st.sampled_from(sorted(SAMPLES)), SEEDS)
def test_changed_frames_of_samples(name: str, seed: int) -> None:
    frames = changed_frames(SAMPLE_FRAMES[name], random.Random(seed))
    sound(pcapng(frames), pages=seed % 16 == 0)


@calm(80)
@given(st.lists(st.sampled_from(sorted(SAMPLES)), min_size=2, max_size=3), SEEDS)
def test_samples_mixed_frame_by_frame(names: list[str], seed: int) -> None:
    """Connections of several captures at once, in any order but their own, some between the same endpoints."""
    chance = random.Random(seed)
    queues = [list(SAMPLE_FRAMES[name]) for name in names]
    mixed: list[Frame] = []
    while any(queues):
        queue = chance.choice([queue for queue in queues if queue])
        mixed.append(queue.pop(0))
    sound(pcapng(changed_frames(mixed, chance)), pages=False)


@calm(60)
@given(
    st.binary(max_size=200), st.sampled_from(["", "d4c3b2a1", "4d3cb2a1", "0a0d0d0a", "1f8b", "28b52ffd", "04224d18"])
)
def test_noise(noise: bytes, magic: str) -> None:
    told = same_every_way(bytes.fromhex(magic) + noise)
    assert told.refused is not None or not told.results


if CORPUS:
    CORPUS_NAMES = st.sampled_from(sorted(CORPUS))
else:
    CORPUS_NAMES = st.just("")


class TestCorpus:
    pytestmark = needs_corpus

    @calm(100)
    @given(CORPUS_NAMES, SEEDS)
    def test_changed_frames(self, name: str, seed: int) -> None:
        frames = changed_frames(frames_in(CORPUS[name]), random.Random(seed))
        sound(pcapng(frames), pages=seed % 16 == 0)

    @calm(60)
    @given(CORPUS_NAMES, SEEDS)
    def test_changed_bytes(self, name: str, seed: int) -> None:
        sound(changed_file(CORPUS[name], random.Random(seed)), pages=seed % 16 == 0)

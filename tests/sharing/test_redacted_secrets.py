"""Every place in which a secret was ever planted: in the redacted capture it stands nowhere."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.redaction import left_of
from tests.reading import connections_of
from tests.secrets.planted import MARK, all_of_it
from tests.secrets.twisted import twisted
from tests.sharing.reading import holds, redacted
from tests.wire.files import pcap


def test_nothing_of_all_planted_conversations_is_left(tmp_path: Path) -> None:
    frames, places = all_of_it()
    source = tmp_path / "planted.pcap"
    source.write_bytes(pcap(frames))
    content, summary, _ = redacted(source)
    assert not holds(content, MARK.encode())
    assert len(places) > 780
    assert summary.frames == summary.of_frames
    made = tmp_path / "made.pcapng"
    made.write_bytes(content)
    before, after = connections_of(source), connections_of(made)
    assert len(after) == len(before)
    same = sum(one.outcome == other.outcome for one, other in zip(before, after, strict=True))
    assert same > 0.97 * len(before)


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=64, max_size=256))
def test_nothing_is_left_however_it_is_written_cut_or_lost(data: bytes) -> None:
    name, frames = twisted(data)
    assert left_of(frames) == [], name

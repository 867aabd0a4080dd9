"""Several files as one."""

from __future__ import annotations

import heapq
import io
import os
import random
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.capture import PcapngWriter, PcapWriter, open_capture, open_merged
from analyzer.errors import CaptureError
from tests.capture.support import SECOND, START, frames_of, written_pcap


def write(path: Path, times: list[int], link_type: int = 1, secret: bytes | None = None) -> str:
    """A file with a frame for each time, whose bytes name the file and the place in it."""
    with path.open("wb") as out:
        if secret is None:
            plain = PcapWriter(out, link_type=link_type)
            for place, time in enumerate(times):
                plain.write(f"{path.name}:{place}".encode(), time)
        else:
            writer = PcapngWriter(out, link_type=link_type)
            writer.secrets(secret)
            for place, time in enumerate(times):
                writer.write(f"{path.name}:{place}".encode(), time)
    return str(path)


def expected(sets: list[list[int]]) -> list[tuple[int, str]]:
    """The merge by definition: of the next frames the earliest, of equal ones that of the first file."""
    heads = [(times[0], order, 0) for order, times in enumerate(sets) if times]
    heapq.heapify(heads)
    result = []
    while heads:
        time, order, place = heapq.heappop(heads)
        result.append((time, f"{order}:{place}"))
        if place + 1 < len(sets[order]):
            heapq.heappush(heads, (sets[order][place + 1], order, place + 1))
    return result


def merged(names: list[str], batch_bytes: int = 1 << 20) -> list[tuple[int, str]]:
    with open_merged(names, batch_bytes=batch_bytes) as source:
        rows = frames_of(source)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert source.frames == len(rows)
    assert not source.warnings
    return [(row.timestamp_ns, row.data.decode()) for row in rows]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None
)
@given(
    sets=st.lists(st.lists(st.integers(0, 60), max_size=25).map(sorted), min_size=2, max_size=5),
    batch_bytes=st.sampled_from([1, 100, 1 << 20]),
)
def test_the_order_is_that_of_a_merge(tmp_path: Path, sets: list[list[int]], batch_bytes: int) -> None:
    names = [write(tmp_path / str(order), times) for order, times in enumerate(sets)]
    assert merged(names, batch_bytes) == expected(sets)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None
)
@given(
    sets=st.lists(st.lists(st.integers(0, 60), max_size=25), min_size=2, max_size=4),
    batch_bytes=st.sampled_from([1, 100, 1 << 20]),
)
def test_times_that_go_backwards(tmp_path: Path, sets: list[list[int]], batch_bytes: int) -> None:
    names = [write(tmp_path / str(order), times) for order, times in enumerate(sets)]
    found = merged(names, batch_bytes)
    assert sorted(found) == sorted(expected(sets))
    for order, times in enumerate(sets):
        own = [text for _, text in found if text.startswith(f"{order}:")]
        assert own == [f"{order}:{place}" for place in range(len(times))]


def test_a_rotated_set_in_any_order(tmp_path: Path) -> None:
    names = [write(tmp_path / str(n), [START + (n * 10 + i) * SECOND for i in range(10)]) for n in range(300)]
    random.Random(1).shuffle(names)
    descriptors = len(os.listdir("/proc/self/fd"))
    with open_merged(names) as source:
        next(source)
        # Only what the merge has reached is open.
        assert len(os.listdir("/proc/self/fd")) <= descriptors + 3
        assert source.progress()[0] < source.progress()[1]  # type: ignore[operator]
        rows = frames_of(source)
    assert [row.timestamp_ns for row in rows] == [START + i * SECOND for i in range(10, 3000)]
    assert rows[-1].number == 3000
    assert source.progress()[0] == source.progress()[1]
    assert source.name == f"{names[0]} and 299 more"


def test_files_that_follow_each_other_are_not_copied(tmp_path: Path) -> None:
    names = [write(tmp_path / "a", [1, 2, 100]), write(tmp_path / "b", [100, 200])]
    with open_merged(names) as source:
        batches = list(source)
    assert [len(batch.data) for batch in batches] == [Path(name).stat().st_size for name in names]  # as they were read
    assert [time for batch in batches for time in batch.timestamp_ns.tolist()] == [1, 2, 100, 100, 200]


def test_formats_links_secrets_and_warnings_are_collected(tmp_path: Path) -> None:
    names = [
        write(tmp_path / "a", [START, START + 2], 1, b"key a"),
        write(tmp_path / "b", [START + 1, START + 3], 113, b"key b"),
        write(tmp_path / "c", [], 1, b"key c"),
    ]
    cut = tmp_path / "cut"
    cut.write_bytes(written_pcap(3)[:-1])
    with open_merged([*names, str(cut)]) as source:
        rows = frames_of(source)
    assert [row.link_type for row in rows[:4]] == [1, 1, 113, 1]
    assert sorted(source.secrets) == [b"key a", b"key b", b"key c"]
    assert source.cut_short
    assert [(warning.source, warning.frame) for warning in source.warnings] == [(str(cut), 3)]
    assert source.format == "pcapng and pcap with nanoseconds"


def test_one_that_can_not_be_opened(tmp_path: Path) -> None:
    good = write(tmp_path / "a", [1])
    with pytest.raises(CaptureError, match="no such file"):
        open_merged([good, str(tmp_path / "none")])
    bad = tmp_path / "bad"
    bad.write_bytes(b"not a capture")
    with pytest.raises(CaptureError, match="neither"):
        open_merged([good, str(bad)])
    with pytest.raises(ValueError, match="no captures"):
        open_merged([])


def test_a_file_that_vanishes_before_its_turn(tmp_path: Path) -> None:
    names = [write(tmp_path / "a", [1, 2]), write(tmp_path / "b", [5, 6])]
    with open_merged(names) as source:
        (tmp_path / "b").unlink()
        assert len(frames_of(source)) == 2
    assert source.cut_short
    assert "not any more" in source.warnings[0].message


def test_one_name_is_that_source(tmp_path: Path) -> None:
    name = write(tmp_path / "a", [1, 2])
    with open_merged([name]) as one, open_capture(name) as other:
        assert one.name == other.name == name
        assert frames_of(one) == frames_of(other)


def test_closing_early(tmp_path: Path) -> None:
    names = [write(tmp_path / str(n), [1, 2, 3]) for n in range(3)]
    source = open_merged(names, batch_bytes=1)
    next(source)
    source.close()
    assert list(source) == []


def test_a_fifo_beside_a_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    content = io.BytesIO()
    writer = PcapWriter(content)
    for time in (2, 4):
        writer.write(b"fifo", time)
    thread = threading.Thread(target=lambda: fifo.write_bytes(content.getvalue()))
    thread.start()
    with open_merged([write(tmp_path / "a", [1, 3, 5]), str(fifo)]) as source:
        assert [row.timestamp_ns for row in frames_of(source)] == [1, 2, 3, 4, 5]
        assert source.progress()[1] is None
    thread.join()

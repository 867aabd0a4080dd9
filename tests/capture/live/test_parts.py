"""The parts of `live`, each alone: blocks, the channel, files, programs, the live analysis, the table."""

from __future__ import annotations

import errno
import io
import os
import signal
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.keylogs import KeyLogFile
from analyzer.analysis.live import LiveAnalysis
from analyzer.analysis.model.counts import Counts
from analyzer.batches import FrameBatch
from analyzer.capture import open_capture, open_stream
from analyzer.capture.live import programs
from analyzer.capture.live.capture import Capture, CapturedInterface, Limits, Signals
from analyzer.capture.live.channel import DONE, Arena, Inlet, Outlet
from analyzer.capture.live.files import CaptureFiles, Counters, Rotation, Target
from analyzer.capture.live.frames import FrameBuffer, PacketBlocks, pack_all, sizes_of
from analyzer.capture.live.interfaces import Port
from analyzer.capture.live.programs import Program, once, program_for
from analyzer.capture.live.ring import RingSource, cooked_header
from analyzer.capture.writer import PcapngWriter
from analyzer.cli.live import GREETINGS
from analyzer.report.text.live_table import LiveTable
from tests.corpus import REPOSITORY
from tests.reading import BatchSource, connections_of
from tests.wire.frames import Frame, batches
from tests.wire.mysql import err, greeting, login
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, Step, conversation

ETHERNET = Port("eth9", 9, 1, cooked=False, loopback=False, up=True)
REFUSED: list[Step] = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access \x1b[31mdenied", "28000"))]
NOTHING = [Counters(0, 0, 0)]


def frames_of(
    pieces: list[tuple[int, bytes, int]], *, interface: int = 0, tags: dict[int, bytes] | None = None
) -> FrameBuffer:
    """(time, bytes, bytes that were cut off) of each."""
    lengths = np.array([len(data) for _, data, _ in pieces], dtype=np.int64)
    return FrameBuffer(
        memoryview(b"".join(data for _, data, _ in pieces)),
        np.full(len(pieces), interface, dtype=np.int64),
        np.array([at for at, _, _ in pieces], dtype=np.int64),
        np.cumsum(lengths) - lengths,
        lengths,
        lengths + np.array([cut for _, _, cut in pieces], dtype=np.int64),
        None,
        tags or {},
    )


def block_of(parts: list[FrameBuffer]) -> PacketBlocks:
    order, sizes, times = sizes_of(parts)
    # What was in the memory before does not shine through.
    out = np.full(int(sizes.sum()), 0xEE, dtype=np.uint8)
    return PacketBlocks(out, pack_all(parts, order, sizes, out), sizes[order], times[order])


def head(interfaces: int = 1) -> bytes:
    file = io.BytesIO()
    writer = PcapngWriter(file)
    for _ in range(interfaces - 1):
        writer.interface(1)
    return file.getvalue()


def read(data: bytes) -> list[tuple[int, bytes, int]]:
    found = []
    with open_stream(io.BytesIO(data), "x") as source:
        for batch in source:
            found += rows_of(batch)
        assert not source.warnings
        assert not source.cut_short
    return found


def rows_of(batch: FrameBatch) -> list[tuple[int, bytes, int]]:
    view = memoryview(batch.data)
    columns = (batch.timestamp_ns, batch.offset, batch.captured, batch.original)
    return [
        (at, bytes(view[offset : offset + size]), original - size)
        for at, offset, size, original in zip(*(column.tolist() for column in columns), strict=True)
    ]


PIECES = st.lists(
    st.tuples(st.integers(0, 1 << 61), st.binary(max_size=70), st.integers(0, 2000)), min_size=1, max_size=40
)


@given(PIECES)
def test_blocks_hold_the_frames(pieces: list[tuple[int, bytes, int]]) -> None:
    assert read(head() + block_of([frames_of(pieces)]).data.tobytes()) == pieces


@given(st.lists(PIECES, min_size=2, max_size=4))
def test_frames_of_several_interfaces_come_in_order(parts: list[list[tuple[int, bytes, int]]]) -> None:
    block = block_of([frames_of(sorted(part), interface=number) for number, part in enumerate(parts)])
    found = read(head(len(parts)) + block.data.tobytes())
    assert sorted(found) == sorted(piece for part in parts for piece in part)
    assert [at for at, _, _ in found] == sorted(at for at, _, _ in found) == block.timestamp_ns.tolist()


@given(PIECES, st.data())
def test_a_tag_goes_behind_the_addresses(pieces: list[tuple[int, bytes, int]], data: st.DataObject) -> None:
    rows = data.draw(st.sets(st.integers(0, len(pieces) - 1)))
    pieces = [(at, frame.ljust(14, b"x"), cut) for at, frame, cut in pieces]
    tag = bytes.fromhex("8100200a")
    found = read(head() + block_of([frames_of(pieces, tags=dict.fromkeys(rows, tag))]).data.tobytes())
    for row, (at, frame, cut) in enumerate(pieces):
        assert found[row] == (at, frame[:12] + tag + frame[12:] if row in rows else frame, cut)


def test_a_cooked_header_is_laid_out_as_its_page_says() -> None:
    # struct sockaddr_ll: family, protocol (network order), interface, ARPHRD, packet type, address length, address.
    raw = struct.pack("=H2siHBB8s", 17, b"\x08\x00", 3, 772, 4, 6, bytes(range(8)))
    header = cooked_header(np.frombuffer(raw, dtype=np.uint32).reshape(1, 5))
    assert header.tobytes() == struct.pack("!HHIHBB8s", 0x0800, 0, 3, 772, 4, 6, bytes(range(8)))


# -- filters -----------------------------------------------------------------------------------------------------------


def instructions(program: Program) -> list[tuple[int, ...]]:
    return list(struct.iter_unpack("=HBBI", program.code))


def test_a_loopback_interface_lets_each_frame_in_once() -> None:
    everything = Program.everything(99)
    assert once(everything, ETHERNET) == everything
    loopback = Port("lo", 1, 1, cooked=False, loopback=True, up=True)
    assert instructions(once(everything, loopback)) == [
        (0x20, 0, 0, programs.AD_PKTTYPE),
        (0x15, 0, 1, programs.OUTGOING),
        (0x06, 0, 0, 0),
        (0x06, 0, 0, 99),
    ]


def test_cooked_programs_read_what_the_kernel_has() -> None:
    everywhere = Port("tun9", 9, 276, cooked=True, loopback=False, up=True)
    code = instructions(program_for("tcp port 3306", everywhere, 262144))
    loads = [k for op, _, _, k in code if op & 7 in (0, 1) and op & 0xE0 in (0x20, 0x40, 0xA0)]
    assert loads[0] == programs.AD_PROTOCOL
    assert all(k >= programs.AD_OFF or k < 60 for k in loads)
    # The IP header is at the front: its protocol is its tenth byte.
    assert 9 in loads


# -- files -------------------------------------------------------------------------------------------------------------


def written(tmp_path: Path, pieces: list[tuple[int, bytes, int]], target: Target) -> CaptureFiles:
    files = CaptureFiles(target, [ETHERNET], ["tcp"], 262144)
    block = block_of([frames_of(pieces)])
    assert files.write(block, lambda: NOTHING) == len(pieces) or files.full
    files.close(NOTHING)
    return files


PLAIN = [(START + number, bytes([number]) * 60, 0) for number in range(100)]


def test_a_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    written(tmp_path, PLAIN, Target(str(path)))
    assert read(path.read_bytes()) == PLAIN


@given(limit=st.integers(1, 12))
def test_rings_lose_nothing_between_files(tmp_path_factory: pytest.TempPathFactory, limit: int) -> None:
    folder = tmp_path_factory.mktemp("ring")
    written(folder, PLAIN, Target(str(folder / "r.pcapng"), Rotation(kilobytes=limit)))
    names = sorted(folder.iterdir())
    assert [piece for name in names for piece in read(name.read_bytes())] == PLAIN
    assert all(name.stat().st_size >= limit * 1000 for name in names[:-1])


def test_a_ring_keeps_so_many_files(tmp_path: Path) -> None:
    files = written(tmp_path, PLAIN, Target(str(tmp_path / "r.pcapng"), Rotation(kilobytes=1, files=2)))
    names = sorted(tmp_path.iterdir())
    assert [str(name) for name in names] == list(files.names)
    assert len(names) == 2
    kept = [piece for name in names for piece in read(name.read_bytes())]
    assert kept == PLAIN[-len(kept) :]


def test_a_ring_goes_on_where_an_earlier_run_ended(tmp_path: Path) -> None:
    path = tmp_path / "r.pcapng"
    others = [tmp_path / name for name in ("r_00001_2026.pcapng", "r_00001_20261128110000.pcap", "rr.pcapng")]
    for other in others:
        other.write_bytes(b"not the ring's")
    (tmp_path / "r_00000_20261128110000.pcapng").symlink_to(others[0])
    written(tmp_path, PLAIN, Target(str(path), Rotation(kilobytes=2)))
    before = sorted(name for name in tmp_path.glob("r_*_*.pcapng") if name not in others and not name.is_symlink())
    assert len(before) > 3
    files = written(tmp_path, PLAIN, Target(str(path), Rotation(kilobytes=2, files=len(before) + 1, resume=True)))
    there = {name for name in tmp_path.iterdir() if name not in others and not name.is_symlink()}
    assert {str(name) for name in there} == set(files.names)
    assert len(there) == len(before) + 1
    numbers = [int(name.split("_")[-2]) for name in files.names]
    assert numbers == list(range(len(before), 2 * len(before) + 1))
    assert all(other.read_bytes() == b"not the ring's" for other in others)
    # As many more as asked for, whatever was there.
    files = written(tmp_path, PLAIN, Target(str(path), Rotation(kilobytes=2, files=3, resume=True), stop_files=1))
    assert (len(files.names), files.full) == (3, True)
    assert files.names[-1].split("_")[-2] == f"{2 * len(before) + 1:05}"


@pytest.mark.parametrize("room", range(300, 2400, 77))
def test_a_full_disk_leaves_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    path = tmp_path / "x.pcapng"
    real = os.write

    def write(descriptor: int, data: bytes | memoryview) -> int:
        left = room - os.lseek(descriptor, 0, os.SEEK_CUR)
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, bytes(data)[:left])

    monkeypatch.setattr("os.write", write)
    files = CaptureFiles(Target(str(path)), [ETHERNET], ["tcp"], 262144)
    kept = files.write(block_of([frames_of(PLAIN)]), lambda: NOTHING)
    files.close(NOTHING)
    monkeypatch.undo()
    assert files.problem is not None
    assert "no space left" in files.problem
    assert read(path.read_bytes()) == PLAIN[:kept]
    assert path.stat().st_size <= room


# -- the channel -------------------------------------------------------------------------------------------------------


class Pair:
    """Both ends in one process."""

    def __init__(self, size: int = 1 << 16) -> None:
        messages, answers = os.pipe(), os.pipe()
        arena = Arena(size)
        self.outlet = Outlet(arena, messages[1], answers[0])
        self.inlet = Inlet(arena, messages[0], answers[1], [1, 1])
        self._left = (messages[0], answers[1])
        self.number = 1

    def give(self, pieces: list[tuple[int, bytes, int]]) -> bool:
        part = frames_of(pieces)
        order, sizes, times = sizes_of([part])
        out = self.outlet.room(int(sizes.sum()) + 4 * len(part))
        if out is None:
            self.outlet.skip(len(part))
        else:
            block = PacketBlocks(out, pack_all([part], order, sizes, out), sizes, times)
            self.outlet.send(block, len(part), self.number)
        self.number += len(part)
        return out is not None

    def take(self) -> list[tuple[int, tuple[int, bytes, int]]]:
        found = []
        for batch in self.inlet.batches(0):
            # What is compiled takes no others.
            columns = (batch.number, batch.timestamp_ns, batch.link_type, batch.offset, batch.captured, batch.original)
            assert all(column.flags.c_contiguous for column in columns)
            found += list(zip(batch.number.tolist(), rows_of(batch), strict=True))
        return found

    def close(self) -> None:
        self.outlet.close()
        for number in self._left:
            os.close(number)


@given(st.lists(st.one_of(st.integers(1, 30), st.none()), max_size=60))
def test_what_is_not_skipped_arrives_as_it_was(steps: list[int | None]) -> None:
    """A number gives so many frames, None takes what is there; the memory holds few of them."""
    pair = Pair(1 << 13)
    try:
        given_: dict[int, tuple[int, bytes, int]] = {}
        taken: dict[int, tuple[int, bytes, int]] = {}
        for step in [*steps, None]:
            if step is None:
                taken.update(pair.take())
                continue
            first = pair.number
            pieces = [
                (START + number, bytes([number & 255]) * (number % 90), 0) for number in range(first, first + step)
            ]
            if pair.give(pieces):
                given_.update(enumerate(pieces, first))
        taken.update(pair.take())
        assert taken == given_
        assert pair.outlet.skipped == pair.number - 1 - len(given_)
    finally:
        pair.close()


def test_the_other_side_is_told_what_was_skipped() -> None:
    pair = Pair(1 << 12)
    try:
        while pair.give([(START, b"x" * 60, 0)]):
            pass
        assert pair.outlet.skipped == 1
        pair.take()
        pair.outlet.counters(77, 3)
        assert pair.outlet.end(78, 4)
        pair.take()
        progress = pair.inlet.progress
        assert (progress.captured, progress.dropped, progress.skipped, progress.ended) == (78, 4, 1, True)
        pair.inlet.answer(DONE, 5)
        pair.outlet.listen()
        assert pair.outlet.answers == {DONE: 5}
    finally:
        pair.close()


class Waiting:
    """An interface that has one frame to give, and nothing else."""

    down: str | None = None

    def __init__(self, number: int, at: int) -> None:
        self.port, self.number = ETHERNET, number
        self._left = [frames_of([(at, b"waits", 0)], interface=number)]
        self._read, self._write = os.pipe()

    def fileno(self) -> int:
        return self._read

    def take(self) -> FrameBuffer | None:
        return self._left[0] if self._left else None

    def release(self) -> None:
        self._left.clear()

    def statistics(self) -> tuple[int, int]:
        return 1, 0

    def failed(self) -> None: ...

    def stop(self) -> None: ...

    def drain_seconds(self) -> float:
        return 0.0

    def pending(self) -> bool:
        return False

    def wait(self, seconds: float) -> None: ...

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@pytest.mark.parametrize("interfaces", [1, 2])
def test_what_waits_when_the_signal_comes_is_kept(interfaces: int) -> None:
    pair = Pair()
    signals = Signals()
    try:
        sources: list[CapturedInterface] = [Waiting(number, START) for number in range(interfaces)]
        signal.raise_signal(signal.SIGTERM)
        ended = Capture(sources, None, pair.outlet, signals, Limits(), print).run()
        assert ended.captured == ended.received == len(pair.take()) == interfaces
    finally:
        signals.close()
        pair.close()


class Late(Waiting):
    """One whose frame the kernel has counted, and hands over when it is asked for the fourth time."""

    def __init__(self, number: int, at: int) -> None:
        super().__init__(number, at)
        self._asked = 0

    def take(self) -> FrameBuffer | None:
        self._asked += 1
        return super().take() if self._asked > 3 else None

    def pending(self) -> bool:
        return bool(self._left)


@pytest.mark.parametrize("interfaces", [1, 2])
def test_what_the_kernel_has_counted_is_waited_for(interfaces: int) -> None:
    pair = Pair()
    signals = Signals()
    try:
        sources: list[CapturedInterface] = [Late(number, START) for number in range(interfaces)]
        signal.raise_signal(signal.SIGTERM)
        ended = Capture(sources, None, pair.outlet, signals, Limits(), print).run()
        assert ended.captured == ended.received == len(pair.take()) == interfaces
    finally:
        signals.close()
        pair.close()


def test_either_side_may_go() -> None:
    messages, answers = os.pipe(), os.pipe()
    outlet = Outlet(Arena(4096), messages[1], answers[0])
    os.close(messages[0])
    os.close(answers[1])
    outlet.listen()
    assert outlet.lost
    assert outlet.room(100) is None
    outlet.close()
    messages, answers = os.pipe(), os.pipe()
    inlet = Inlet(Arena(4096), messages[0], answers[1], [1])
    os.close(messages[1])
    assert list(inlet.batches(0.1)) == []
    assert inlet.over
    assert inlet.progress.lost
    for number in (messages[0], *answers):
        os.close(number)


# -- the analysis ------------------------------------------------------------------------------------------------------


def news_of(analysis: LiveAnalysis, frames: list[Frame], size: int) -> list[tuple[int, str, bool]]:
    found = [news for batch in batches(frames, size) for news in analysis.take(batch)]
    return [(connection.stream, connection.outcome, final) for connection, _, final in found]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_connection_is_told_of_twice(size: int) -> None:
    analysis = LiveAnalysis("x", AnalysisOptions())
    found = news_of(analysis, conversation([*ACCEPTED, *GOODBYE]), size)
    found += [(c.stream, c.outcome, final) for c, _, final in analysis.tick(START + 100 * SECOND)]
    found += [(c.stream, c.outcome, final) for c, _, final in analysis.end()]
    assert found == [(0, "accepted", False), (0, "accepted", True)]
    assert analysis.open_now == 0


def test_a_connection_without_a_verdict_is_told_of_at_its_end() -> None:
    analysis = LiveAnalysis("x", AnalysisOptions())
    assert news_of(analysis, conversation([("s", greeting()), *GOODBYE[1:]]), 1) == []
    assert [(c.outcome, final) for c, _, final in analysis.end()] == [("aborted", True)]


def test_idle_connections_end_by_age_and_by_number() -> None:
    analysis = LiveAnalysis("x", AnalysisOptions(), most_open=50, idle_ns=10 * SECOND)
    found: list[tuple[int, str, bool]] = []
    for number in range(120):
        frames = conversation([*ACCEPTED], client=("10.3.0.1", 1024 + number), start_ns=START + number * SECOND // 100)
        found += news_of(analysis, frames, 0)
    assert analysis.open_now <= 50
    ended = [number for number, _, final in found if final]
    assert ended[:5] == [0, 1, 2, 3, 4]
    assert len(ended) == 120 - analysis.open_now
    left = [(c.stream, final) for c, _, final in analysis.tick(START + 60 * SECOND)]
    assert sorted([*ended, *(number for number, _ in left)]) == list(range(120))
    assert all(final for _, final in left)
    assert analysis.open_now == 0


def test_a_key_log_that_is_not_there_brings_nothing(tmp_path: Path) -> None:
    analysis = LiveAnalysis("x", AnalysisOptions(), follow_keys=True)
    assert list(analysis.poll_keys([KeyLogFile(tmp_path / "none")])) == []


# -- the table ---------------------------------------------------------------------------------------------------------


def shown(table: LiveTable, console: Console, counts: Counts) -> list[str]:
    with console.capture() as capture:
        console.print(table.picture(counts))
    return capture.get().splitlines()


def test_the_table_shows_failing_and_newest_first_and_no_escapes() -> None:
    console = Console(width=150, height=20, force_terminal=False)
    table = LiveTable("eth9", console)
    analysis = LiveAnalysis("x", AnalysisOptions())
    frames = [*conversation(REFUSED, client=("10.3.0.9", 1000))]
    for number in range(40):
        frames += conversation([*ACCEPTED], client=("10.3.0.1", 2000 + number), start_ns=START + number * SECOND)
    for batch in batches(frames):
        for connection, _, final in analysis.take(batch):
            table.connection(connection, final)
    lines = shown(table, console, Counts(10.0, 1000, 41, 1, 5, 7, 41))
    assert len(lines) <= 20
    assert lines[0].startswith(
        "eth9  10s  frames 1,000 (100/s)  logins 41 (4/s)  failed 1 (0/s)  dropped 5 (0/s), skipped 7"
    )
    assert lines[1].split()[:2] == ["#", "Time"]
    assert "rejected" in lines[2]
    assert "1045" in lines[2]
    assert "\x1b" not in "".join(lines)
    assert lines[3].split()[0] == "40"
    assert lines[4].split()[0] == "39"


def test_the_table_has_two_lines_for_each_in_80_columns() -> None:
    console = Console(width=80, height=20, force_terminal=False)
    table = LiveTable("eth9", console)
    analysis = LiveAnalysis("x", AnalysisOptions())
    frames = [*conversation(REFUSED, client=("10.3.0.9", 1000))]
    for number in range(40):
        frames += conversation([*ACCEPTED], client=("10.3.0.1", 2000 + number), start_ns=START + number * SECOND)
    for batch in batches(frames):
        for connection, _, final in analysis.take(batch):
            table.connection(connection, final)
    lines = shown(table, console, Counts(10.0, 1000, 41, 1, 5, 7, 41))
    assert len(lines) <= 20
    assert all(len(line) <= 80 for line in lines)
    assert "rejected" in lines[2]
    assert "10.3.0.9:1000" in lines[2]
    assert lines[3].startswith("    -> 1045 (28000) Access ")
    assert "\x1b" not in "".join(lines)
    assert lines[4].split()[0] == "40"
    assert lines[4].endswith("open")


@pytest.mark.parametrize("v6", [False, True])
def test_greetings_on_other_ports_are_noted_and_let_go(v6: bool) -> None:
    analysis = LiveAnalysis("x", AnalysisOptions(), shown_ports=frozenset({3306}))
    server = ("2001:db8::2" if v6 else "10.0.0.2", 33097)
    client = "2001:db8::1" if v6 else "10.3.0.1"
    told = []
    for number in range(30):
        # What the filter of the kernel lets through of it: the greeting alone.
        for batch in batches(conversation([*ACCEPTED], client=(client, 2000 + number), server=server)[3:4]):
            told += list(analysis.take(batch))
    for batch in batches(conversation([*ACCEPTED, *GOODBYE], client=("10.3.0.1", 5000))):
        told += list(analysis.take(batch))
    told += list(analysis.end())
    assert analysis.elsewhere == {server: 30}
    assert {connection.server.port for connection, _, _ in told} == {3306}
    assert analysis.totals.mysql_connections == 1


@pytest.mark.parametrize("v6", [False, True])
@pytest.mark.parametrize("port", [ETHERNET, Port("any", 0, 276, cooked=True, loopback=False, up=True)])
def test_the_default_filter_takes_greetings_on_any_port(v6: bool, port: Port) -> None:
    client, server = ("::1", "::1") if v6 else ("10.0.0.1", "10.0.0.2")
    frames = conversation([*ACCEPTED, *GOODBYE], client=(client, 50000), server=(server, 33097))
    text = f"tcp port 3306 or {GREETINGS}"
    assert program_for(text, port, 65535).code  # both forms compile
    code = programs.compile_filter(text, 1, 65535).code
    taken = [index for index, frame in enumerate(frames) if run_bpf(code, bytes(frame.data))]
    assert taken == [3]
    usual = conversation([*ACCEPTED, *GOODBYE])
    assert all(run_bpf(code, bytes(frame.data)) for frame in usual)


def run_bpf(code: bytes, packet: bytes) -> int:
    """What a filter's program says of a packet: the instructions that pcap's compiler makes for filters like ours."""
    accumulator = index = at = 0
    rows = list(struct.iter_unpack("=HBBI", code))
    while True:
        op, true, false, k = rows[at]
        at += 1
        kind, mode, size = op & 7, op & 0xE0, {0: 4, 8: 2, 16: 1}[op & 0x18]
        if kind == 6:
            return int(k)
        if op == 0xB1:  # ldxb 4*([k]&0xf)
            index = 4 * (packet[k] & 15)
        elif kind in (0, 1):
            begin = k + (index if mode == 0x40 else 0)
            value = k if mode == 0 else int.from_bytes(packet[begin : begin + size], "big")
            if mode and begin + size > len(packet):
                return 0
            accumulator, index = (value, index) if kind == 0 else (accumulator, value)
        elif kind == 4:
            operand = index if op & 8 else k
            operations = {0: accumulator + operand, 0x50: accumulator & operand, 0x70: accumulator >> (operand & 31)}
            accumulator = operations[op & 0xF0] & 0xFFFFFFFF
        elif kind == 5:
            holds = {0x10: accumulator == k, 0x40: bool(accumulator & k)}[op & 0xF0]
            at += true if holds else false
        elif kind == 7:
            index, accumulator = (accumulator, accumulator) if not op & 0x80 else (index, index)


def test_the_table_keeps_few() -> None:
    table = LiveTable("x", Console(width=100, height=20))
    (result,) = [c for c, _, _ in LiveAnalysisOnce().news()]
    for number in range(5000):
        table.connection(msgspec.structs.replace(result, stream=number), True)
    assert 100 < len(table) <= 400


class LiveAnalysisOnce:
    """The news of one accepted connection at its end."""

    def news(self) -> list[tuple[Any, Any, bool]]:
        analysis = LiveAnalysis("x", AnalysisOptions())
        for batch in batches(conversation([*ACCEPTED])):
            list(analysis.take(batch))
        return list(analysis.end())


def test_the_ring_needs_privileges_or_an_interface() -> None:
    from analyzer.errors import CaptureError

    down = Port("no-such-if9", 1 << 20, 1, cooked=False, loopback=False, up=True)
    with pytest.raises(CaptureError):
        RingSource(down, Program.nothing(), number=0, buffer=1 << 20, promiscuous=False)


def lines_and_frames(name: str) -> tuple[list[bytes], list[FrameBatch]]:
    """The key log lines inside a sample, and its frames, a batch each."""
    with open_capture(str(REPOSITORY / "samples" / name)) as source:
        rows = [batch.part(slice(at, at + 1)) for batch in source for at in range(len(batch))]
        return b"".join(source.secrets).splitlines(keepends=True), rows


@given(data=st.data(), name=st.sampled_from(["mariadb118_cli_tls13.pcapng", "mysql97_cli_tls12.pcapng"]))
@settings(max_examples=30)
def test_secrets_may_come_one_by_one_at_any_time(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    lines, frames = lines_and_frames(name)
    places = data.draw(st.lists(st.integers(0, len(frames)), min_size=len(lines), max_size=len(lines)))
    due = sorted(zip(sorted(places), range(len(lines)), strict=True))
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    analysis = LiveAnalysis("x", AnalysisOptions(), follow_keys=True)
    file = KeyLogFile(path)
    news = []
    for number, batch in enumerate([*frames, None]):
        while due and due[0][0] <= number:
            with path.open("ab") as log:
                log.write(lines[due.pop(0)[1]])
            news += list(analysis.poll_keys([file]))
        if batch is not None:
            news += list(analysis.take(batch))
    news += list(analysis.end())
    assert [final for _, _, final in news][-1:] == [True]
    assert [connection.outcome for connection, _, final in news if final] == ["accepted"]
    last = news[-1][0]
    (theirs,) = connections_of(BatchSource("x", frames), AnalysisOptions(keylogs=(b"".join(lines),)))
    assert msgspec.to_builtins(last) == msgspec.to_builtins(theirs)

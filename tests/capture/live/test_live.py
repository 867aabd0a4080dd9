"""`handshark live` on an interface: what it shows, what it writes, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.capture import open_capture
from tests.capture.live.network import Network, network
from tests.capture.live.support import (
    ENVIRONMENT,
    HANDSHARK,
    SECONDS,
    Live,
    analysed,
    frames_on_disk,
    live,
    may_capture,
    send,
)
from tests.corpus import REPOSITORY
from tests.wire.frames import Frame
from tests.wire.mysql import err, greeting, login, query
from tests.wire.script import ACCEPTED, GOODBYE, Step, conversation

REFUSED: list[Step] = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied", "28000"))]


@pytest.fixture(scope="module")
def wire() -> Iterator[Network]:
    may_capture()
    with network() as pair:
        yield pair


def connection(number: int = 1, *, whole: bool = True) -> list[Frame]:
    """The frames of one accepted connection; its client's address tells which."""
    script = [*ACCEPTED, *GOODBYE] if whole else [*ACCEPTED]
    return conversation(
        script, client=(f"10.1.{number >> 8}.{number & 255}", 40000 + number), server=("10.2.0.1", 3306)
    )


def frames_in(path: Path) -> int:
    with open_capture(str(path)) as source:
        count = sum(len(batch) for batch in source)
        assert not source.warnings
        assert not source.cut_short
    return count


def content(path: Path) -> bytes:
    """What a file of a ring has; nothing where it has made room for another."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def same(shown: list[dict[str, object]], written: list[dict[str, object]]) -> None:
    """What was shown at the end is what the file says, but for the capture's name."""
    for rows in (shown, written):
        rows.sort(key=lambda row: str(row["stream"]).zfill(8))
    left = [{key: row[key] for key in row if key not in ("final", "capture")} for row in shown]
    right = [{key: row[key] for key in row if key != "capture"} for row in written]
    assert left == right


def test_shows_a_connection_when_its_login_is_decided_and_when_it_ends(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    frames = [*connection(1), *conversation(REFUSED, client=("10.1.0.7", 40007), server=("10.2.0.1", 3306))]
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, "--format", "jsonl") as run:
        send(wire, connection(1, whole=False))
        first = run.wait_for_rows(1)
        assert [(row["final"], row["outcome"], row["login"]["user"]) for row in first] == [(False, "accepted", "app")]
        send(wire, connection(1)[len(connection(1, whole=False)) :])
        send(wire, frames[len(connection(1)) :])
        run.wait_for_rows(2, final=False)
        run.wait_for_frames(file, len(frames))
        assert run.end() == 0
    outcomes = [(row["stream"], row["final"], row["outcome"]) for row in run.rows()]
    assert sorted(outcomes) == [
        (0, False, "accepted"),
        (0, True, "accepted"),
        (1, False, "rejected"),
        (1, True, "rejected"),
    ]
    assert run.number("frames captured") == len(frames) == frames_in(file)
    assert run.number("dropped by the kernel") == 0
    assert run.number("MySQL connections") == 2
    assert run.number("failed") == 1
    same(run.rows(final=True), analysed(file))


def test_frames_come_as_they_were_sent(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    sent = [frame.data for frame in connection(3)]
    tagged = sent[0][:12] + bytes.fromhex("8100200a") + sent[0][12:]
    with live("-i", wire.near, "-f", "", "-w", file) as run:
        before = time.time_ns()
        send(wire, [*sent, tagged])
        run.wait_until(lambda: file.exists() and sent[-1] in file.read_bytes() and tagged[12:] in file.read_bytes())
        assert run.end(signal.SIGTERM) == 0
    found = []
    with open_capture(str(file)) as source:
        for batch in source:
            view = memoryview(batch.data)
            for offset, size, at in zip(
                batch.offset.tolist(), batch.captured.tolist(), batch.timestamp_ns.tolist(), strict=True
            ):
                found.append(bytes(view[offset : offset + size]))
                assert before - 1_000_000_000 < at < time.time_ns()
    # The interface may say something of its own (neighbour discovery).
    assert [frame for frame in found if frame in {*sent, tagged}] == [*sent, tagged]


def test_the_counters_are_in_the_file(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file) as run:
        send(wire, connection(4))
        run.wait_for_frames(file, len(connection(4)))
        assert run.end() == 0
    raw = file.read_bytes()
    block = raw[raw.rindex((5).to_bytes(4, "little") + b"\x70\0\0\0") :]
    options = {}
    place = 20
    while (code := int.from_bytes(block[place : place + 2], "little")) != 0:
        size = int.from_bytes(block[place + 2 : place + 4], "little")
        options[code] = int.from_bytes(block[place + 4 : place + 4 + size], "little")
        place += 4 + size
    count = len(connection(4))
    assert [options[code] for code in (4, 5, 6, 7, 8)] == [count, 0, count, 0, count]


@pytest.mark.parametrize(
    ("words", "least", "most"),
    [
        (["-c", "4"], 4, 4),
        (["-a", "packets:6"], 6, 6),
        (["-a", "filesize:1"], 5, 12),
        (["--duration", "0.6"], 0, 1000),
        (["-a", "duration:0.6"], 0, 1000),
    ],
)
def test_stops_by_itself(wire: Network, tmp_path: Path, words: list[str], least: int, most: int) -> None:
    file = tmp_path / "out.pcapng"
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, *words) as run:
        if least:
            send(wire, [frame for number in range(4) for frame in connection(number)])
        assert run.end(None) == 0
    assert least <= frames_in(file) <= most
    assert run.number("frames captured") == frames_in(file)


def test_a_ring_of_files(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "ring.pcapng"
    frames = [frame for number in range(20) for frame in connection(number)]
    words = ["-b", "filesize:2", "-b", "files:3", "--format", "jsonl"]
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, *words) as run:
        send(wire, frames)
        run.wait_for_rows(20, final=False)
        run.wait_until(lambda: any(frames[-1].data in content(name) for name in tmp_path.iterdir()))
        assert run.end() == 0
    names = sorted(tmp_path.iterdir())
    assert len(names) == 3
    assert all(name.name.startswith("ring_0") and name.suffix == ".pcapng" for name in names)
    last = [frames_in(name) for name in names]
    assert all(last[:-1])
    assert run.number("frames captured") == len(frames) > sum(last)
    # The frames of the last files are the last ones, without a hole between them.
    with open_capture(str(names[-1])) as source:
        batches = list(source)
    tail = batches[-1]
    view = memoryview(tail.data)
    assert bytes(view[tail.offset[-1] : tail.offset[-1] + tail.captured[-1]]) == frames[-1].data


def test_all_files_of_a_ring_hold_everything(wire: Network, tmp_path: Path) -> None:
    frames = [frame for number in range(12) for frame in connection(number)]
    words = ["-b", "filesize:1", "--format", "jsonl"]
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", tmp_path / "r.pcapng", *words) as run:
        send(wire, frames)
        run.wait_for_rows(12, final=False)
        run.wait_until(lambda: sum(frames_on_disk(name) for name in tmp_path.iterdir()) >= len(frames))
        assert run.end() == 0
    names = sorted(tmp_path.iterdir())
    assert len(names) > 4
    assert sum(frames_in(name) for name in names) == len(frames)
    same(run.rows(final=True), analysed(*names))


def test_snap_length(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    with live("-i", wire.near, "-f", "tcp port 3306", "-s", "60", "-w", file) as run:
        send(wire, connection(1))
        run.wait_for_frames(file, len(connection(1)))
        assert run.end() == 0
    with open_capture(str(file)) as source:
        (batch,) = source
    assert int(batch.captured.max()) == 60
    assert batch.original.tolist() == [len(frame.data) for frame in connection(1)]


def test_a_full_disk_ends_it_and_keeps_what_is_there(wire: Network, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(folder)], check=False).returncode
    if mounted:
        pytest.skip("no tmpfs can be mounted here")
    try:
        file = folder / "out.pcapng"
        with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, "--format", "jsonl") as run:
            send(wire, [frame for number in range(40) for frame in connection(number)])
            assert run.end(None) == 3
        assert "no space left on device: stopped; what was written before is whole" in run.errors
        count = frames_in(file)
        assert count == run.number("frames captured") > 20
        assert (5).to_bytes(4, "little") + b"\x70\0\0\0" in file.read_bytes()[-112:]
        same(run.rows(final=True), analysed(file))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_the_analysis_dies_and_the_file_is_whole(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, "--format", "jsonl") as run:
        send(wire, connection(1))
        run.wait_for_rows(1)
        os.kill(run.analyst(), signal.SIGKILL)
        run.wait_for("the analysis has ended early; the capture goes on to disk")
        send(wire, connection(2))
        run.wait_for_frames(file, len(connection(1)) + len(connection(2)))
        assert run.end() == 3
    assert frames_in(file) == len(connection(1)) + len(connection(2)) == run.number("frames captured")
    assert "did not come to its end (exit code 137)" in run.errors
    assert len(analysed(file)) == 2


def test_an_analysis_that_is_stuck_costs_no_frame(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    frames = [frame for number in range(300) for frame in connection(number)]
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, "--format", "jsonl") as run:
        os.kill(run.analyst(), signal.SIGSTOP)
        send(wire, frames)
        run.wait_for_frames(file, len(frames))
        run.process.send_signal(signal.SIGINT)
        # It has ended the capture, and waits for the other process.
        run.wait_for("analysing what is left")
        os.kill(run.analyst(), signal.SIGCONT)
        assert run.end(None) == 0
    assert frames_in(file) == len(frames)
    assert len(run.rows(final=True)) == 300
    same(run.rows(final=True), analysed(file))


def test_an_interface_that_goes_down_ends_it(tmp_path: Path) -> None:
    may_capture()
    with network(1) as pair:
        if not pair.is_pair:
            pytest.skip("no interface here may go down")
        file = tmp_path / "out.pcapng"
        with live("-i", pair.near, "-f", "tcp port 3306", "-w", file) as run:
            send(pair, connection(1))
            run.wait_for_frames(file, len(connection(1)))
            subprocess.run(["ip", "link", "set", pair.near, "down"], check=True)
            assert run.end(None) == 0
        assert f"interface {pair.near} went down: stopped" in run.errors
        assert frames_in(file) == len(connection(1))


def test_several_interfaces_in_the_order_of_time(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    with network(2) as other:
        if not other.is_pair:
            pytest.skip("there is only one interface")
        words: list[str | Path] = [
            "-i",
            wire.near,
            "-i",
            other.near,
            "-f",
            "tcp port 3306",
            "-w",
            file,
            "--format",
            "jsonl",
        ]
        frames = connection(9)
        client = [frame for frame in frames if frame.data[26:28] == b"\x0a\x01"]
        with live(*words) as run:
            # Each direction on an interface of its own, as where routes are not symmetric.
            for frame in frames:
                send(wire if frame in client else other, [frame])
            run.wait_for_rows(1)
            run.wait_for_frames(file, len(frames))
            assert run.end() == 0
    with open_capture(str(file)) as source:
        times = [at for batch in source for at in batch.timestamp_ns.tolist()]
    assert times == sorted(times)
    assert len(times) == len(frames)
    assert [row["outcome"] for row in run.rows(final=True)] == ["accepted"]
    assert run.rows(final=True)[0]["tcp"]["gaps"] == 0


def test_loopback_frames_come_once(tmp_path: Path) -> None:
    may_capture()
    for name in ("lo", "any"):
        file = tmp_path / f"{name}.pcapng"
        with live("-i", name, "-f", "udp port 47113", "-w", file) as run:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                for _ in range(3):
                    sock.sendto(b"x", ("127.0.0.1", 47113))
            run.wait_for_frames(file, 3)
            assert run.end() == 0
        assert frames_in(file) == 3, name


def test_the_general_source_gives_the_same(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    words: list[str | Path] = [
        "-i",
        wire.near,
        "--source",
        "scapy",
        "-f",
        "tcp port 3306",
        "-w",
        file,
        "--format",
        "jsonl",
    ]
    with live(*words) as run:
        send(wire, connection(5))
        run.wait_for_rows(1)
        run.wait_for_frames(file, len(connection(5)))
        assert run.end() == 0
    assert frames_in(file) == len(connection(5)) == run.number("frames captured")
    assert run.number("dropped by the kernel") == 0
    same(run.rows(final=True), analysed(file))


def test_lines_where_output_is_piped(wire: Network) -> None:
    with live("-i", wire.near) as run:
        send(wire, conversation(REFUSED, client=("10.1.0.7", 40007), server=("10.2.0.1", 3306)))
        run.wait_for("rejected", out=True)
        send(wire, connection(6))
        run.wait_for("accepted", out=True)
        assert run.end() == 0
    # Nothing more is to be said of them at their end.
    assert run.out.count("10.1.0.6:40006") == 1
    assert "1045" in run.out
    assert "2 MySQL connections" in run.errors


def test_a_display_filter_chooses(wire: Network) -> None:
    words = ["-i", wire.near, "-f", "tcp port 3306", "--format", "jsonl", "-Y", "mysql.error_code == 1045"]
    with live(*words) as run:
        send(wire, connection(7))
        send(wire, conversation(REFUSED, client=("10.1.0.8", 40008), server=("10.2.0.1", 3306)))
        run.wait_for_rows(1)
        assert run.end() == 0
    assert [(row["final"], row["outcome"]) for row in run.rows()] == [(False, "rejected"), (True, "rejected")]
    assert run.number("MySQL connections") == 2


def test_a_report_at_the_end(wire: Network, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with live("-i", wire.near, "-f", "tcp port 3306", "--report", page, "--format", "jsonl") as run:
        send(wire, [*connection(1), *connection(2)])
        run.wait_for_rows(2, final=False)
        assert run.end() == 0
    text = page.read_text(encoding="utf-8")
    assert "10.1.0.1" in text
    assert "10.1.0.2" in text
    assert "Live capture" in text


def test_whoever_reads_may_leave(wire: Network, tmp_path: Path) -> None:
    words = ["-i", wire.near, "-f", "tcp port 3306", "--format", "jsonl", "-w", str(tmp_path / "out.pcapng")]
    read, write = os.pipe()
    with subprocess.Popen(
        [*HANDSHARK, "live", *words], stdout=write, stderr=subprocess.PIPE, cwd=REPOSITORY, env=ENVIRONMENT
    ) as process:
        os.close(write)
        assert process.stderr is not None
        while b"capturing on" not in process.stderr.readline():
            assert process.poll() is None
        os.close(read)
        send(wire, [frame for number in range(50) for frame in connection(number)])
        _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 141
    assert b"Traceback" not in errors
    assert frames_in(tmp_path / "out.pcapng") > 0


def test_the_analysis_has_no_privileges(wire: Network) -> None:
    with live("-i", wire.near, "--user", "nobody") as run:
        status = Path(f"/proc/{run.analyst()}/status").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        assert set(fields["Uid"].split()) == {"65534"}
        assert set(fields["Gid"].split()) & {"0"} == set()
        for name in ("CapPrm", "CapEff", "CapInh"):
            assert int(fields[name], 16) == 0, name
        assert fields["NoNewPrivs"].strip() == "1"
        descriptors = [os.readlink(one) for one in Path(f"/proc/{run.analyst()}/fd").iterdir()]
        assert not [one for one in descriptors if one.startswith("socket:")]
        assert run.end() == 0


def test_idle_connections_are_forgotten(wire: Network, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    words = ["-i", wire.near, "-f", "tcp port 3306", "--format", "jsonl", "--idle", "2", "-w", str(file)]
    first = connection(1, whole=False)
    with live(*words) as run:
        send(wire, first)
        rows = run.wait_for_rows(2)
        assert [(row["final"], row["outcome"]) for row in rows] == [(False, "accepted"), (True, "accepted")]
        # Late segments of it are nobody's business any more.
        late = conversation(
            [*ACCEPTED, ("c", query("SELECT 1"))], client=("10.1.0.1", 40001), server=("10.2.0.1", 3306)
        )
        send(wire, late[-1:])
        run.wait_for_frames(file, len(first) + 1)
        assert run.end() == 0
    assert len(run.rows()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_its_processes_ends_it_as_one_to_itself(
    number: signal.Signals, wire: Network, tmp_path: Path
) -> None:
    """As a terminal and a service manager send it."""
    file, page = tmp_path / "out.pcapng", tmp_path / "page.html"
    with live("-i", wire.near, "-f", "tcp port 3306", "-w", file, "--report", page, "--format", "jsonl") as run:
        send(wire, connection(1))
        run.wait_for_rows(1, final=True)
        os.kill(run.analyst(), number)
        assert run.end(number) == 0
    assert run.number("frames captured") == len(connection(1)) == frames_in(file)
    assert "accepted" in page.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_report_is_written_where_nobody_reads_the_output(wire: Network, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = [*HANDSHARK, "live", "-i", wire.near, "-f", "tcp port 3306", "--report", str(page), "--format", "jsonl"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY, env=ENVIRONMENT, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert any("capturing on" in line for line in iter(process.stderr.readline, ""))
    send(wire, connection(1))
    errors = process.stderr.read()
    assert process.wait(SECONDS) == 128 + signal.SIGPIPE
    assert "Traceback" not in errors
    assert "frames captured" in errors
    assert "accepted" in page.read_text(encoding="utf-8")


def test_the_report_is_written_where_the_output_is_full(wire: Network, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = [*HANDSHARK, "live", "-i", wire.near, "-f", "tcp port 3306", "--report", str(page), "--format", "jsonl"]
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(
            words, stdout=full, stderr=subprocess.PIPE, cwd=REPOSITORY, env=ENVIRONMENT, text=True
        )
    assert process.stderr is not None
    assert any("capturing on" in line for line in iter(process.stderr.readline, ""))
    send(wire, connection(1))
    errors = process.stderr.read()
    assert process.wait(SECONDS) == 3
    assert "Traceback" not in errors
    assert errors.count("standard output: No space left on device") == 1
    assert "accepted" in page.read_text(encoding="utf-8")


def test_a_pipe_that_nobody_reads_can_be_left(wire: Network, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    run = Live("-i", wire.near, "-f", "tcp port 3306", "-w", pipe, "--format", "jsonl")
    try:
        time.sleep(2.0)
        assert run.process.poll() is None
        assert run.end() == 3
    finally:
        run.process.kill()
    assert f"handshark: {pipe}: nobody reads this pipe\n" in run.errors


def test_a_pipe_whose_reader_stops_can_be_left(wire: Network, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with live("-i", wire.near, "-f", "", "-w", pipe, "--format", "jsonl") as run:
            for number in range(40):
                send(wire, connection(number))
            time.sleep(1.0)
            assert run.end() in (0, 3)
        assert os.read(reader, 4).hex() == "0a0d0d0a"
    finally:
        os.close(reader)

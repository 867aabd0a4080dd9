"""`handshark live` under load: `python -m tests.bench.live loss`, `... soak`, `... sources`; as root.

loss     frames lost beside tcpdump, both capturing the same veth pair at the same time with the same buffer
soak     memory of both processes while 200,000 connections and more pass
steady   the same while frames come without a pause, at a rate, for so many seconds: nothing waits for the analysis
sources  what the ways of taking frames cost and lose: packet ring, scapy's socket
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import replay
from tests.capture.live.network import Network, network
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"
FILTER = "tcp port 3306"
RATES = (40_000, 80_000, 0)
BUFFERS = (2, 16)
PATIENCE = 180.0
# Closed connections that are kept for late segments; so long without news nothing more comes.
LINGERING = 300
STORM = 10_000  # connections of a load
QUIET = 15.0
LOOKED_AT = 50  # of so many connections one is looked at for how late it is told of


@dataclass
class Result:
    """What one program got of `sent` frames. `cpu` is seconds of the processes that capture."""

    sent: int
    rate: float
    captured: int
    told: int  # frames it says were dropped
    skipped: int = 0

    @property
    def lost(self) -> int:
        return self.sent - self.captured


def _until(process: subprocess.Popen[str], word: str) -> list[str]:
    """Lines of standard error up to the one with `word`."""
    assert process.stderr is not None
    lines: list[str] = []
    while True:
        line = process.stderr.readline()
        if not line:
            raise SystemExit(f"{process.args!r} ended: {''.join(lines)}")
        lines.append(line)
        if word in line:
            return lines


@contextmanager
def _running(words: list[str], word: str, out: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(words, stdout=out, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            _until(process, word)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _send(wire: Network, load: Path, rate: float, frames: int, number: int = 0) -> tuple[int, float]:
    words = [*wire.inside, sys.executable, "-m", "tests.bench.sender", str(load), wire.far]
    words += ["--rate", str(rate), "--frames", str(frames), "--round", str(number)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    told = json.loads(done.stdout)
    return told["sent"], told["sent"] / told["seconds"]


def _end(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    return errors


def _number(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"no {pattern!r} in {text!r}")
    return int(found[1].replace(",", ""))


def _frames(capture: Path) -> int:
    """Frames in a file."""
    from analyzer.capture import open_capture

    with open_capture(str(capture)) as source:
        return sum(len(batch) for batch in source)


def _live(wire: Network, file: Path, buffer: int, *more: str) -> list[str]:
    words = [sys.executable, "-m", "analyzer", "live", "-i", wire.near, "-f", FILTER, "-B", str(buffer)]
    return [*words, "-w", str(file), "--format", "jsonl", *more]


def _ours(errors: str, file: Path, sent: int, rate: float) -> Result:
    dropped = _number(errors, r"([\d,]+) dropped by the kernel")
    return Result(sent, rate, _frames(file), dropped, _number(errors, r"([\d,]+) not analysed"))


def once(wire: Network, load: Path, folder: Path, rate: float, frames: int, buffer: int) -> tuple[Result, Result]:
    """One run of both: (tcpdump's, ours)."""
    theirs, ours = folder / "tcpdump.pcap", folder / "live.pcapng"
    tcpdump = ["tcpdump", "-i", wire.near, "-Z", "root", "-n", "-B", str(buffer * 1024), "-w", str(theirs), FILTER]
    with _running(tcpdump, "listening on") as one, _running(_live(wire, ours, buffer), "capturing on") as two:
        time.sleep(0.5)
        sent, reached = _send(wire, load, rate, frames)
        # tcpdump throws away what is in its buffer when it is told to end.
        time.sleep(1.5)
        said, errors = _end(one), _end(two)
    dropped = _number(said, r"(\d+) packets? dropped by kernel")
    return Result(sent, reached, _frames(theirs), dropped), _ours(errors, ours, sent, reached)


def _storm(folder: Path, connections: int) -> Path:
    path = folder / "storm.pcap"
    replay.storm(SAMPLES, path, connections=connections)
    return path


def _machine() -> str:
    version = subprocess.run(["tcpdump", "--version"], capture_output=True, text=True, check=False)
    lines = (version.stdout + version.stderr).splitlines()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{os.cpu_count()} cores, Linux {platform.release()}, {', '.join(lines[:2])}; load before: {load}"


def loss(seconds: float, runs: int) -> None:
    """The table of frames lost."""
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as name, network() as wire:
        folder = Path(name)
        load = _storm(folder, STORM)
        print(f"{_machine()}\n")
        print("| buffer | frames/s asked for | reached | sent | lost by tcpdump | lost by live | not analysed |")
        print("|---:|---:|---:|---:|---:|---:|---:|")
        for buffer in BUFFERS:
            for rate in RATES:
                for _ in range(runs):
                    frames = int((rate or 60_000) * seconds)
                    theirs, ours = once(wire, load, folder, rate, frames, buffer)
                    asked = f"{rate:,}" if rate else "no limit"
                    print(
                        f"| {buffer} MiB | {asked} | {ours.rate:,.0f} | {ours.sent:,} "
                        f"| {theirs.lost:,} | {ours.lost:,} | {ours.skipped:,} |",
                        flush=True,
                    )


def sources(seconds: float, runs: int) -> None:
    """The table of the ways to take frames."""
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as name, network() as wire:
        folder = Path(name)
        load = _storm(folder, STORM)
        print(f"{_machine()}\n")
        print("| source | reached | sent | lost | CPU us a frame |")
        print("|---|---:|---:|---:|---:|")
        for _ in range(runs):
            for source in ("ring", "scapy"):
                file = folder / "out.pcapng"
                with _running(_live(wire, file, 2, "--source", source), "capturing on") as process:
                    time.sleep(0.5)
                    before = _cpu(process.pid)
                    sent, reached = _send(wire, load, RATES[0], int(RATES[0] * seconds))
                    time.sleep(0.5)
                    spent = _cpu(process.pid) - before
                    ours = _ours(_end(process), file, sent, reached)
                each = spent / max(1, ours.captured) * 1e6
                print(f"| {source} | {reached:,.0f} | {sent:,} | {ours.lost:,} | {each:.1f} |", flush=True)


def _cpu(pid: int) -> float:
    """Seconds of processor that a process has used, its children not among them."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _own(pid: int) -> int:
    """Memory that only this process has, KiB: what it shares with the other is counted apart."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(
        int(line.split()[1]) for line in text.splitlines() if line.startswith(("Private_Clean", "Private_Dirty"))
    )


def _rss(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


class _Watch:
    """Notes the memory of both processes: (seconds, capturing, analysing) in KiB of resident memory."""

    def __init__(self, pid: int, every: float) -> None:
        self.pid = pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        self.child = int(children.split()[0])
        self.rows: list[tuple[float, int, int, int, int]] = []
        # (seconds, connections told of, seconds behind)
        self.passed: list[tuple[float, int, float]] = []
        self.cpu = 0.0  # seconds of the analysis
        self._every = every
        self._begun = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            try:
                row = (_rss(self.pid), _rss(self.child), _own(self.pid), _own(self.child))
            except (OSError, StopIteration):
                return  # one of them has ended
            self.rows.append((time.monotonic() - self._begun, *row))
            self.cpu = _cpu(self.child)


class _Finals:
    """Counts the connections that have ended, as they are told of.

    lag  the most seconds between the last frame of one and its being told of, since `lag` was last set to 0
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.count = 0
        self.lag = 0.0
        self._pipe = process.stdout
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        assert self._pipe is not None
        for line in self._pipe:
            self.count += line.startswith('{"final":true')
            if self.count % LOOKED_AT == 0:
                ended = re.search(r'"end_time_ns":(\d+)', line)
                if ended is not None:
                    self.lag = max(self.lag, time.time() - int(ended[1]) / 1e9)

    def wait(self, count: int) -> None:
        """Until so many are told of, or none has been for a while."""
        last, since = self.count, time.monotonic()
        while self.count < count and time.monotonic() - since < QUIET:
            time.sleep(0.2)
            if self.count != last:
                last, since = self.count, time.monotonic()


def _soaked(send: Callable[[Network, Path, _Finals, _Watch], tuple[int, str]]) -> None:
    """The table of memory while `send` sends; it returns how many frames that were, and a word on the rate."""
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as name, network() as wire:
        folder = Path(name)
        load = _storm(folder, STORM)
        print(f"{_machine()}\n", flush=True)
        words = _live(wire, folder / "ring.pcapng", 16, "-b", "filesize:50000", "-b", "files:2")
        with _running(words, "capturing on", out=subprocess.PIPE) as process:
            watch, finals = _Watch(process.pid, 1.0), _Finals(process)
            begun = time.monotonic()
            sent, rate = send(wire, load, finals, watch)
            took = time.monotonic() - begun
            time.sleep(3.0)
            watch.stop()
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            errors = process.stderr.read()
            finals.thread.join()
        print(f"{sent:,} frames{rate}, {finals.count:,} connections told of in {took:.0f} s")
        print(re.sub(r"(?m)^handshark: ", "", errors.strip()))
        print(f"lost: {sent - _number(errors, r'([0-9,]+) frames captured'):,}")
        print(f"CPU of the analysis: {watch.cpu:.0f} s; load after: {os.getloadavg()[1]:.1f}")
        print("\n| seconds | connections | behind | capturing, RSS MB (own) | analysing, RSS MB (own) |")
        print("|---:|---:|---:|---:|---:|")
        step = max(1, len(watch.passed) // 10)
        for last in range(step - 1, len(watch.passed), step):
            at, count, _ = watch.passed[last]
            behind = max(lag for _, _, lag in watch.passed[last - step + 1 : last + 1])
            _, one, two, own_one, own_two = min(watch.rows, key=lambda row: abs(row[0] - at))
            sizes = f"{one / 1024:.0f} ({own_one / 1024:.0f}) | {two / 1024:.0f} ({own_two / 1024:.0f})"
            print(f"| {at:.0f} | {count:,} | {behind:.1f} s | {sizes} |")


def soak(connections: int, rate: float) -> None:
    """Waits for the analysis after every 10,000 connections, so that none is skipped."""

    def send(wire: Network, load: Path, finals: _Finals, watch: _Watch) -> tuple[int, str]:
        frames, sent, begun = _frames(load), 0, time.monotonic()
        for number in range(-(-connections // STORM)):
            sent += _send(wire, load, rate, frames, number)[0]
            finals.wait((number + 1) * STORM - LINGERING)
            watch.passed.append((time.monotonic() - begun, finals.count, finals.lag))
            finals.lag = 0.0
        return sent, ""

    _soaked(send)


def steady(seconds: float, rate: float) -> None:
    """Waits for nothing: what the analysis has no time for is counted."""

    def send(wire: Network, load: Path, finals: _Finals, watch: _Watch) -> tuple[int, str]:
        over, begun = threading.Event(), time.monotonic()

        def note() -> None:
            while not over.wait(1.0):
                watch.passed.append((time.monotonic() - begun, finals.count, finals.lag))
                finals.lag = 0.0

        noting = threading.Thread(target=note)
        noting.start()
        try:
            sent, reached = _send(wire, load, rate, int(rate * seconds))
        finally:
            over.set()
            noting.join()
        return sent, f" at {reached:,.0f} a second"

    _soaked(send)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live", description=__doc__)
    parser.add_argument("what", choices=("loss", "soak", "steady", "sources"))
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="of sending: of steady, and each run of loss and sources"
    )
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--connections", type=int, default=200_000, help="of soak")
    parser.add_argument("--rate", type=float, help="frames a second (default: of soak 15,000, of steady 20,000)")
    parser.add_argument(
        "--nice", type=int, default=0, help="of all processes: negative where others keep the machine busy"
    )
    chosen = parser.parse_args()
    if chosen.nice:
        os.nice(chosen.nice)
    if os.geteuid() != 0 or shutil.which("tcpdump") is None:
        print("root and tcpdump are needed", file=sys.stderr)
        return 1
    if chosen.what == "loss":
        loss(chosen.seconds, chosen.runs)
    elif chosen.what == "sources":
        sources(chosen.seconds, chosen.runs)
    elif chosen.what == "steady":
        steady(chosen.seconds, chosen.rate or 20_000)
    else:
        soak(chosen.connections, chosen.rate or 15_000)
    return 0


if __name__ == "__main__":
    sys.exit(main())

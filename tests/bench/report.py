"""`python -m tests.bench.report`: the HTML report's size, the time it takes to make, and the time it takes to open.

Making is measured beside `analyze` on the same capture, in turns, in seconds of the clock and of the processors (all
processes; on a busy machine only these compare). Opening is measured in Chromium, from disk, until the table can be
used: by the clock, and what the page's own thread computed.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import replay
from tests.corpus import REPOSITORY

SAMPLES = REPOSITORY / "samples"


@dataclass
class Made:
    """A command's runs: seconds of the clock, and of the processors."""

    argv: list[str]
    clock: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)

    def run(self) -> None:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        subprocess.run(self.argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=REPOSITORY)
        self.clock.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.work.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def __str__(self) -> str:
        return f"{statistics.median(self.clock):.1f} s ({statistics.median(self.work):.1f} s)"


def opening(page: Path) -> str:
    """How long a browser takes until the page is ready, or why that is not known."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        return "no chromium"
    from playwright.sync_api import sync_playwright

    clock, work = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(3):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            tab = context.new_page()
            session = context.new_cdp_session(tab)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)
            clock.append(tab.evaluate("performance.now()") / 1000)
            metrics = session.send("Performance.getMetrics")["metrics"]
            work.append(next(one["value"] for one in metrics if one["name"] == "ThreadTime"))
            context.close()
        browser.close()
    return f"{statistics.median(clock):.1f} s ({statistics.median(work):.1f} s)"


def peak(argv: list[str]) -> str:
    """Memory of a command with all its processes, in MB."""
    from tests.bench.contenders import Command

    command = Command("report", argv)
    command.run(memory=True)
    return f"{command.peak / 1024:,.0f} MB"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.report", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="default: 3")
    parser.add_argument("--connections", type=int, nargs="+", default=[100, 20_000], help="default: 100 20000")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}; in brackets: seconds of the processors\n")
    print("| connections | page | analyze | report | times analyze | peak memory | open until usable |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as folder:
        for number in chosen.connections:
            capture, page = Path(folder, f"storm{number}.pcap"), Path(folder, f"report{number}.html")
            replay.storm(SAMPLES, capture, number)
            command = [sys.executable, "-m", "analyzer"]
            analyze = Made([*command, "analyze", "--format", "jsonl", "-o", os.devnull, str(capture)])
            report = Made([*command, "report", "-o", str(page), str(capture)])
            for _ in range(chosen.runs):
                analyze.run()
                report.run()
            times = statistics.median(report.clock) / statistics.median(analyze.clock)
            work = statistics.median(report.work) / statistics.median(analyze.work)
            memory = peak(report.argv)
            size = page.stat().st_size / 1e6
            print(
                f"| {number:,} | {size:.2f} MB | {analyze} | {report} | {times:.1f} ({work:.1f}) | {memory} "
                f"| {opening(page)} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())

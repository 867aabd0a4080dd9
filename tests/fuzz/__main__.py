"""`python -m tests.fuzz --seconds 60`: every target for so long. Exit code 1 where one of them found something.

`python -m tests.fuzz --target line --input FILE` runs one input again, without the fuzzer.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from pathlib import Path

from tests.corpus import REPOSITORY
from tests.fuzz import seeds
from tests.fuzz.client import inputs as client_inputs
from tests.fuzz.targets import TARGETS

WORK = REPOSITORY / ".cache" / "fuzz"
LONGEST = {"line": 1 << 15, "records": 1 << 14, "client": 1 << 15, "masking": 1 << 9, "redaction": 1 << 9}
# Run without the fuzzer (`drawn.py`).
DRAWN = {"ways"}
# One input may take so long, in seconds, and so much memory, in MiB: more is a finding too.
TIMEOUT = 20
MEMORY = 1024
FOUND = re.compile(r"Test unit written to (.*)")


SEEDS = {
    "line": seeds.captures,
    "records": seeds.records,
    "client": client_inputs,
    "masking": seeds.choices,
    "redaction": seeds.choices,
}


def prepare(target: str) -> Path:
    """Writes the seeds of a target; returns their folder, in which the fuzzer keeps what it learns."""
    folder = WORK / f"corpus-{target}"
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[target]():
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    return folder


def run(target: str, seconds: int) -> bool:
    """Fuzzes one target; False where something was found."""
    if target in DRAWN:
        return drawn(target, seconds)
    folder = prepare(target)
    command = [sys.executable, "-m", "tests.fuzz.worker", target]
    command += [str(folder), f"-max_total_time={seconds}", f"-max_len={LONGEST[target]}", f"-timeout={TIMEOUT}"]
    command += [f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={WORK}/{target}-", "-print_final_stats=1"]
    print(f"{target}: {seconds} s, {len(list(folder.iterdir()))} inputs to begin with", flush=True)
    done = subprocess.run(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode == 0:
        stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", done.stderr))
        rate, runs = stats.get("average_exec_per_sec", "?"), stats.get("number_of_executed_units", "?")
        print(f"{target}: nothing found in {runs} executions, {rate} per second", flush=True)
        return True
    print(done.stderr[-6000:])
    found = FOUND.search(done.stderr)
    tell(target, done.returncode, found.group(1) if found else None)
    return False


def drawn(target: str, seconds: int) -> bool:
    """Tries inputs that are drawn; False where something was found."""
    WORK.mkdir(parents=True, exist_ok=True)
    file = WORK / f"{target}-tried"
    print(f"{target}: {seconds} s", flush=True)
    command = [sys.executable, "-m", "tests.fuzz.drawn", target, str(seconds), str(file)]
    code = subprocess.run(command, cwd=REPOSITORY, check=False).returncode
    if code:
        tell(target, code, str(file))
    return not code


def tell(target: str, code: int, file: str | None) -> None:
    """Says that something was found, and the file of its input where there is one."""
    print(f"{target}: FOUND SOMETHING (exit code {code})", flush=True)
    if file is not None:
        print(f"to see it again: python -m tests.fuzz --target {target} --input {file}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target (default: 60)")
    parser.add_argument("--target", choices=sorted(TARGETS), help="only this one")
    parser.add_argument("--input", type=Path, metavar="FILE", help="run this input once; needs --target")
    arguments = parser.parse_args()
    if arguments.input is not None:
        if arguments.target is None:
            parser.error("--input needs --target")
        TARGETS[arguments.target](arguments.input.read_bytes())
        print(f"{arguments.target}: nothing found with {arguments.input}")
        return 0
    good = [run(name, arguments.seconds) for name in TARGETS if arguments.target in (None, name)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())

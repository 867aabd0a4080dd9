"""Makes the samples of drivers anew: `python -m tests.drivers.make_samples [FILE...]`, as root, with the servers up."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tests.drivers.compare import analyse, judge_all, match
from tests.drivers.run import Unusable, check_tools, run_server, usable_drivers
from tests.drivers.samples import DRIVER_SAMPLES, DriverSample
from tests.drivers.truth import truth
from tests.servers import REPOSITORY, Server, running_servers

SAMPLES: Final = REPOSITORY / "samples"
# So that MySQL knows the password: what it is for is not the first login.
BEFORE: Final = ("first login", "TLS")


def cut_out(target: Path, capture: Path, stream: int, *options: str) -> None:
    """Writes one connection of a capture."""
    words = [sys.executable, "-m", "analyzer", "extract", "--stream", str(stream), *options, "-w", str(target)]
    subprocess.run([*words, str(capture)], check=True, capture_output=True)


def write_truth(target: Path, said: dict[str, Any]) -> None:
    """Writes what is known of a sample beside it."""
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    target.with_suffix(".truth.json").write_text(text, encoding="utf-8")


def make(sample: DriverSample, servers: dict[str, Server], work: Path) -> list[str]:
    """Makes one sample and its truth; what was different in place of that."""
    server = servers[sample.server]
    usable = usable_drivers(servers, [sample.driver])
    drivers = [each for each in usable.drivers if each.name == sample.driver]
    if not drivers:
        return [usable.missing.get(sample.driver, "no such driver")]
    before = tuple(name for name in BEFORE if name != sample.case and name in drivers[0].cases)
    run = run_server(server, [replace(drivers[0], cases=(*before, sample.case))], servers, work)
    connections = analyse(run)
    number = next(place for place, told in enumerate(run.told) if told.case["name"] == sample.case)
    wrong = judge_all(run, connections)[number].differences
    if wrong:
        return wrong
    connection = match(run, connections)[number]
    target = SAMPLES / sample.file
    cut_out(target, run.capture, connection["stream"])
    write_truth(target, truth(run.told[number], run.log[connection["greeting"]["connection_id"]], run.plugin))
    return []


def main() -> int:
    """Those that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.drivers.make_samples", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="names of captures; all without")
    wanted = parser.parse_args().files
    servers = {server.name: server for server in running_servers()}
    failed = 0
    try:
        check_tools()
        for sample in DRIVER_SAMPLES:
            if wanted and sample.file not in wanted:
                continue
            with tempfile.TemporaryDirectory() as work:
                problems = make(sample, servers, Path(work))
            failed += bool(problems)
            print(f"{sample.file}: {problems or (SAMPLES / sample.file).stat().st_size}")
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

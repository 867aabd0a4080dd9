"""`live` on loopback while all drivers run: `python -m tests.capture.live.drivers`, as root, with the servers up.

Every connection has to be told of once while it is open and once at its end, and what is said at its end is held
against what the driver and the server know of it, as `tests.drivers` does with a file.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.capture.live.support import Json, live
from tests.drivers import run as drivers
from tests.drivers.compare import analyse, judge_all
from tests.drivers.report import Comparison, markdown
from tests.servers import Server, running_servers


class Rows:
    """What `live` said, by server."""

    def __init__(self) -> None:
        self.of: dict[str, list[Json]] = {}
        self.summaries: dict[str, str] = {}
        # Since when both captured: others may use the servers too, and began before.
        self.since_ns: dict[str, int] = {}

    @contextmanager
    def capturing(self, target: Path, server: Server) -> Iterator[None]:
        """tcpdump, and `live` beside it."""
        words = ["-i", "lo", "-f", f"host {server.quiet_host} and tcp port {server.port}", "--format", "jsonl"]
        words += ["--port", str(server.port), "--keylog", str(server.keylog)]
        with TCPDUMP(target, server), live(*words) as run:
            self.since_ns[server.name] = time.time_ns()
            yield
            time.sleep(0.4)
            code = run.end()
            if code:
                raise drivers.Unusable(f"live ended with {code}: {run.errors}")
            self.of[server.name] = run.rows()
            self.summaries[server.name] = run.errors.strip().splitlines()[-1]


TCPDUMP = drivers.capturing


def compare(servers: dict[str, Server], folder: Path) -> int:
    """Prints what differs; returns how many things do."""
    rows = Rows()
    drivers.check_tools()
    usable = drivers.usable_drivers(servers)
    drivers.capturing = rows.capturing
    begun = time.monotonic()
    done = Comparison(list(servers), missing=usable.missing)
    wrong = 0
    for run in drivers.run_all(servers, usable.drivers, folder):
        said = rows.of[run.server.name]
        last = [row for row in said if row["final"]]
        before = Counter(row["stream"] for row in said if not row["final"])
        done.verdicts += judge_all(run, last)
        since = rows.since_ns[run.server.name]
        both = [row for row in analyse(run) if row["greeting"] and row["start_time_ns"] >= since]
        filed = {row["greeting"]["connection_id"]: row for row in both}
        times = Counter(row["greeting"]["connection_id"] for row in last if row["greeting"])
        problems = [f"connection {number} is missing" for number in filed if number not in times]
        problems += [f"connection {number} was told of {many} times" for number, many in times.items() if many > 1]
        problems += [f"stream {stream} was decided {many} times" for stream, many in before.items() if many > 1]
        for row in last:
            theirs = filed.get(row["greeting"]["connection_id"]) if row["greeting"] else None
            if theirs is not None and row["outcome"] != theirs["outcome"]:
                problems.append(f"{row['outcome']} is {theirs['outcome']} in the file: {row['client']}")
        wrong += len(problems)
        print(f"{run.server.name}: {len(last)} connections, {len(filed)} in tcpdump's file")
        print(f"  {rows.summaries[run.server.name]}")
        for problem in problems:
            print(f"  {problem}")
    done.seconds = time.monotonic() - begun
    print("\n".join(list(markdown(done))[: 4 + len(usable.drivers)]))
    # On a busy machine logins are slow, and to say so is right.
    different = [line for line in done.differences() if "finding: slow-login" not in line]
    print(f"{len(done.differences()) - len(different)} logins were slow on this machine")
    for line in different:
        print(line)
    return wrong + len(different)


def main() -> int:
    """0 where every connection is told of once, right."""
    import tempfile

    servers = {server.name: server for server in running_servers()}
    if not servers:
        print("no server runs: start with `python -m tests.servers up`", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        return 1 if compare(servers, Path(folder)) else 0


if __name__ == "__main__":
    sys.exit(main())

"""tcpdump on the loopback interface, for captures that nobody here writes."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def tcpdump(target: Path, host: str, port: int, *, cannot: type[Exception], lossy: type[Exception]) -> Iterator[None]:
    """Runs while the body runs. Raises `cannot` where it may not capture, `lossy` where it dropped frames."""
    words = ["tcpdump", "--immediate-mode", "-U", "-n", "-i", "lo", "-B", "65536", "-Z", "root", "-w", str(target)]
    with subprocess.Popen([*words, f"host {host} and tcp port {port}"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        first = process.stderr.readline()
        while first and "listening on" not in first:
            first = process.stderr.readline()
        if not first:
            raise cannot("tcpdump can not capture on the loopback interface: run as root")
        try:
            yield
            # The last frames (FIN, ACK) follow the end of the client.
            time.sleep(0.4)
        finally:
            process.send_signal(signal.SIGINT)
            summary = process.stderr.read()
    dropped = re.search(r"(\d+) packets? dropped by kernel", summary)
    if not dropped or dropped[1] != "0":
        raise lossy(f"tcpdump dropped frames: {summary.strip()}")

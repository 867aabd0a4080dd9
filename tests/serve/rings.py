"""Files as a live capture with a ring of them leaves them."""

from __future__ import annotations

import os
from pathlib import Path

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.model.connection import Connection
from analyzer.engine.collectors import connection_alone, connections
from analyzer.engine.run import Run
from tests.wire.files import pcap
from tests.wire.mysql import err, greeting, login
from tests.wire.script import conversation


def ring_of(folder: Path, many: int) -> list[Connection]:
    """A ring of files with a connection in each, and what is said of those; each was written to at its end."""
    found: list[Connection] = []
    for number in range(many):
        path = folder / f"ring_{number:05}_20260503101112.pcap"
        client = (f"10.0.0.{number + 1}", 40000 + number)
        script = [("s", greeting("8.4.3")), ("c", login(f"user{number}")), ("s", err(2, 1045, f"denied {number}"))]
        path.write_bytes(pcap(conversation(script, client=client)))
        run: Run[Connection] = Run(AnalysisOptions(), connections(None, connection_alone), 1)
        for _, items in run.each([str(path)], False):
            found += items
        os.utime(path, ns=(0, found[-1].start_time_ns + found[-1].lasted_ns))
    return found

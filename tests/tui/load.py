"""`python -m tests.tui.load`: what sorting and filtering 20,000 connections takes, in milliseconds of a processor."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from analyzer.analysis import AnalysisOptions, Connection
from analyzer.engine.browsing import Arrival
from analyzer.engine.collectors import connection_alone, connections
from analyzer.engine.run import Run
from analyzer.tui.connection_rows import ConnectionRows
from analyzer.tui.gathered import GatheredNews, Listing
from tests.bench.replay import storm
from tests.corpus import REPOSITORY

CONNECTIONS = 20_000
FILTERS = (
    'handshark.outcome == "rejected"',
    'handshark.finding == "access-denied"',
    "handshark.client == 10.0.0.0/8",
)


def timed(what: Callable[[], object]) -> float:
    """Milliseconds, the least of three."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        what()
        found.append((time.process_time() - begun) * 1000)
    return min(found)


def main() -> int:
    news = GatheredNews()
    listing = Listing(news.store, False)
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as folder:
        path = Path(folder, "storm.pcap")
        storm(REPOSITORY / "samples", path, connections=CONNECTIONS)
        run: Run[Connection] = Run(AnalysisOptions(), connections(None, connection_alone), 1)
        for one in run.items(str(path)):
            row = news.put(Arrival(one, True))
            assert row is not None
            listing.add(row, one)
    assert len(news.store) == CONNECTIONS

    def filtered(text: str) -> None:
        listing.apply(text)
        while listing.work(1.0):
            pass
        listing.order()

    slowest = 0.0
    for column in ConnectionRows(news.store, listing, False).values:
        listing.column = column
        slowest = max(slowest, timed(listing.order))
    print(f"sorted by any column: at most {slowest:.0f} ms")
    for text in FILTERS:
        print(f"{text}: {timed(lambda text=text: filtered(text)):.0f} ms")  # type: ignore[misc]
    return 0


if __name__ == "__main__":
    sys.exit(main())

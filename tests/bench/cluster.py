"""A rotated set on a cluster of this machine, step by step in processor seconds: python -m tests.bench.cluster."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from analyzer.analysis import AnalysisOptions
from analyzer.cluster.export import ClusterExport
from analyzer.cluster.tasks import Cluster
from analyzer.engine.listener import RunListener
from analyzer.tables.rows import everything
from analyzer.tables.schema import TABLES
from tests.bench import replay
from tests.corpus import REPOSITORY
from tests.wire.files import pcap, read_frames

FILES = 20


def rotated_storm(folder: Path) -> list[str]:
    """The storm of logins, cut into files."""
    whole = folder / "storm.pcap"
    replay.storm(REPOSITORY / "samples", whole)
    frames = read_frames(whole)
    step = -(-len(frames) // FILES)
    names = []
    for at in range(FILES):
        name = folder / f"ring-{at:03}.pcap"
        name.write_bytes(pcap(frames[at * step : (at + 1) * step]))
        names.append(str(name))
    return names


def main() -> None:
    """Prints the table: one worker, and two."""
    head = (
        "workers",
        "wall s",
        "deal",
        "number",
        "analyse",
        "across",
        "write",
        "not analysis",
        "MB/s, rows/s of a core",
    )
    print(f"| {' | '.join(head)} |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="handshark-bench-") as folder:
        names = rotated_storm(Path(folder))
        for workers in (1, 2):
            with Cluster("local", workers) as cluster:
                export = ClusterExport(cluster, f"{folder}/tables{workers}", None, RunListener())
                start = time.monotonic()
                export.export(names, AnalysisOptions(), None, everything(TABLES))
                wall = time.monotonic() - start
            costs = export.run.costs
            other = costs.deal + costs.order + costs.across + costs.place
            whole = other + costs.analyse
            steps = " | ".join(
                f"{one:.1f}" for one in (costs.deal, costs.order, costs.analyse, costs.across, costs.place)
            )
            speed = f"{costs.dealt_bytes / whole / 1e6:.1f}, {export.rows / whole:,.0f}"
            print(f"| {workers} | {wall:.1f} | {steps} | {other / whole:.0%} | {speed} |")
        between = f"{costs.piece_bytes:,} between the steps"
        print(f"\n{costs.dealt_bytes:,} bytes of captures, {between}, {export.rows:,} rows")


if __name__ == "__main__":
    main()

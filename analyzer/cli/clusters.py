"""--cluster: captures analysed in many processes, here or elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.keylogs import read_secrets
from analyzer.cli.console import Console

if TYPE_CHECKING:
    from analyzer.cluster.export import ClusterExport, ClusterRun
    from analyzer.cluster.tasks import Cluster
    from analyzer.tables.rows import Wanted


# What a share does not know as the whole set has it.
_OF_THE_WHOLE: Final = frozenset(
    {"tcp.stream", "frame.time_delta", "frame.time_relative", "handshark.finding", "handshark.severity"}
)
_ELSEWHERE: Final = "handshark extract -Y ... -w FILE makes a smaller capture, and handshark sql asks what export wrote"


def refuse(arguments: argparse.Namespace) -> None:
    """Ends the program where --cluster can not do what is asked for."""
    if "-" in arguments.captures:
        arguments.wrong("--cluster: its workers can not read standard input; write it to a file that they see")
    if arguments.filter is None:
        return
    unknown = sorted(arguments.filter.fields & _OF_THE_WHOLE)
    if unknown:
        arguments.wrong(f"--cluster: no worker knows {unknown[0]} as all captures together have it; {_ELSEWHERE}")


def cluster_run(arguments: argparse.Namespace, cluster: Cluster) -> ClusterRun:
    """A run without tables: what stands between its steps goes to --scratch, or to the temporary folder."""
    import tempfile

    from analyzer.cluster.export import ClusterRun

    return ClusterRun(cluster, arguments.scratch or f"{tempfile.gettempdir()}/handshark-cluster", Console())


def rsa_pem_of(arguments: argparse.Namespace) -> bytes | None:
    """The content of --rsa-key: a key itself does not travel."""
    return None if arguments.rsa_key is None else read_secrets(arguments.rsa_key)


def filter_text(arguments: argparse.Namespace) -> str | None:
    """The display filter of -Y, as it travels."""
    found = getattr(arguments, "filter", None)
    return None if found is None else str(found.text)


def cluster_of(arguments: argparse.Namespace) -> Cluster:
    """The cluster of --cluster. Raises ClusterError, LibraryMissing."""
    from analyzer.cluster.tasks import Cluster

    return Cluster(arguments.cluster, arguments.workers)


def exported(
    arguments: argparse.Namespace, options: AnalysisOptions, names: Sequence[str], output: str, wanted: Wanted
) -> ClusterExport:
    """Captures as rows of a store. Raises ClusterError, LibraryMissing, CaptureError."""
    from analyzer.cluster.export import ClusterExport

    with cluster_of(arguments) as cluster:
        partition = getattr(arguments, "partition", None)
        run = ClusterExport(cluster, output, partition, Console(), arguments.scratch)
        run.export(names, options, rsa_pem_of(arguments), wanted, filter_text(arguments))
        return run

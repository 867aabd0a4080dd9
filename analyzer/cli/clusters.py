"""--cluster: captures analysed in many processes, here or elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analyzer.analysis import AnalysisOptions
from analyzer.analysis.keylogs import read_secrets
from analyzer.cli.console import Console

if TYPE_CHECKING:
    from analyzer.cluster.export import ClusterExport, ClusterRun
    from analyzer.cluster.tasks import Cluster
    from analyzer.tables.rows import Wanted


def cluster_run(arguments: argparse.Namespace, cluster: Cluster) -> ClusterRun:
    """A run without tables: what stands between its steps goes to --scratch, or to the temporary folder."""
    import tempfile

    from analyzer.cluster.export import ClusterRun

    return ClusterRun(cluster, arguments.scratch or f"{tempfile.gettempdir()}/handshark-cluster", Console())


def rsa_pem_of(arguments: argparse.Namespace) -> bytes | None:
    """The content of --rsa-key: a key itself does not travel."""
    return None if arguments.rsa_key is None else read_secrets(arguments.rsa_key)


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
        run.export(names, options, rsa_pem_of(arguments), wanted)
        return run

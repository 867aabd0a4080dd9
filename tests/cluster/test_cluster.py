"""Captures by way of a cluster: the rows are those of one process that reads all files with --merge."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: pip install 'handshark[cluster]'")

from analyzer.analysis import AnalysisOptions
from analyzer.cli import main
from analyzer.cluster.export import ClusterExport
from analyzer.cluster.tasks import Cluster, ClusterError
from analyzer.engine.listener import RunListener
from analyzer.errors import CaptureError
from analyzer.tables.rows import everything
from analyzer.tables.schema import TABLES
from tests.cli.support import run
from tests.cluster.rotated import rotated_set
from tests.tables.support import Row, stored

FILES = 40
SCHEDULER = """
import sys, time
from distributed import LocalCluster

if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    time.sleep(600)
"""


class Told(RunListener):
    """Remembers what failed; does something once, when a step has come so far."""

    def __init__(self, step: str = "", act: object = None) -> None:
        self.errors: list[str] = []
        self._step = step
        self._act = act

    def failed(self, error: CaptureError) -> None:
        self.errors.append(str(error))

    def progress(self, name: str, done: int, total: int | None, frames: int) -> None:
        if name == self._step and callable(self._act):
            act, self._act = self._act, None
            act()


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return rotated_set(tmp_path_factory.mktemp("rotated"), FILES)


@pytest.fixture(scope="module")
def merged(names: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    folder = tmp_path_factory.mktemp("merged") / "tables"
    assert main(["export", "--merge", "--jobs", "1", *names, "-o", str(folder)]) == 0
    return rows(folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster("local", 2) as started:
        yield started


def rows(folder: Path) -> dict[str, list[Row]]:
    """All rows of all tables, but the names of the files that hold them."""
    found = {table: stored(folder, table) for table in TABLES}
    found["captures"] = [{**row, "parts": None} for row in found["captures"]]
    return found


def exported(cluster: Cluster, names: list[str], folder: Path, listener: RunListener | None = None) -> ClusterExport:
    run = ClusterExport(cluster, str(folder), None, listener or RunListener())
    run.export(names, AnalysisOptions(), None, everything(TABLES))
    return run


def test_the_set_goes_over_many_files(merged: dict[str, list[Row]], names: list[str]) -> None:
    """The comparison is worth something: connections cross borders, findings rest on others, keys come last."""
    assert len(names) == FILES
    connections = merged["connections"]
    assert len(connections) > 150
    (capture,) = merged["captures"]
    each = capture["frames"] // FILES
    assert sum(row["first_frame"] // each != row["last_frame"] // each for row in connections) > 40
    assert sum(row["tls_decrypted"] is True for row in connections) > 10
    codes = {row["code"] for row in merged["findings"]}
    assert {"seen-twice", "probe-connection", "access-denied"} <= codes


def test_two_workers_make_the_same_rows(
    cluster: Cluster, names: list[str], merged: dict[str, list[Row]], tmp_path: Path
) -> None:
    run = exported(cluster, names, tmp_path / "tables")
    assert rows(tmp_path / "tables") == merged
    assert run.written
    assert run.rows == sum(len(merged[table]) for table in TABLES if table != "captures")
    assert not list((tmp_path / "tables").glob(".cluster/*"))
    again = exported(cluster, names, tmp_path / "tables")
    assert (again.unchanged, again.written) == (True, False)


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_makes_the_same_rows(
    workers: int, names: list[str], merged: dict[str, list[Row]], tmp_path: Path
) -> None:
    with Cluster("local", workers) as other:
        exported(other, names, tmp_path / "tables")
    assert rows(tmp_path / "tables") == merged


@pytest.mark.parametrize("step", ["dealt out", "analysed"])
def test_a_worker_that_is_killed_loses_nothing(
    step: str, cluster: Cluster, names: list[str], merged: dict[str, list[Row]], tmp_path: Path
) -> None:
    def kill() -> None:
        victim, *_ = cluster.client.run(os.getpid).values()
        os.kill(victim, signal.SIGKILL)

    exported(cluster, names, tmp_path / "tables", Told(step, kill))
    assert rows(tmp_path / "tables") == merged


def test_files_that_overlap_are_merged(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "taps").mkdir()
    taps = rotated_set(tmp_path / "taps", 8, overlapping=True)
    assert main(["export", "--merge", "--jobs", "1", *taps, "-o", str(tmp_path / "merged")]) == 0
    exported(cluster, taps, tmp_path / "tables")
    assert rows(tmp_path / "tables") == rows(tmp_path / "merged")


def test_a_file_that_can_not_be_read_is_named_and_the_rest_is_done(
    cluster: Cluster, names: list[str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture")
    told = Told()
    run = exported(cluster, [*names[:4], str(bad), str(tmp_path / "missing.pcap")], tmp_path / "tables", told)
    assert run.failed
    assert any("bad.pcap" in error for error in told.errors)
    assert any("missing.pcap" in error for error in told.errors)
    assert main(["export", "--merge", "--jobs", "1", *names[:4], "-o", str(tmp_path / "merged")]) == 0
    assert rows(tmp_path / "tables") == rows(tmp_path / "merged")


def test_a_pair_that_is_too_large_is_divided_by_ports(cluster: Cluster, tmp_path: Path) -> None:
    from tests.cluster.rotated import one_pair

    names = one_pair(tmp_path)
    assert main(["export", "--merge", "--jobs", "1", *names, "-o", str(tmp_path / "merged")]) == 0
    exported(cluster, names, tmp_path / "tables")
    assert rows(tmp_path / "tables") == rows(tmp_path / "merged")
    assert len(stored(tmp_path / "tables", "captures")[0]["parts"]) > len(TABLES)


def test_a_scheduler_that_is_lost_is_said(names: list[str], tmp_path: Path) -> None:
    program = tmp_path / "scheduler.py"
    program.write_text(SCHEDULER, encoding="utf-8")
    command = [sys.executable, str(program)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        told = Told("dealt out", lambda: os.killpg(process.pid, signal.SIGKILL))
        try:
            with Cluster(address, silence=2) as lost, pytest.raises(ClusterError, match="does not answer any more"):
                exported(lost, names, tmp_path / "tables", told)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert stored(tmp_path / "tables", "captures") == []


@pytest.mark.parametrize("text", ["mysql.error_code", "handshark.user && !handshark.tls"])
def test_rows_that_a_filter_keeps_are_those_of_one_process(
    cluster: Cluster, names: list[str], merged: dict[str, list[Row]], tmp_path: Path, text: str
) -> None:
    for folder, way in (("alone", ["--merge"]), ("shared", ["--cluster", cluster.client.scheduler.address])):
        assert main(["export", *way, "-Y", text, *names, "-o", str(tmp_path / folder)]) == 0
    kept = rows(tmp_path / "shared")
    assert kept == rows(tmp_path / "alone")
    assert 10 < len(kept["connections"]) < len(merged["connections"])


def test_a_scheduler_that_is_not_there_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], names: list[str]
) -> None:
    with pytest.raises(ClusterError, match="no Dask scheduler answers"):
        Cluster("tcp://127.0.0.1:9", silence=1)
    assert main(["export", names[0], "--cluster", "nosuch://", "-o", str(tmp_path / "tables")]) == 3
    assert "nosuch://" in capfd.readouterr().err


def test_summary_and_statistics_are_those_of_one_process(
    cluster: Cluster, names: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    address = cluster.client.scheduler.address
    stats = ["stats", "--format", "jsonl", "--top", "1000"]
    summary = ["analyze", "--summary", "--format", "json"]
    commands = [summary, [*summary, "-Y", "mysql.error_code"], [*summary, "-Y", "handshark.tls"]]
    whole = ["stats", "--format", "json", "--top", "1000"]
    for command in (*commands, stats, [*stats, "-Y", "mysql.command == 3"], whole):
        assert main([*command, "--merge", "--jobs", "1", *names]) == 0
        alone = capfdbinary.readouterr().out
        assert main([*command, "--cluster", address, *names]) == 0
        shared = capfdbinary.readouterr().out
        assert ordered(shared) == ordered(alone)
        assert len(alone) > 1000


def ordered(text: bytes) -> list[Any]:
    """JSON, one document or one a line, in an order of its own: equal groups may stand in any, and of commands that
    took equally long any is the slowest."""
    try:
        found = [json.loads(text)]
    except json.JSONDecodeError:
        found = [json.loads(line) for line in text.splitlines()]
    return settled(found)  # type: ignore[no-any-return]


def settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items() if not key.startswith(("slowest_", "example_"))}
    return sorted(map(settled, value), key=str) if isinstance(value, list) else value


def test_the_slowest_is_named_by_its_number_in_the_whole(
    cluster: Cluster, names: list[str], merged: dict[str, list[Row]], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["stats", "--format", "jsonl", "--cluster", cluster.client.scheduler.address, *names]) == 0
    found = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    known = {(row["stream"], row["frame"]): row["duration_ns"] for row in merged["commands"]}
    named = [row for row in found if row["slowest_stream"] is not None]
    assert len(named) > 10
    assert all(known[row["slowest_stream"], row["slowest_frame"]] == row["max_ns"] for row in named)


def test_the_command_line(names: list[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_bytes(b"this is no capture")
    folder = os.path.dirname(names[0])
    done = run("export", folder, bad, "--cluster", "local", "--workers", "1", "-o", tmp_path / "tables")
    assert done.code == 3
    assert "bad.pcap" in done.err
    assert len(stored(tmp_path / "tables", "captures")) == 1
    for words, said in (
        (("export", folder, "-o", tmp_path / "x.csv"), "a folder of Parquet files"),
        (("export", folder, "-o", tmp_path / "x", "-Y", "handshark.finding"), "handshark extract -Y"),
        (("analyze", folder), "goes with --summary"),
        (("analyze", "--summary", "-"), "can not read standard input"),
        (("stats", folder, "-Y", "tcp.stream == 1"), "no worker knows tcp.stream"),
        (("stats", *names[:2], "--diff"), "--diff compares two"),
    ):
        wrong = run(*words, "--cluster", "local")
        assert wrong.code == 2
        assert said in " ".join(wrong.err.split())
    shutil.rmtree(tmp_path / "tables")
    count = "SELECT count(*) AS n FROM connections"
    asked = run("sql", count, *names[:3], "--cluster", "local", "--workers", "1", "--format", "csv")
    assert asked.code == 0, asked.err
    assert int(asked.out.splitlines()[1]) > 1

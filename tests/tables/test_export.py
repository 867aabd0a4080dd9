"""`handshark export`: its tables say what `--format jsonl` says, and a store is whole at any time."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'handshark[sql]'")

from analyzer.cli import main
from analyzer.engine import jobs
from analyzer.tables.schema import TABLES
from analyzer.tables.stores import database, parquet
from tests.cli.support import accepted, refused, run
from tests.corpus import REPOSITORY
from tests.tables.support import expected, in_order, stored
from tests.wire.files import pcap
from tests.wire.frames import FIN
from tests.wire.mysql import err, greeting, login, query
from tests.wire.script import ACCEPTED, GOODBYE, START, Say, conversation, in_time_order

SAMPLES = REPOSITORY / "samples"
CHOSEN = [
    *("mysql97_cli_wrong-password.pcap", "mysql97_cli_full-auth-rsa.pcapng", "mysql97_cli_tls12.pcapng"),
    *("mariadb118_cli_parsec.pcapng", "mysql97_connector_prepared.pcapng", "mariadb118_raw_proxy-v2.pcapng"),
]
NAMES = [str(SAMPLES / name) for name in CHOSEN]


def exported(folder: Path, *arguments: str) -> Path:
    assert main(["export", *NAMES, "-o", str(folder), *arguments]) == 0
    return folder


def listed(capfdbinary: pytest.CaptureFixture[bytes], command: str, *more: str) -> list[dict[str, Any]]:
    capfdbinary.readouterr()
    assert main([command, "--format", "jsonl", *NAMES, *more]) == 0
    return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]


def test_connections_are_those_of_json_lines(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = exported(tmp_path / "tables")
    records = listed(capfdbinary, "analyze")
    rows = stored(folder, "connections")
    wanted = in_order([expected(record, "connections") for record in records])
    assert len(rows) == len(records) > len(NAMES) - 1
    for row, record in zip(rows, wanted, strict=True):
        for key in [column.name for column in TABLES["connections"].columns if column.name.endswith("_key")]:
            assert row.pop(key).startswith(("4:", "6:"))
        assert row == {**record, "tls_inferred": row["tls_inferred"]}
        assert (row["tls_inferred"] is None) == (record["tls_inferred"] is None)
    whose = {(record["capture"], record["stream"]): record for record in records}
    findings = stored(folder, "findings")
    assert [row["code"] for row in findings] == [one["code"] for key in sorted(whose) for one in whose[key]["findings"]]
    for row in findings:
        finding = whose[row["capture"], row["stream"]]["findings"][row["number"]]
        assert {key: row[key] for key in finding} == finding
        assert row["start_time_ns"] == whose[row["capture"], row["stream"]]["start_time_ns"]
    for row in stored(folder, "authentication_steps"):
        step = whose[row["capture"], row["stream"]]["authentication"]["steps"][row["number"]]
        assert {key: row[key] for key in step} == step
    attributes = {(row["capture"], row["stream"], row["name"]): row["value"] for row in stored(folder, "attributes")}
    assert attributes == {
        (*key, name): value
        for key, record in whose.items()
        for name, value in ((record["login"] or {}).get("attributes") or {}).items()
    }
    assert len(attributes) > 10


def test_commands_are_those_of_json_lines(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = exported(tmp_path / "tables")
    records = in_order(listed(capfdbinary, "commands"))
    rows = stored(folder, "commands")
    assert len(rows) == len(records) > 20
    for row, record in zip(rows, records, strict=True):
        wanted = expected(record, "commands")
        for key in ("parameters", "attributes"):
            assert (None if row[key] is None else json.loads(row[key])) == wanted[key]
            wanted[key] = row[key]
        assert {name: row[name] for name in wanted} == wanted


def test_captures_say_what_was_read(tmp_path: Path) -> None:
    rows = stored(exported(tmp_path / "tables"), "captures")
    assert sorted(row["capture"] for row in rows) == sorted(NAMES)
    for row in rows:
        (file,) = row["files"]
        assert file["bytes"] == Path(row["capture"]).stat().st_size
        assert row["mysql_connections"] <= row["tcp_connections"] <= row["frames"]


@pytest.mark.parametrize("partition", ["hour", "day"])
def test_partitions_divide_the_rows(tmp_path: Path, partition: str) -> None:
    whole, divided = exported(tmp_path / "whole"), exported(tmp_path / "divided", "--partition", partition)
    for table in TABLES:
        if table != "captures":
            assert stored(divided, table) == stored(whole, table)
    for part in stored(divided, "captures")[0]["parts"]:
        assert "/date=20" in part
        assert ("/hour=" in part) == (partition == "hour")


def many(count: int) -> bytes:
    """Connections of which some wait for what others say: one client breaks off again and again."""
    scripts = []
    for index in range(count):
        client = (f"10.0.0.{index % 5}", 40000 + index)
        start = index * 1_000_000
        if index % 3 == 0:
            steps: Any = [("s", greeting()), Say("c", flags=FIN), Say("s", flags=FIN), Say("c")]
        elif index % 3 == 1:
            steps = [("s", greeting()), ("c", login()), ("s", err(2, 1045, "Access denied", "28000"))]
        else:
            steps = [*ACCEPTED, ("c", query("SELECT 1")), *GOODBYE]
        numbers = (1000 + index, 900_000 + index)
        scripts.append(conversation(steps, client=client, start_ns=START + start, numbers=numbers))
    return pcap(in_time_order(*scripts))


def test_any_number_of_processes_makes_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = tmp_path / "many.pcap"
    capture.write_bytes(many(60))
    # Without a number one analyses beside the one that makes tables.
    monkeypatch.setattr(jobs, "SMALL", 0)
    monkeypatch.setattr(jobs, "WORTH_IT", 1000)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert jobs.jobs_for(str(capture), None, jobs.TABLES) == jobs.Jobs(1, True)
    found = []
    for number in ("1", "2", "3", None):
        folder = tmp_path / str(number)
        given = [] if number is None else ["--jobs", number]
        assert main(["export", str(capture), *given, "-o", str(folder)]) == 0
        found.append({table: stored(folder, table) for table in TABLES if table != "captures"})
    assert len(found[0]["connections"]) == 60
    assert found[0]["findings"]
    assert found[1] == found[0]
    assert found[2] == found[0]
    assert found[3] == found[0]


@pytest.mark.parametrize("rows", [1, 1 << 16])
def test_a_store_on_a_full_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: int
) -> None:
    """Also where the row group is written while others come."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device")

    monkeypatch.setattr(parquet, "GROUP_ROWS", rows)
    monkeypatch.setattr(parquet.TableFile, "write", full)
    store = tmp_path / "store"
    assert main(["export", str(accepted(tmp_path)), "-o", str(store)]) == 3
    assert capsys.readouterr().err == f"handshark: {store}: No space left on device\n"
    assert not [path for path in store.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("name", "module"), [("store.duckdb", "duckdb"), ("store.sqlite", "sqlite3")])
def test_a_database_that_takes_no_more_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, module: str
) -> None:
    errors = pytest.importorskip(module)
    store = tmp_path / name
    assert main(["export", str(accepted(tmp_path)), "-o", str(store)]) == 0
    capsys.readouterr()

    def full(*_: object) -> None:
        raise errors.OperationalError("disk is full")

    for writer in (database.DuckDBWriter, database.SQLiteWriter):
        monkeypatch.setattr(writer, "insert", full)
    assert main(["export", str(refused(tmp_path)), "-o", str(store)]) == 3
    assert capsys.readouterr().err == f"handshark: {store}: disk is full\n"
    monkeypatch.undo()
    assert main(["export", str(refused(tmp_path)), "-o", str(store)]) == 0


def test_a_store_takes_what_is_new_and_what_changed(tmp_path: Path) -> None:
    first, second, store = accepted(tmp_path), refused(tmp_path), tmp_path / "store"
    assert main(["export", str(first), "-o", str(store)]) == 0
    before = sorted(path.name for path in store.rglob("*.parquet"))
    assert main(["export", str(first), "-o", str(store)]) == 0
    assert sorted(path.name for path in store.rglob("*.parquet")) == before
    assert main(["export", str(first), str(second), "-o", str(store)]) == 0
    assert [row["outcome"] for row in stored(store, "connections")] == ["rejected", "accepted"]
    assert set(before) < {path.name for path in store.rglob("*.parquet")}
    first.write_bytes(pcap(in_time_order(conversation(ACCEPTED), conversation(ACCEPTED, client=("10.0.0.9", 41000)))))
    assert main(["export", str(first), str(second), "-o", str(store)]) == 0
    assert [row["outcome"] for row in stored(store, "connections")] == ["rejected", "accepted", "accepted"]
    on_disk = {str(path.relative_to(store)) for path in store.rglob("*.parquet")} - {
        str(path.relative_to(store)) for path in store.glob("captures/*.parquet")
    }
    assert on_disk == {part for row in stored(store, "captures") for part in row["parts"]}


def test_what_a_run_that_died_left_is_not_read_and_goes(tmp_path: Path) -> None:
    capture, store = accepted(tmp_path), tmp_path / "store"
    assert main(["export", str(capture), "-o", str(store)]) == 0
    (part,) = (store / "connections").glob("*.parquet")
    left = part.with_name(part.name.split("-")[0] + "-00000000-0.parquet")
    left.write_bytes(part.read_bytes())
    assert len(stored(store, "connections")) == 1
    capture.write_bytes(capture.read_bytes() + b"")
    capture.touch()
    assert main(["export", str(capture), "-o", str(store)]) == 0
    assert not left.exists()
    assert len(stored(store, "connections")) == 1


def test_what_can_not_be_read_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    good, bad = accepted(tmp_path), tmp_path / "bad.pcap"
    bad.write_bytes(b"no capture at all")
    for output in ("store", "store.duckdb", "store.sqlite", "store.csv"):
        done = run("export", bad, good, tmp_path / "missing.pcap", "-o", tmp_path / output)
        assert done.code == 3
        assert "bad.pcap" in done.err
        assert "missing.pcap" in done.err
    assert len(stored(tmp_path / "store", "connections")) == 1
    assert (tmp_path / "store.csv").read_text(encoding="utf-8").count("\n") == 2


@pytest.mark.parametrize("ending", ["duckdb", "sqlite"])
def test_databases_hold_the_same_and_take_what_changed(tmp_path: Path, ending: str) -> None:
    duckdb = pytest.importorskip("duckdb")
    folder, file = exported(tmp_path / "tables"), tmp_path / f"all.{ending}"
    exported(file)
    exported(file)
    database: Any = duckdb.connect(str(file)) if ending == "duckdb" else sqlite3.connect(file)
    for table in TABLES:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert count == len(stored(folder, table)), table
    statement = "SELECT capture, stream, outcome, greeting_server_version FROM connections ORDER BY 1, 2"
    assert database.execute(statement).fetchall() == [
        (row["capture"], row["stream"], row["outcome"], row["greeting_server_version"])
        for row in stored(folder, "connections")
    ]
    database.close()


def test_single_files_hold_one_table(tmp_path: Path) -> None:
    from pyarrow import parquet

    folder = exported(tmp_path / "tables")
    exported(tmp_path / "all.parquet", "--table", "commands")
    assert parquet.read_table(tmp_path / "all.parquet").num_rows == len(stored(folder, "commands"))
    exported(tmp_path / "all.csv")
    lines = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(column.name for column in TABLES["connections"].columns)
    assert len(lines) == 1 + len(stored(folder, "connections"))
    done = run("export", *NAMES, "-o", tmp_path / "two.csv", "--table", "commands", "--table", "findings")
    assert done.code == 2
    assert "one table" in done.err


def test_text_of_the_wire_stays_text(tmp_path: Path) -> None:
    """No formula for a spreadsheet, no bytes that are no Unicode."""
    steps: Any = [("s", greeting()), ("c", login(user=b"=cmd|' /C calc'!A0\xff")), ("s", err(2, 1045, "no", "28000"))]
    capture = tmp_path / "hostile.pcap"
    capture.write_bytes(pcap(conversation(steps)))
    assert main(["export", str(capture), "-o", str(tmp_path / "out.csv")]) == 0
    assert "'=cmd|" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert main(["export", str(capture), "-o", str(tmp_path / "out")]) == 0
    (row,) = stored(tmp_path / "out", "connections")
    assert row["login_user"] == "=cmd|' /C calc'!A0\\xff"


def test_a_filter_chooses(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    folder = exported(tmp_path / "tables", "-Y", "mysql.error_code == 1045")
    connections = listed(capfdbinary, "analyze", "-Y", "mysql.error_code == 1045")
    assert [row["stream"] for row in stored(folder, "connections")] == [one["stream"] for one in connections]
    assert len(connections) == 1
    assert stored(folder, "commands") == []
    folder = exported(tmp_path / "selects", "-Y", 'mysql.query contains "SELECT"')
    commands = in_order(listed(capfdbinary, "commands", "-Y", 'mysql.query contains "SELECT"'))
    assert [row["statement"] for row in stored(folder, "commands")] == [one["statement"] for one in commands]
    assert commands


def test_shown_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    for ending in ("duckdb", "sqlite", "csv", "parquet"):
        file = tmp_path / f"out.{ending}"
        assert main(["export", "--show-secrets", NAMES[0], "-o", str(file)]) == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, ending


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError('none')\n", encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from analyzer.cli import main; "
        f"sys.exit(main(['export', {NAMES[0]!r}, '-o', {str(tmp_path / 'out')!r}]))"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 3
    assert "pip install 'handshark[sql]'" in done.stderr
    assert "Traceback" not in done.stderr

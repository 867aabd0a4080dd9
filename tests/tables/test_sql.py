"""`handshark sql`: queries that ship have the right answers, and only what a query needs is made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'handshark[sql]'")

from analyzer.cli import main, prompt
from analyzer.tables.arrays import plain_rows
from analyzer.tables.database import Database
from analyzer.tables.documentation import markdown
from analyzer.tables.queries import queries
from analyzer.tables.results import iso
from analyzer.tables.schema import TABLES
from tests.cli.support import accepted, refused, run
from tests.corpus import REPOSITORY
from tests.tables.make_answers import ANSWERS, answer, sources

NAMES = [query.name for query in queries()]
# Those that are asked of captures too: one of each table that is large.
OF_CAPTURES = ("old-plugins", "slowest-statements")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("tables") / "store")
    assert main(["export", *sources(), "-o", folder]) == 0
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_query_that_ships_has_its_golden_answer(name: str, store: str) -> None:
    golden = (ANSWERS / f"{name}.csv").read_text(encoding="utf-8")
    assert golden.count("\n") > 5
    assert answer(name, store) == golden
    if name in OF_CAPTURES:
        assert answer(name, *sources()) == golden


# Finds no pandas, whose part `[sql]` is not.
WITHOUT_PANDAS = """
import sys

class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoPandas())
from analyzer.cli import main

main()
"""


def test_nothing_of_it_needs_pandas(tmp_path: Path) -> None:
    """Arrow's own way to Python's values needs it where a time has nanoseconds."""
    capture, store = str(REPOSITORY / "samples" / "mariadb1011_raw_ed25519.pcapng"), str(tmp_path / "store")
    first = json.loads(run("analyze", "--format", "jsonl", capture).out.splitlines()[0])
    assert first["start_time_ns"] % 1000
    export = ["export", capture, "-o", store]
    for words in (export, export, ["sql", "FROM captures", store]):  # made, found to be there, asked
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_PANDAS, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def records() -> list[dict[str, Any]]:
    done = run("analyze", "--format", "jsonl", *sources())
    return done.rows()


def test_answers_are_what_json_lines_say(store: str) -> None:
    """Counted once more, without any table."""
    connections = [one for one in records() if not any(found["code"] == "seen-twice" for found in one["findings"])]
    old = {"mysql_native_password", "mysql_old_password", "sha256_password"}
    plugins = Counter(
        (one["client"]["address"], (one["login"] or {}).get("user"), one["authentication"]["plugin"])
        for one in connections
        if one["authentication"] is not None and one["authentication"]["plugin"] in old
    )
    found: Counter[tuple[Any, ...]] = Counter()
    for row in asked("old-plugins", store):
        found[row["client_address"], row["user"], row["plugin"]] += row["logins"]
    assert found == plugins
    plain = [one for one in connections if one["login"] is not None and one["tls"] is None]
    rows = asked("logins-without-tls", store)
    assert sum(row["logins"] for row in rows) == len(plain)
    assert sum(row["tls_was_offered"] for row in rows) == sum(
        "CLIENT_SSL" in one["greeting"]["capabilities"] for one in plain if one["greeting"] is not None
    )
    errors = Counter(one["error"]["code"] for one in connections if one["error"] is not None)
    by_code: Counter[int] = Counter()
    for row in asked("errors-by-hour", store):
        by_code[row["code"]] += row["errors"] if row["phase"] == "login" else 0
    assert +by_code == errors


def asked(name: str, *names: str) -> list[dict[str, Any]]:
    done = run("sql", name, *names, "--format", "json")
    assert done.code == 0, done.err
    rows: list[dict[str, Any]] = json.loads(done.out)
    return rows


def test_upgrades_break_what_the_summary_says(store: str) -> None:
    done = run("analyze", "--summary", "--format", "json", *sources())
    summary = json.loads(done.out)
    expected = {(one["target"], one["what"]): one["connections"] for one in summary["upgrades"]}
    found: Counter[tuple[str, str]] = Counter()
    for row in asked("upgrade-breakage", store):
        found[row["target"], row["what"]] += row["connections"]
    assert found == expected


def test_only_what_a_query_needs_is_made() -> None:
    database = Database()
    try:
        assert database.needs("SELECT login_user FROM connections WHERE tls_version = 'x'") == {
            "connections": {"login_user", "tls_version"}
        }
        assert database.needs("SELECT count(*) FROM commands") == {"commands": {"capture"}}
        assert database.needs("FROM findings") == {"findings": {column.name for column in TABLES["findings"].columns}}
        assert database.needs("SELECT 1") == {}
        assert set(database.needs("SELECT digest(statement) FROM commands NATURAL JOIN connections")) == {
            "commands",
            "connections",
        }
        assert set(database.needs("SET threads = 1; FROM commands")) == set(TABLES)
    finally:
        database.close()


@pytest.mark.parametrize("ending", ["duckdb", "sqlite", "csv", "parquet"])
def test_all_that_export_writes_can_be_asked(tmp_path: Path, ending: str) -> None:
    names = sources()[:12]
    question = (
        "SELECT count(*) AS n, max(epoch_ns(start_time_ns)) AS last, sum(tcp_syn::INT) AS syn, "
        "max(len(greeting_capabilities)) AS most, sum(commands['query']) AS queries, "
        "max(tls_certificates[1].key_size) AS bits FROM connections"
    )
    expected = asked(question, *names)
    file = tmp_path / f"out.{ending}"
    assert main(["export", *names, "-o", str(file)]) == 0
    assert asked(question, str(file)) == expected
    assert asked(question, str(file), *sources()[12:14])[0]["n"] > expected[0]["n"]


def test_formats(tmp_path: Path) -> None:
    from pyarrow import parquet

    capture = accepted(tmp_path)
    question = "SELECT client_port, login_user, start_time_ns, [1, 2] AS list, NULL AS nothing FROM connections"
    text = run("sql", question, capture)
    assert text.out.splitlines()[0].split() == ["client_port", "login_user", "start_time_ns", "list", "nothing"]
    assert text.out.splitlines()[2].split() == ["50000", "app", "2023-11-14T22:13:20Z", "[1,2]"]
    assert run("sql", question, capture, "--format", "csv").out.splitlines()[1] == (
        '50000,app,2023-11-14T22:13:20Z,"[1,2]",'
    )
    out = tmp_path / "out.parquet"
    assert run("sql", question, capture, "--format", "parquet", "-o", out).code == 0
    assert parquet.read_table(out).num_rows == 1
    file = tmp_path / "question.sql"
    file.write_text("SELECT outcome FROM connections -- comment\n", encoding="utf-8")
    assert json.loads(run("sql", "-f", file, capture, "--format", "json").out) == [{"outcome": "accepted"}]
    assert run("sql", capture, stdin=b"SELECT 1 AS one").out == "one\n---\n  1\n"


def test_a_long_cell_does_not_make_all_rows_long(tmp_path: Path) -> None:
    question = "SELECT repeat('x', 900) AS text, 1 AS n UNION ALL SELECT 'y', 2 ORDER BY n"
    lines = run("sql", question, accepted(tmp_path)).out.splitlines()
    assert lines[2].split() == ["x" * 900, "1"]
    assert [len(lines[at]) for at in (0, 1, 3)] == [63, 63, 63]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    capture = accepted(tmp_path)
    wrong = run("sql", "SELECT nothing FROM connections", capture)
    assert wrong.code == 2
    assert 'column "nothing" not found' in wrong.err
    assert run("sql", "SELECT 1").code == 2
    unknown = run("sql", "old-plugin", capture)
    assert unknown.code == 2
    assert "old-plugins" in unknown.err
    missing = run(
        "sql", "SELECT count(*) AS n FROM connections", capture, tmp_path / "missing.pcap", "--format", "json"
    )
    assert missing.code == 3
    assert json.loads(missing.out) == [{"n": 1}]
    assert "missing.pcap" in missing.err
    foreign = tmp_path / "foreign.parquet"
    assert run("sql", "SELECT 1 AS a", capture, "--format", "parquet", "-o", foreign).code == 0
    other = run("sql", "SELECT * FROM connections", foreign)
    assert other.code == 2
    assert "those of no table" in other.err


def test_copies_count_once(tmp_path: Path) -> None:
    bad, good = refused(tmp_path), accepted(tmp_path)
    question = "SELECT (SELECT count(*) FROM connections) - count(*) AS copies FROM distinct_connections"
    (row,) = asked(question, str(bad), str(good))
    assert row == {"copies": 0}


def test_the_prompt_answers_and_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    lines: Iterator[str] = iter(
        ["SELECT count(*) AS n", "FROM captures;", "nonsense;", ".schema commands", ".queries", "old-plugins", ".help"]
    )

    def typed(_: str) -> str:
        for line in lines:
            return line
        raise EOFError

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    shown: list[list[dict[str, Any]]] = []
    database = Database()
    database.read(_only_store(store), {}, _options(), 1, _listener())

    def show(reader: Any) -> int:
        shown.append(plain_rows(reader.read_all()))
        return 0

    assert prompt.Prompt(database, show).run() == 0
    database.close()
    assert shown[0] == [{"n": len(sources())}]
    assert len(shown[1]) == (ANSWERS / "old-plugins.csv").read_text(encoding="utf-8").count("\n") - 1
    told = capsys.readouterr()
    assert "Parser Error" in told.err
    assert "response_frame" in told.out
    assert "old-plugins" in told.out
    assert Path(prompt.history_file()).is_file()


def _only_store(store: str) -> Any:
    from analyzer.tables.database import sources_of

    return sources_of([store])


def _options() -> Any:
    from analyzer.analysis import AnalysisOptions

    return AnalysisOptions()


def _listener() -> Any:
    from analyzer.engine.listener import RunListener

    return RunListener()


def test_queries_and_schema_are_listed() -> None:
    assert [line.split()[0] for line in run("sql", "--queries").out.splitlines()] == NAMES
    for query in queries():
        assert query.title
        assert query.about
        assert run("sql", "--show", query.name).out == query.sql + "\n"
    assert "greeting_server_version" in run("sql", "--schema").out


def test_the_documentation_is_that_of_the_schema() -> None:
    written = (REPOSITORY / "docs" / "tables.md").read_text(encoding="utf-8")
    assert written == markdown(), "handshark sql --schema --format md > docs/tables.md"


def test_times_are_iso() -> None:
    assert iso(1_790_000_000_000_040_000) == "2026-09-21T14:13:20.00004Z"
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999999Z"


def test_times_of_a_place() -> None:
    question = "SELECT start_time_ns, count(*) AS n FROM connections GROUP BY ALL"
    capture = str(REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap")
    assert "T16:02:32." in (shown := run("sql", question, capture, "--tz", "+05:30").out)
    assert "+05:30" in shown
    assert "+05:30" not in run("sql", question, capture, "--tz", "+05:30", "--format", "json").out

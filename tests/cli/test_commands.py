"""`handshark commands` and `handshark stats`: what they show, in every format, alone and in several processes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from analyzer.analysis.commands.query_id import query_id
from tests.cli.support import Json, run
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import FIN
from tests.wire.mysql import PING, QUIT, err, ok, packet, query
from tests.wire.script import ACCEPTED, SECOND, START, Say, conversation, in_time_order, wait

# CONTRACT.md, "handshark commands".
KEYS = (
    *("capture", "stream", "number", "frame", "response_frame", "time_ns", "latency_ns", "duration_ns", "command"),
    *("statement", "parameters", "attributes", "database", "response", "affected_rows", "last_insert_id", "warnings"),
    *("status_flags", "info", "columns", "rows", "result_sets", "error", "bytes_request", "bytes_response"),
    *("complete", "missing_bytes", "statement_cut", "statement_id", "argument"),
)
RESPONSES = frozenset(
    {"ok", "error", "resultset", "eof", "local_infile", "prepare_ok", "statistics", "binlog", "none", "encrypted"}
    | {"missing"}
)
PREPARED = REPOSITORY / "samples" / "mysql97_raw_prepared.pcapng"


def lines(*words: str) -> list[Json]:
    done = run("commands", "--format", "jsonl", *words)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Two connections: one slow and one wrong statement among quick ones."""
    connections = []
    for number in range(2):
        steps = [*ACCEPTED]
        for index in range(5):
            steps += [("c", query(f"SELECT {index} FROM t{number}")), ("s", ok(1))]
        steps += [("c", query(f"SELECT SLEEP({number})")), wait("s", ok(1), 0.5 + number)]
        steps += [("c", query("SELEC")), ("s", err(1, 1064, "You have an error\x1b[31m in your SQL syntax", "42000"))]
        steps += [("c", PING), ("s", ok(1)), ("c", QUIT), Say("c", flags=FIN), Say("s", flags=FIN)]
        connections.append(conversation(steps, client=("10.0.0.1", 50000 + number), start_ns=START + number * SECOND))
    path = tmp_path / "commands.pcap"
    path.write_bytes(pcap(in_time_order(*connections)))
    return path


@pytest.mark.parametrize("words", [("commands",), ("commands", "--top", "3"), ("commands", "--group"), ("stats",)])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_encrypted_connections_are_told_of(words: tuple[str, ...], jobs: str) -> None:
    sample = REPOSITORY / "samples" / "mysql97_cli_tls13-full-auth.pcap"
    done = run(*words, "--jobs", jobs, sample)
    assert done.code == 0
    assert "the one connection is encrypted, and no key was given" in done.err
    assert "--keylog" in done.err
    opened = run(*words, "--jobs", jobs, "--keylog", sample.with_suffix(".keys"), sample)
    assert "encrypted" not in opened.err


def test_the_keys_of_the_contract_in_order(capture: Path) -> None:
    for row in lines(str(capture), str(PREPARED)):
        assert tuple(row)[: len(KEYS)] == KEYS
        assert row["response"] in RESPONSES


def test_what_a_command_without_a_statement_is_about(tmp_path: Path) -> None:
    asked = {
        "init_db": (b"\x02sh\xc3\xb6p", "sh\xf6p"),
        "field_list": (b"\x04orders\0id%", "orders"),
        "set_option": (b"\x1b\x01\x00", "MYSQL_OPTION_MULTI_STATEMENTS_OFF"),
        "process_kill": (b"\x0c\x2a\x00\x00\x00", "42"),
        "ping": (b"\x0e", None),
        "change_user": (b"\x11bob\0\x00shop\0", "bob"),
    }
    steps = [*ACCEPTED]
    for payload, _ in asked.values():
        steps += [("c", packet(0, payload)), ("s", err(1, 1047, "no", "08S01"))]
    steps += [("c", packet(0, b"\x12\x04\x00\x00\x00\x00\x00\x07\x00\x00\x00bin.000003"))]
    path = tmp_path / "arguments.pcap"
    path.write_bytes(pcap(conversation(steps)))
    found = {row["command"]: row["argument"] for row in lines(str(path))}
    assert found == {name: argument for name, (_, argument) in asked.items()} | {"binlog_dump": "bin.000003:4"}


def test_the_number_of_a_prepared_statement() -> None:
    rows = [row for row in lines(str(PREPARED)) if row["command"].startswith("stmt_")]
    named = {row["statement_id"] for row in rows}
    assert None not in named
    texts = {row["statement_id"]: row["statement"] for row in rows if row["command"] == "stmt_prepare"}
    for row in rows:
        assert row["statement"] in (None, texts.get(row["statement_id"]))
    assert all(row["complete"] for row in rows)


def test_whether_a_command_is_there_whole(tmp_path: Path) -> None:
    """A hole in a response is said with its bytes; an answer that never came makes the command incomplete too."""
    column = b"\x03def\x00\x00\x00\x01c\x00\x0c\x3f\x00\x0b\x00\x00\x00\x03\x00\x00\x00\x00\x00"
    first = packet(1, b"\x01") + packet(2, column) + packet(3, b"\x011")
    lost, last = packet(4, b"\x50" + b"2" * 80), packet(5, b"\xfe\x00\x00\x02\x00\x00\x00")
    steps = [*ACCEPTED, ("c", query("SELECT 1")), ("s", first), Say("s", lost, lost=True), ("s", last)]
    steps += [("c", query("SELECT 2")), ("s", ok(1)), ("c", query("SELECT 3"))]
    path = tmp_path / "hole.pcap"
    path.write_bytes(pcap(conversation(steps)))
    found = [(row["statement"], row["response"], row["complete"], row["missing_bytes"]) for row in lines(str(path))]
    assert found == [
        ("SELECT 1", "resultset", False, len(lost)),
        ("SELECT 2", "ok", True, 0),
        ("SELECT 3", "missing", False, 0),
    ]


def test_each_command_once_with_its_answer(capture: Path) -> None:
    rows = lines(str(capture))
    assert [row["number"] for row in rows if row["stream"] == 0] == list(range(9))
    assert [row["response"] for row in rows if row["stream"] == 1] == ["ok"] * 6 + ["error", "ok", "none"]
    (wrong, _) = [row for row in rows if row["error"]]
    assert wrong["error"]["code"] == 1064
    assert wrong["error"]["sqlstate"] == "42000"


def test_bound_values_of_a_prepared_statement() -> None:
    executes = [row for row in lines(str(PREPARED)) if row["command"] == "stmt_execute"]
    assert executes
    prepares = {row["statement"] for row in lines(str(PREPARED)) if row["command"] == "stmt_prepare"}
    assert all(row["statement"] in prepares for row in executes)


def test_slow_and_top(capture: Path) -> None:
    slow = lines("--slow", "400", str(capture))
    assert [row["statement"] for row in slow] == ["SELECT SLEEP(0)", "SELECT SLEEP(1)"]
    top = lines("--top", "1", str(capture))
    assert [row["statement"] for row in top] == ["SELECT SLEEP(1)"]
    assert [row["statement"] for row in lines("--top", "3", str(capture))][:2] == ["SELECT SLEEP(1)", "SELECT SLEEP(0)"]


def test_several_processes_say_the_same(capture: Path) -> None:
    bulk = str(REPOSITORY / "samples" / "bulk-resultset.pcap.zst")
    one = lines("--jobs", "1", str(capture), bulk)
    assert lines("--jobs", "3", str(capture), bulk) == one
    assert lines("--jobs", "2", "--top", "4", str(capture)) == lines("--jobs", "1", "--top", "4", str(capture))


def test_groups(capture: Path) -> None:
    done = run("commands", "--group", "--format", "jsonl", str(capture))
    groups = {row["name"]: row for row in map(json.loads, done.out.splitlines())}
    assert groups["SELECT SLEEP (?)"]["count"] == 2
    assert groups["SELECT ? FROM t0"]["count"] == 5
    assert groups["SELEC"]["errors"] == 2
    assert groups["(ping)"]["count"] == 2
    assert next(iter(groups)) == "SELECT SLEEP (?)"
    jobs = run("commands", "--group", "--format", "jsonl", "--jobs", "2", str(capture))
    assert jobs.out == done.out


def test_text_is_in_80_columns_and_harmless(capture: Path) -> None:
    for words in (["commands"], ["commands", "--group"], ["commands", "--top", "5"], ["stats"]):
        done = run(*words, str(capture), str(PREPARED))
        assert done.code == 0
        names = {str(capture), str(PREPARED)}  # as given, in one piece
        assert max(len(line) for line in done.out.splitlines() if line not in names) <= 80
        assert "\x1b" not in done.out
    text = run("commands", str(capture)).out
    assert "-> error 1064 (42000): You have an error\\x1b[31m in your SQL syntax" in text
    assert "500ms" in text


def test_csv(capture: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("commands", "--format", "csv", str(capture)).out)))
    assert len(rows) == len(lines(str(capture)))
    assert {row["error_code"] for row in rows} == {"", "1064"}
    groups = list(csv.DictReader(io.StringIO(run("commands", "--group", "--format", "csv", str(capture)).out)))
    assert {row["by"] for row in groups} == {"statement"}


def test_stats_by_what_is_asked_for(capture: Path) -> None:
    done = run("stats", "--by", "user", "--by", "command", "--format", "jsonl", str(capture))
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert {(row["by"], row["name"]): row["count"] for row in rows} == {
        ("user", "app"): 18,
        ("command", "query"): 14,
        ("command", "ping"): 2,
        ("command", "quit"): 2,
    }
    text = run("stats", str(capture)).out
    assert "18 commands, 2 errors" in text
    assert "By statement" in text


def test_wrong_usage_and_sources_that_are_not_there(tmp_path: Path) -> None:
    assert run("commands", "--slow", "soon", "x.pcap").code == 2
    for words in (
        ["commands", "--group", "--sort", "latency"],
        ["commands", "--sort", "p95"],
        ["commands", "--group", "--format", "sql"],
        ["stats", "--diff"],
    ):
        done = run(*words, "x.pcap")
        assert done.code == 2
        assert "usage: handshark" in done.err
    assert run("commands", str(tmp_path / "none.pcap")).code == 3
    assert run("stats", str(tmp_path / "none.pcap")).code == 3


def test_stats_show_what_failed_was_cut_off_and_waited(capture: Path, tmp_path: Path) -> None:
    steps = [*ACCEPTED, ("c", query("UPDATE t SET a = 1")), Say("c", flags=FIN), Say("s", flags=FIN)]
    whole = tmp_path / "cut.pcap"
    whole.write_bytes(pcap(conversation(steps, start_ns=START + 60 * SECOND)))
    for jobs in ("1", "2"):
        text = run("stats", "--by", "server", "--jobs", jobs, str(capture), str(whole)).out
        rows = [row.strip() for row in text.splitlines()]
        failed = rows.index("Commands that failed: 2")
        assert rows[failed + 1].startswith("2 x error 1064, 2 connections, 22:13:2")
        assert rows[failed + 2] == "SELEC"
        assert rows[failed + 3].startswith("You have an error")
        cut = rows.index("Commands whose answer is not in the capture, or not all of it: 1")
        assert rows[cut + 1 : cut + 3] == ["1 x 1 connection, 22:14:20", "UPDATE t SET a = ?"]
        waited = rows.index("Commands whose answer began after a second or more: 1")
        assert rows[waited + 1].startswith("1 x up to 1.5s, 1 connection, 22:13:2")
        assert rows[waited + 2] == "SELECT SLEEP (?)"
        assert all(len(row) <= 80 for row in text.splitlines())


def test_stats_by_error(capture: Path) -> None:
    done = run("stats", "--by", "error", "--format", "jsonl", str(capture))
    (row,) = [json.loads(line) for line in done.out.splitlines()]
    assert (row["by"], row["name"], row["count"], row["errors"]) == ("error", "1064 SELEC", 2, 2)


def test_groups_have_their_share_a_query_id_and_a_sample(capture: Path) -> None:
    done = run("commands", "--group", "--format", "jsonl", capture)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert sum(row["share"] or 0 for row in rows) == pytest.approx(1, abs=1e-4)
    (slow,) = [row for row in rows if row["name"] == "SELECT SLEEP (?)"]
    assert (slow["sample"], slow["count"]) == ("SELECT SLEEP(1)", 2)
    assert slow["share"] > 0.9
    assert slow["query_id"] == query_id("SELECT SLEEP(17)")
    text = run("commands", "--group", "--top", "2", capture).out
    assert f"id {slow['query_id']}" in text
    assert "as in: SELECT SLEEP(1)" in text
    assert "more statements (--top" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_commands_and_groups_are_sorted(capture: Path) -> None:
    by_time = lines("--sort", "time", str(capture))
    assert [row["time_ns"] for row in by_time] == sorted(row["time_ns"] for row in by_time)
    assert len(by_time) == len(lines(str(capture)))
    assert lines("--sort", "latency", "--top", "1", str(capture))[0]["statement"] == "SELECT SLEEP(1)"
    groups = run("commands", "--group", "--sort", "count", "--format", "jsonl", capture).rows()
    counts = [row["count"] for row in groups]
    assert counts == sorted(counts, reverse=True)
    assert (
        run("commands", "--group", "--sort", "errors", "--top", "1", "--format", "jsonl", capture).rows()[0]["errors"]
        == 2
    )


def test_a_wide_terminal_shows_client_user_and_server(capture: Path) -> None:
    narrow, wide = (run("commands", "--width", width, capture).out for width in ("80", "160"))
    assert "10.0.0.1:50000" not in narrow
    head = wide.splitlines()[1].split()
    assert head[-4:] == ["Client", "User", "Server", "Command"]
    assert "10.0.0.1:50000" in wide
    assert all(len(line) <= 160 for line in wide.splitlines())


def test_other_tools_formats(capture: Path) -> None:
    log = run("commands", "--format", "slowlog", capture).out
    assert log.count("# Query_time: ") == 18
    assert "SELECT SLEEP(1);\n" in log
    script = run("commands", "--format", "sql", "--top", "1", capture).out
    assert script.splitlines()[-1] == "SELECT SLEEP(1);"


def test_statistics_as_one_document(capture: Path) -> None:
    whole = json.loads(run("stats", "--format", "json", capture).out)
    assert whole["all"]["count"] == 18
    assert whole["connections"] == 2
    assert {row["error_code"] for row in whole["failures"] if row["reason"] == "failed"} == {1064}
    assert sum(row["count"] for row in whole["groups"]["command"]) == 18
    assert sum(row["count"] for row in whole["histogram"]) == 16  # all but the two that nothing answers


def slower(path: Path, times: float) -> Path:
    steps = [*ACCEPTED]
    for index in range(40):
        steps += [("c", query(f"SELECT a FROM t WHERE id = {index}")), wait("s", ok(1), times * (1 + index % 7 / 10))]
        steps += [("c", query(f"UPDATE t SET a = {index}")), wait("s", ok(1), 0.01 * (1 + index % 5 / 10))]
    steps += [("c", query("SELECT once")), wait("s", ok(1), times * 50)]
    path.write_bytes(pcap(conversation(steps)))
    return path


def test_statements_of_two_captures(tmp_path: Path) -> None:
    before, after = slower(tmp_path / "before.pcap", 0.004), slower(tmp_path / "after.pcap", 0.02)
    done = run("stats", "--diff", before, after)
    assert done.code == 0
    said = " ".join(done.out.split())
    assert "What changed: SELECT a FROM t WHERE id = ? (slower)." in said
    assert "100 took longer after; chance does so less than once in a million times" in said
    assert "once\n" not in done.out  # of a single one nothing is said
    assert all(len(line) <= 80 for line in done.out.splitlines())
    same = run("stats", "--diff", before, before)
    assert "Nothing changed that is more than chance." in same.out
    page = tmp_path / "diff.html"
    assert run("report", "--diff", before, after, "-o", page).code == 0
    assert "Statements: response times" in page.read_text()


def test_an_empty_text_says_why(tmp_path: Path, capture: Path) -> None:
    nothing = tmp_path / "nothing.pcap"
    nothing.write_bytes(pcap([]))
    for words in ((), ("--group",), ("--top", "3")):
        done = run("commands", *words, nothing)
        assert (done.code, done.out) == (0, "")
        assert "there is no command to show" in done.err
        done = run("commands", *words, "-Y", 'mysql.user == "nobody at all"', capture)
        assert (done.code, done.out) == (0, "")
        assert "no command is what was asked for" in done.err
        done = run("commands", *words, tmp_path / "nonesuch.pcap")
        assert (done.code, done.out) == (3, "")
        assert "note" not in done.err
    assert run("commands", "--format", "jsonl", nothing).err == ""

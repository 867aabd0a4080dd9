"""`handshark follow`: a session as a script, as bytes and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.analysis.model.packet import FollowedPacket
from analyzer.report.prose.session import SessionScript
from tests.cli.support import accepted, run
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.mysql import err, ok, query
from tests.wire.script import ACCEPTED, GOODBYE, SECOND, START, Step, conversation, in_time_order, wait

SAMPLES = REPOSITORY / "samples"


def test_a_session_reads_like_a_log_of_the_client() -> None:
    done = run("follow", SAMPLES / "mysql97_cli_fast-auth.pcap")
    assert done.code == 0
    assert (
        """
mysql> SELECT id, name, born, score FROM people ORDER BY id;
+----+---------+------------+-------+
| id | name    | born       | score |
+----+---------+------------+-------+
| 1  | Ada     | 1815-12-10 | 99.50 |
| 2  | Grace   | 1906-12-09 | 98.25 |
| 3  | Edsger  | 1930-05-11 | 97.00 |
| 4  | Barbara | 1939-11-07 | NULL  |
+----+---------+------------+-------+
4 rows (10:32:32.208, 415us, frames 17 to 18)

mysql> -- Quit
"""
        in done.out
    )
    assert "ERROR 1064 (42000): You have an error" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_prepared_statements_have_their_text_and_values() -> None:
    out = run("follow", SAMPLES / "mysql97_connector_prepared.pcapng").out
    assert "mysql> prepare SELECT id, name, born, score, note FROM people WHERE id >= ? OR name = ?;" in out
    assert (
        "mysql> execute SELECT id, name, born, score, note FROM people WHERE id >= ? OR name = ?;\n    -> with " in out
    )
    assert "*** row 1 ***" in run("follow", SAMPLES / "mysql97_raw_prepared.pcapng").out
    assert "  c_blob: 0x00112233\n" in run("follow", SAMPLES / "mysql97_raw_prepared.pcapng").out


def test_rows_are_bounded_and_counted() -> None:
    sample = SAMPLES / "mysql97_cli_fast-auth.pcap"
    assert "4 rows, 2 of them not shown (--rows N shows more)" in run("follow", sample, "--rows", "2").out
    whole = json.loads(run("follow", sample, "--rows", "2", "--format", "json").out)
    assert whole["stream"] == 0
    (people,) = [turn for turn in whole["turns"] if turn["statement"] and "people" in turn["statement"]]
    (result,) = people["results"]
    assert result["columns"] == ["id", "name", "born", "score"]
    assert result["rows"] == [["1", "Ada", "1815-12-10", "99.50"], ["2", "Grace", "1906-12-09", "98.25"]]
    assert result["left_out"] == 2
    assert next(turn["error"] for turn in whole["turns"] if turn["error"])[0] == 1064


def test_several_results_stand_one_after_the_other() -> None:
    whole = json.loads(run("follow", SAMPLES / "mysql97_raw_several-results.pcapng", "--format", "json").out)
    assert max(len(turn["results"]) for turn in whole["turns"]) > 1


def test_bytes() -> None:
    out = run("follow", SAMPLES / "mysql97_cli_fast-auth.pcap", "--hex").out
    assert "client, frame 15, 10:32:32.207: ComQuery SELECT 1\n0000  03 00 01 53 45 4c 45 43  54 20 31" in out
    assert "    server, frame 16, " in out


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """Three connections; in the second a pause, an error with an escape, and an answer that is missing."""
    told: list[Step] = [*ACCEPTED, ("c", query("SELECT\n 1")), ("s", ok(1))]
    second: list[Step] = [*ACCEPTED, ("c", query("SELEC")), wait("s", err(1, 1064, "no \x1b[31m", "42000"), 0.1)]
    second += [wait("c", query("SELECT 2"), 3)]
    parts = [[*told, *GOODBYE], second, told]
    whole = [
        conversation(steps, client=("10.0.0.1", 50000 + n), start_ns=START + n * SECOND)
        for n, steps in enumerate(parts)
    ]
    path = tmp_path / "several.pcap"
    path.write_bytes(pcap(in_time_order(*whole)))
    return path


def test_which_connection(several: Path) -> None:
    done = run("follow", several)
    assert done.code == 2
    assert "holds 3 MySQL connections (0, 1, 2): --stream N says which" in done.err
    missing = run("follow", several, "--stream", "7")
    assert (missing.code, missing.out) == (2, "")
    assert "no MySQL connection has the number 7" in missing.err
    assert run("follow", "no-such.pcap").code == 3
    assert run("follow", "-", stdin=several.read_bytes()).code == 2
    assert "mysql> SELECT\n    ->  1;" in run("follow", "-", "--stream", "0", stdin=several.read_bytes()).out


def test_pauses_errors_and_what_is_missing(several: Path) -> None:
    out = run("follow", several, "--stream", "1").out
    assert "\x1b" not in out
    assert r"ERROR 1064 (42000): no \x1b[31m" in out
    assert "(3.0s of silence)" in out
    assert out.rstrip().splitlines()[-1].startswith("no answer in the capture, ")


def test_wrong_usage(tmp_path: Path) -> None:
    sample = accepted(tmp_path)
    assert run("follow", sample, "--hex", "--format", "json").code == 2
    assert run("follow", sample, "--stream", "-1").code == 2


def test_what_comes_before_a_command_is_bounded() -> None:
    session = SessionScript()
    turns = [turn for n in range(1000) for turn in session.feed(FollowedPacket(n, n, "server", "X", ""))]
    turns += session.end()
    assert sum(len(turn.others) for turn in turns) == 1000
    assert max(len(turn.others) for turn in turns) <= 100

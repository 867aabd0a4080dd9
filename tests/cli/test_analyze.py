"""`handshark analyze`: exit codes, sources good and bad, formats, and what goes where."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from analyzer.analysis import Connection
from analyzer.cli import main
from tests.analysis.traffic import analyse
from tests.cli.contract import KEYS, hold_the_contract
from tests.cli.support import HANDSHARK, REFUSED, Done, Json, accepted, refused, rotated, run
from tests.corpus import REPOSITORY
from tests.wire.files import pcap
from tests.wire.frames import FIN
from tests.wire.mysql import query
from tests.wire.script import ACCEPTED, GOODBYE, Say, Step, conversation


def here(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str | Path) -> Done:
    """handshark in this process."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    captured = capsysbinary.readouterr()
    return Done(code, captured.out.decode(), captured.err.decode())


Capsys = pytest.CaptureFixture[bytes]


def test_a_right_password_is_answered_in_a_line(tmp_path: Path, capsysbinary: Capsys) -> None:
    capture = REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap"
    password = tmp_path / "pw"
    for content, code in (("app-pw", "right-password"), ("other", "wrong-password"), ("'app-pw", "wrong-password")):
        password.write_text(content)
        done = here(capsysbinary, "analyze", "--password-file", password, capture)
        assert f"[{code}]" in " ".join(done.out.split())


def test_times_of_a_place(tmp_path: Path, capsysbinary: Capsys) -> None:
    capture = REPOSITORY / "samples" / "mysql97_cli_fast-auth.pcap"
    usual = here(capsysbinary, "analyze", capture).out
    assert "Time UTC" in usual
    assert "10:32:32" in usual
    berlin = here(capsysbinary, "--tz", "Europe/Berlin", capture).out  # a capture alone, with a switch in front
    assert "2026-11-22 Europe/Berlin (+0100)" in berlin
    assert "11:32:32" in berlin
    assert "UTC" not in berlin
    assert "16:02:32" in here(capsysbinary, "commands", "--tz", "+05:30", capture).out
    assert "16:02:32" in here(capsysbinary, "follow", "--tz", "+05:30", capture).out
    assert "16:02:32" in here(capsysbinary, "dissect", "-t", "a", "--tz", "+05:30", capture).out
    assert "10:32:32" in here(capsysbinary, "dissect", "-t", "u", "--tz", "+05:30", capture).out
    assert "16:02:32 +05:30 and" in " ".join(here(capsysbinary, "explain", "--tz", "+05:30", capture).out.split())
    assert "16:02:32 +05:30" in here(capsysbinary, "analyze", "--summary", "--tz", "+05:30", capture).out
    page = here(capsysbinary, "report", "--format", "md", "--tz", "+05:30", capture).out
    assert "16:02:32 +05:30" in page
    assert "Times are +05:30" in page
    assert "UTC" not in page
    assert here(capsysbinary, "report", "--tz", "+05:30", capture).code == 2
    log = here(capsysbinary, "commands", "--format", "slowlog", "--tz", "+05:30", capture).out
    assert re.search(r"# Time: 2026-11-22T16:02:32\.\d{6}\+05:30\n", log)
    assert " 16:02:32." in here(capsysbinary, "commands", "--format", "sql", "--tz", "+05:30", capture).out
    wrong = here(capsysbinary, "analyze", "--tz", "Berlin", capture)
    assert wrong.code == 2
    assert "is it Europe/Berlin?" in wrong.err
    assert here(capsysbinary, "analyze", "--tz", "+25:00", capture).code == 2


def test_a_pipe_is_shown_as_it_is_decided() -> None:
    frames = pcap(conversation([*ACCEPTED, *GOODBYE]))
    ends = pcap(conversation([*ACCEPTED]))
    with subprocess.Popen(
        [*HANDSHARK, "analyze", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=False
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(frames[: len(ends)])
        process.stdin.flush()
        begun = [process.stdout.readline().decode() for _ in range(4)]
        assert begun[3].split()[-2:] == ["accepted", "open"]
        process.stdin.write(frames[len(ends) :])
        process.stdin.close()
        rest = process.stdout.read().decode()
        assert "1 MySQL connection: 1 accepted." in rest
        assert "accepted " not in rest.split("MySQL")[0]
        assert process.wait(30) == 0


def test_a_refused_login_of_a_pipe_is_told_once() -> None:
    frames = pcap(conversation([*REFUSED]))
    done = run("analyze", "-", stdin=frames)
    assert done.out.count("Access denied") == 1
    assert done.out.count("rejected") == 2  # its line, and the sum
    assert re.search(r"^  0 ended after \S+ \[access-denied\]$", done.out, re.MULTILINE)


def test_captures_stand_on_both_sides_of_a_switch(tmp_path: Path, capsysbinary: Capsys) -> None:
    one, other = refused(tmp_path), accepted(tmp_path)
    done = here(capsysbinary, "analyze", one, "--format", "jsonl", other, "--jobs", "1")
    assert [row["outcome"] for row in done.rows()] == ["rejected", "accepted"]
    assert here(capsysbinary, "analyze", "--format", "jsonl", one, other).out == done.out
    for words in (("analyze", one, "--cluser", "x", other), ("explain", one, "--width", "90", other)):
        wrong = here(capsysbinary, *words)
        assert wrong.code == 2
        assert f"{words[0]} does not take" in wrong.err
        assert "--help says more" in wrong.err


def test_done_is_0(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", refused(tmp_path))
    assert done.code == 0
    assert "1045" in done.out
    assert done.err == ""


@pytest.mark.parametrize(("severity", "good", "bad"), [("error", 0, 1), ("warning", 0, 1), ("info", 1, 1)])
def test_fail_on(tmp_path: Path, capsysbinary: Capsys, severity: str, good: int, bad: int) -> None:
    # The login that is accepted crosses a network without TLS, which is an info.
    assert here(capsysbinary, "analyze", "--fail-on", severity, accepted(tmp_path)).code == good
    assert here(capsysbinary, "analyze", "--fail-on", severity, refused(tmp_path)).code == bad


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze",),
        ("analyse", "x.pcap"),
        (),
        ("analyze", "--port", "0", "x"),
        ("analyze", "--port", "70000", "x"),
        ("analyze", "--port", "mysql", "x"),
        ("analyze", "--format", "xml", "x"),
        ("analyze", "--fail-on", "fatal", "x"),
        ("analyze", "--width", "-3", "x"),
        ("analyze", "--nonsense", "x"),
        ("report", "x.pcap", "--format", "md", "--open"),
        ("corpus", "check"),
    ],
)
def test_wrong_usage_is_2(capsysbinary: Capsys, arguments: tuple[str, ...]) -> None:
    done = here(capsysbinary, *arguments)
    assert done.code == 2
    assert "usage: handshark" in done.err
    assert done.out == ""


def test_password_file_that_is_not_there_is_2(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", "--password-file", tmp_path / "pw", accepted(tmp_path))
    assert done.code == 2
    assert str(tmp_path / "pw") in done.err


def test_password_file(tmp_path: Path, capsysbinary: Capsys) -> None:
    password = tmp_path / "pw"
    password.write_bytes(b"not-it\n")
    done = here(capsysbinary, "analyze", "--format", "jsonl", "--password-file", password, accepted(tmp_path))
    assert "wrong-password" in {finding["code"] for finding in done.rows()[0]["findings"]}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.pcap", None, "no such file"),
        ("empty.pcap", b"", "empty"),
        ("notes.txt", b"these are notes, and no capture at all\n", "neither pcap nor pcapng"),
        ("short.pcap", b"\xd4\xc3\xb2\xa1\x02\0", "cut short"),
        ("page.zip", b"PK\x03\x04" + bytes(40), "zip archive"),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "jsonl", "csv"])
def test_what_is_no_capture_is_3(
    tmp_path: Path, capsysbinary: Capsys, name: str, content: bytes | None, words: str, form: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    done = here(capsysbinary, "analyze", "--format", form, file)
    assert done.code == 3
    assert words in done.err
    assert name in done.err
    assert len(done.err.splitlines()) == 1


def test_directory_is_3(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", tmp_path)
    assert done.code == 3
    assert "directory" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_3(tmp_path: Path, capsysbinary: Capsys) -> None:
    file = accepted(tmp_path)
    file.chmod(0)
    done = here(capsysbinary, "analyze", file)
    assert done.code == 3
    assert "permission" in done.err


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "csv"])
def test_the_other_sources_are_analysed_all_the_same(tmp_path: Path, capsysbinary: Capsys, form: str) -> None:
    good, bad = accepted(tmp_path), refused(tmp_path)
    done = here(capsysbinary, "analyze", "--format", form, good, tmp_path / "missing.pcap", bad, "--fail-on", "error")
    assert done.code == 3
    assert "missing.pcap" in done.err
    assert "good.pcap" in done.out
    assert "1045" in done.out


def test_a_capture_without_mysql_is_fine(tmp_path: Path, capsysbinary: Capsys) -> None:
    file = tmp_path / "web.pcap"
    web: list[Step] = [("c", b"GET / HTTP/1.0\r\n\r\n"), ("s", b"HTTP/1.0 200 OK\r\n")]
    file.write_bytes(pcap(conversation(web, server=("10.0.0.2", 80))))
    assert here(capsysbinary, "analyze", "--format", "jsonl", file)[:2] == (0, "")
    assert json.loads(here(capsysbinary, "analyze", "--format", "json", file).out) == []
    assert "0 MySQL connections" in here(capsysbinary, "analyze", file).out


def test_file_that_is_cut_short_is_0_with_a_warning(tmp_path: Path, capsysbinary: Capsys) -> None:
    content = accepted(tmp_path).read_bytes()
    file = tmp_path / "cut.pcap"
    file.write_bytes(content[:-9])
    done = here(capsysbinary, "analyze", "--format", "jsonl", file)
    assert done.code == 0
    assert "warning" in done.err
    assert "cut.pcap" in done.err
    assert done.rows()[0]["outcome"] == "accepted"


def test_file_that_is_cut_inside_a_login(tmp_path: Path, capsysbinary: Capsys) -> None:
    begun: list[Step] = [*ACCEPTED[:1], ("c", b"\x40\0\0\x01" + bytes(10))]
    file = tmp_path / "cut.pcap"
    file.write_bytes(pcap(conversation(begun))[:-1])
    done = here(capsysbinary, "analyze", "--format", "jsonl", file)
    assert done.code == 0
    assert done.rows()[0]["outcome"] == "unknown"


def test_unknown_link_type_is_named(tmp_path: Path, capsysbinary: Capsys) -> None:
    file = tmp_path / "usb.pcap"
    file.write_bytes(pcap(conversation(ACCEPTED), link_type=189))
    done = here(capsysbinary, "analyze", file)
    assert done.code == 3
    assert "189" in done.err
    assert "usb.pcap" in done.err


def test_standard_input(tmp_path: Path) -> None:
    content = accepted(tmp_path).read_bytes()
    done = run("analyze", "--format", "jsonl", "-", stdin=content)
    assert done.code == 0
    (row,) = done.rows()
    assert row["capture"] == "-"
    assert row["outcome"] == "accepted"
    assert run("analyze", "-", stdin=b"").code == 3


@pytest.mark.parametrize("command", ["analyze", "commands"])
def test_results_come_while_a_pipe_is_still_open(command: str) -> None:
    """`tcpdump -w - | handshark analyze -`: a connection that has ended is shown before the capture ends."""
    from tests.wire.script import START, in_time_order

    later = conversation([*ACCEPTED, *GOODBYE], client=("10.0.0.9", 1), start_ns=START + 60 * 10**9)
    last = conversation([*ACCEPTED], client=("10.0.0.10", 1), start_ns=START + 120 * 10**9)
    content = pcap(in_time_order(conversation([*ACCEPTED, *GOODBYE]), later, last))
    words = [*HANDSHARK, command, "--format", "jsonl", "-"]
    # Python's own buffers are the matter here.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(content)
        process.stdin.flush()
        early = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.stdin.close()
        rows = [json.loads(line) for line in process.stdout]
    assert [row["stream"] for row in early] == [0, 1]
    assert [row["stream"] for row in rows] == ([2] if command == "analyze" else [])


def test_reader_that_has_enough(tmp_path: Path) -> None:
    """`handshark analyze ... | head -1`: no traceback, no message."""
    from tests.wire.script import START, in_time_order

    talks = [
        conversation([*ACCEPTED, *GOODBYE], client=(f"10.2.{i // 250}.{i % 250 + 1}", 1), start_ns=START + i)
        for i in range(600)
    ]
    file = tmp_path / "many.pcap"
    file.write_bytes(pcap(in_time_order(*talks)))
    for form in ("text", "jsonl"):
        command = [*HANDSHARK, "analyze", "--format", form, str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(100)
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode in (0, 141)


def test_every_key_is_there_also_where_nothing_is_known(tmp_path: Path, capsysbinary: Capsys) -> None:
    file = tmp_path / "nothing.pcap"
    file.write_bytes(pcap(conversation([Say("c", flags=FIN), Say("s", flags=FIN)])))
    for path in (file, accepted(tmp_path), refused(tmp_path)):
        (row,) = here(capsysbinary, "analyze", "--format", "jsonl", path).rows()
        hold_the_contract(row)
        assert list(row)[: len(KEYS)] == list(KEYS)


def test_json_is_one_array_of_the_same(tmp_path: Path, capsysbinary: Capsys) -> None:
    files = (accepted(tmp_path), refused(tmp_path))
    array = json.loads(here(capsysbinary, "analyze", "--format", "json", *files).out)
    assert array == here(capsysbinary, "analyze", "--format", "jsonl", *files).rows()
    assert len(array) == 2


def test_csv_has_a_column_for_every_flat_key(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", "--format", "csv", accepted(tmp_path), refused(tmp_path))
    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    assert [row["outcome"] for row in rows] == ["accepted", "rejected"]
    assert rows[0]["login_user"] == "app"
    assert rows[1]["error_code"] == "1045"
    flat = {
        "capture",
        "stream",
        "client_address",
        "server_port",
        "phase_reached",
        "tcp_syn",
        "timing_total_ns",
        "findings",
    }
    assert flat <= set(rows[0])
    assert all(None not in row and None not in row.values() for row in rows)


def test_what_is_written_is_the_model(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", "--format", "jsonl", accepted(tmp_path))
    msgspec.json.decode(done.out, type=Connection)


def test_output_file_is_whole_or_not_there(tmp_path: Path, capsysbinary: Capsys) -> None:
    good, out = accepted(tmp_path), tmp_path / "out.jsonl"
    out.write_text("before")
    done = here(capsysbinary, "analyze", "--format", "jsonl", "-o", out, good)
    assert (done.code, done.out) == (0, "")
    assert json.loads(out.read_text())["outcome"] == "accepted"
    assert out.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["good.pcap", "out.jsonl"]


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_output_that_can_not_be_written_is_3(tmp_path: Path, capsysbinary: Capsys) -> None:
    good = accepted(tmp_path)
    done = here(capsysbinary, "analyze", "-o", tmp_path / "no" / "such" / "dir", good)
    assert done.code == 3
    assert "no" in done.err
    done = here(capsysbinary, "analyze", "-o", tmp_path, good)
    assert done.code == 3


def test_port(tmp_path: Path, capsysbinary: Capsys) -> None:
    middle: list[Step] = [("c", query("SELECT 1")), ("s", b"\x07\0\0\1\0\0\0\2\0\0\0"), Say("c", flags=FIN)]
    file = tmp_path / "middle.pcap"
    file.write_bytes(pcap(conversation(middle, handshake=False, server=("10.0.0.2", 4406))))
    assert here(capsysbinary, "analyze", "--format", "jsonl", file).rows() == []
    (row,) = here(capsysbinary, "analyze", "--port", "1", "--port", "4406", "--format", "jsonl", file).rows()
    assert row["commands"] == {"query": 1}


def test_merge_of_a_rotated_set(tmp_path: Path, capsysbinary: Capsys) -> None:
    files, whole = rotated(tmp_path)
    (wanted,) = [here(capsysbinary, "analyze", "--format", "jsonl", whole).rows()]
    merged = here(capsysbinary, "analyze", "--merge", "--format", "jsonl", *reversed(files)).rows()

    def strip(rows: list[Json]) -> list[Json]:
        return [{k: v for k, v in row.items() if k != "capture"} for row in rows]

    assert strip(merged) == strip(wanted)
    assert len(merged) == 4
    assert all(row["outcome"] == "accepted" and row["commands"]["query"] == 5 for row in merged)
    # Each by itself: the pieces begin in the middle.
    apart = here(capsysbinary, "analyze", "--format", "jsonl", *files).rows()
    assert len(apart) > 4


def test_merge_with_one_file_missing(tmp_path: Path, capsysbinary: Capsys) -> None:
    files, _ = rotated(tmp_path)
    done = here(capsysbinary, "analyze", "--merge", *files, tmp_path / "ring.pcap9")
    assert done.code == 3
    assert "ring.pcap9" in done.err


def test_several_processes_say_the_same(tmp_path: Path) -> None:
    _, whole = rotated(tmp_path)
    one, two = (run("analyze", "--jobs", jobs, "--format", "jsonl", whole) for jobs in ("1", "2"))
    assert two.rows() == one.rows()
    assert (one.code, one.err) == (two.code, two.err) == (0, "")
    one, two = (run("analyze", "--jobs", jobs, whole) for jobs in ("1", "2"))
    assert one == two


def test_text_fits_in_80_columns(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", accepted(tmp_path), refused(tmp_path))
    body = [line for line in done.out.splitlines() if not line.startswith(str(tmp_path))]
    assert max(map(len, body)) <= 80
    assert "\x1b" not in done.out
    assert "\x1b[" in here(capsysbinary, "analyze", "--color", "always", refused(tmp_path)).out


def test_verbose_shows_the_packets_of_the_login(tmp_path: Path, capsysbinary: Capsys) -> None:
    file = accepted(tmp_path)
    plain = here(capsysbinary, "analyze", file).out
    ladder = here(capsysbinary, "analyze", "-v", file).out
    fields = here(capsysbinary, "analyze", "-vv", file).out
    assert "HandshakeResponse41" not in plain
    assert "HandshakeResponse41" in ladder
    assert "max_packet_size" in fields
    assert len(plain) < len(ladder) < len(fields)


@pytest.mark.parametrize("command", ["", "analyze", "report", "corpus"])
def test_help_has_examples(capsysbinary: Capsys, command: str) -> None:
    done = here(capsysbinary, *filter(None, [command]), "--help")
    assert done.code == 0
    examples = re.findall(rf"^  .*handshark {command}.*$", done.out, re.MULTILINE)
    assert examples
    assert not re.search(r"usage:.*python -m", done.out)


def test_examples_in_the_help_are_understood(capsysbinary: Capsys) -> None:
    """Every example parses; globs and pipes are the shell's."""
    import shlex

    from analyzer.cli import parser

    texts = [
        here(capsysbinary, *filter(None, [command]), "--help").out for command in ("", "analyze", "report", "corpus")
    ]
    lines = {
        match.group(1).split("|")[0]
        for text in texts
        for match in re.finditer(r"^  (?:.*\| )?handshark ((?:analyze|report|corpus) .*)$", text, re.MULTILINE)
    }
    assert len(lines) > 8
    for line in sorted(lines):
        parser().parse_args(shlex.split(line, comments=True))


def test_version(capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "--version")
    assert done.code == 0
    assert re.fullmatch(r"handshark \d+\.\d+\S* \((compiled|interpreted, .*)\)\n", done.out)


def test_the_same_rows_as_the_library(tmp_path: Path, capsysbinary: Capsys) -> None:
    (connection,) = analyse(conversation([*ACCEPTED, *GOODBYE]))
    (row,) = here(capsysbinary, "analyze", "--format", "jsonl", accepted(tmp_path)).rows()
    wanted = json.loads(msgspec.json.encode(connection))
    assert {**row, "capture": ""} == {**wanted, "capture": ""}


def test_a_filter_that_nothing_matches_says_so(tmp_path: Path, capsysbinary: Capsys) -> None:
    done = here(capsysbinary, "analyze", "-Y", 'handshark.user == "nobody"', accepted(tmp_path))
    assert done.code == 0
    assert "1 MySQL connection, of which none is what was asked for." in done.out

"""`handshark dissect`, `handshark fields` and -Y, through the command line."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.fields import FIELDS
from analyzer.analysis.dissection.filters import compile_filter
from analyzer.cli import main
from analyzer.engine.row_collector import RowCollector, RowRendering
from analyzer.errors import AnalyzerError
from analyzer.report.text.dissection import FieldColumns, JsonRows, PacketLines, Tree, hex_dump
from tests.cli.support import Done, Json, run
from tests.corpus import LAB, REPOSITORY, cases, needs_corpus, truth
from tests.hostile_captures import changed_frames
from tests.reading import collected
from tests.wire.files import frames_in, pcapng

SAMPLES = REPOSITORY / "samples"
NATIVE = SAMPLES / "mariadb1011_cli_native.pcap"
PAM = SAMPLES / "mariadb118_raw_pam-dialog.pcapng"
PREPARED = SAMPLES / "mysql97_connector_prepared.pcapng"
REJECTED = SAMPLES / "mysql97_raw_wrong-password.pcapng"
BULK = SAMPLES / "bulk-resultset.pcap.zst"
TLS = SAMPLES / "mysql97_raw_full-auth-tls13.pcapng"


def here(*arguments: str | Path) -> Done:
    """handshark in this process: many runs, each of which would take longer to start than to work."""
    out, errors = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as done:
            code = int(done.code or 0)
    out.flush()
    return Done(code, out.buffer.getvalue().decode(), errors.getvalue())


# -- text --------------------------------------------------------------------------------------------------------------


def test_a_line_for_each_packet() -> None:
    lines = here("dissect", NATIVE).out.splitlines()
    assert len(lines) == 22
    assert lines[0].startswith(
        "    4   0.001701    127.0.0.2 → 127.0.0.1    MySQL 174 Server Greeting  server 5.5.5-10.11"
    )
    assert lines[3] == "    9   0.004387    127.0.0.1 → 127.0.0.2    MySQL 79 Request Query SELECT 1"
    assert [int(line.split()[0]) for line in lines] == sorted(int(line.split()[0]) for line in lines)


def test_a_line_for_each_frame_and_a_limit() -> None:
    lines = here("dissect", NATIVE, "--by", "frame").out.splitlines()
    assert [line.split()[0] for line in lines] == ["4", "6", "8", "9", "10", "11", "12", "13"]
    assert len(here("dissect", NATIVE, "-c", "3").out.splitlines()) == 3
    assert len(here("dissect", NATIVE, NATIVE, "-c", "30").out.splitlines()) == 30


def test_the_tree_covers_the_packet() -> None:
    """Every byte of a packet is in a field, and no field goes over its end."""
    out = here("dissect", "-V", NATIVE, PREPARED).out
    packets = out.split("MySQL Protocol - ")[1:]
    assert len(packets) > 40
    for packet in packets:
        name = packet.split("\n", 1)[0]
        ranges = [(int(a), int(b)) for a, b in re.findall(r"^ *\[(\d+):(\d+)\] +\S", packet, re.MULTILINE)]
        length = int(re.search(r"Packet Length: (\d+)", packet)[1])  # type: ignore[index]
        assert max(end for _, end in ranges) <= 4 + length, name
        covered: set[int] = set()
        for start, end in ranges:
            covered.update(range(start, end))
        # As TShark, an insert id of 0, an empty info and an empty password are left out: a byte each.
        assert len(set(range(4 + length)) - covered) <= 2, name


def test_the_tree_has_flags_and_names() -> None:
    out = here("dissect", "-V", "-Y", "mysql.server_greeting || mysql.command == 22", NATIVE, PREPARED).out
    assert re.search(r"\[55:57\] {8}Server Capabilities: 0xfffe\n +\[55:57\] {12}Long Password: Not set\n", out)
    assert "Command: Prepare Statement (22)" in out


def test_bytes() -> None:
    out = here("dissect", "-x", "-Y", "frame.number == 9", NATIVE).out
    assert re.search(r"0000  09 00 00 00 03 53 45 4c  45 43 54 20 31 +\.{5}SELECT 1\n", out)


# -- fields ------------------------------------------------------------------------------------------------------------


def test_fields_of_each_frame() -> None:
    out = here("dissect", "-T", "fields", "-e", "frame.number", "-e", "mysql.user", "-e", "mysql.query", NATIVE).out
    assert out.splitlines() == [
        "4\t\t",
        "6\tapp\t",
        "8\t\t",
        "9\t\tSELECT 1",
        "10\t\t",
        "11\t\tSELECT id, name, born, score FROM people ORDER BY id",
        "12\t\t",
        "13\t\t",
    ]


def test_settings_of_fields() -> None:
    base = ["dissect", "-T", "fields", "-Y", "frame.number == 12", "-e", "mysql.field.name", "-e", "frame.number"]
    assert here(*base, "-E", "header=y", NATIVE).out == "mysql.field.name\tframe.number\nid,name,born,score\t12\n"
    assert here(*base, "-E", "separator=,", "-E", "quote=d", "-E", "aggregator=;", NATIVE).out == (
        '"id;name;born;score","12"\n'
    )
    assert here(*base, "-E", "separator=/s", "-E", "occurrence=f", NATIVE).out == "id 12\n"
    assert here(*base, "-E", "occurrence=l", "-E", "quote=s", NATIVE).out == "'score'\t'12'\n"
    assert here(*base, "--by", "record", NATIVE).out.splitlines() == [
        "\t12", "id\t12", "name\t12", "born\t12", "score\t12", *["\t12"] * 6
    ]  # fmt: skip


def test_fields_of_a_connection() -> None:
    out = here(
        "dissect", "-T", "fields", "-e", "frame.number", "-e", "handshark.outcome", "-e", "tcp.stream", NATIVE
    ).out
    assert out.splitlines()[0] == "4\taccepted\t0"
    assert len(out.splitlines()) == 8


def test_latency_is_on_the_first_answer() -> None:
    row = "dissect", "-T", "fields", "--by", "record", "-e", "handshark.request", "-e", "handshark.latency"
    out = here(*row, "-Y", "frame.number >= 9", NATIVE).out.splitlines()
    assert out[0] == "query\t"
    assert out[1] == "query\t0.000166000"
    assert set(out[2:6]) == {"query\t"}


def test_json() -> None:
    rows = json.loads(here("dissect", "-T", "json", NATIVE).out)
    lines = [json.loads(line) for line in here("dissect", "-T", "jsonl", NATIVE).out.splitlines()]
    assert rows == lines
    assert len(rows) == 8
    layers = rows[0]["_source"]["layers"]
    assert layers["frame"]["frame.number"] == "4"
    assert layers["mysql"]["mysql.server_greeting"]["mysql.caps.server_tree"]["mysql.caps.fr"] == "1"
    assert layers["mysql"]["mysql.server_greeting"]["mysql.unused"] == "00:00:00:00:00:00"
    many = rows[4]["_source"]["layers"]["mysql"]
    assert [one["mysql.packet_number"] for one in many] == ["1", "2", "3", "4", "5"]
    chosen = json.loads(here("dissect", "-T", "json", "-e", "mysql.query", "-Y", "mysql.query", NATIVE).out)
    assert chosen[0]["_source"]["layers"] == {"mysql.query": ["SELECT 1"]}
    assert json.loads(here("dissect", "-T", "json", "-Y", "mysql.error_code", NATIVE).out) == []


# -- secrets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [["-V", "-x"], ["-T", "json"], ["-T", "jsonl", "-x"], []])
def test_secrets_are_masked(shape: list[str]) -> None:
    """The password of a dialog goes over the wire as it is."""
    frame = json.loads(
        here("dissect", "-T", "json", "--show-secrets", "-Y", "mysql.auth_switch_response.data", PAM).out
    )
    data = frame[0]["_source"]["layers"]["mysql"]["mysql.auth_switch_response.data"].replace(":", "")
    secret = bytes.fromhex(data).rstrip(b"\0")
    assert len(secret) > 3
    hidden = here("dissect", *shape, PAM).out
    for form in (secret.decode(), secret.hex(), secret.hex(":"), secret.hex(" ")):
        assert form not in hidden
    names = [name for name, info in FIELDS.items() if info.unavailable is None]
    columns = here("dissect", "-T", "fields", *(word for name in names for word in ("-e", name)), PAM).out
    assert secret.decode() not in columns
    assert secret.hex() not in columns
    assert "(masked)" in columns


# -- filters -----------------------------------------------------------------------------------------------------------


def streams(*arguments: str | Path) -> list[int]:
    return [row["stream"] for row in here(*arguments).rows()]


def test_analyze_shows_connections_of_which_a_packet_matches() -> None:
    everything = [*sorted(SAMPLES.glob("mysql97_raw_*.pcapng"))[:30]]
    rows = here("analyze", "--format", "jsonl", *everything).rows()
    choices: list[tuple[str, Callable[[Json], object]]] = [
        ("handshark.error_code > 0", lambda row: row["error"] is not None),
        ("mysql.server_greeting and handshark.error_code", lambda row: row["error"] and row["greeting"]),
        ('handshark.outcome == "accepted"', lambda row: row["outcome"] == "accepted"),
        ("handshark.tls == True && mysql.query", lambda row: row["tls"] and row["commands"].get("query")),
        ("tcp.stream == 1", lambda row: row["stream"] == 1),
    ]
    for text, keeps in choices:
        chosen = here("analyze", "--format", "jsonl", "-Y", text, *everything).rows()
        assert chosen == [row for row in rows if keeps(row)], text
    nothing = here("analyze", "-Y", 'handshark.user == "nobody at all"', NATIVE)
    assert nothing.code == 0


def test_report_and_commands_take_the_same_filter(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert here("report", "-Y", 'handshark.outcome == "rejected"', NATIVE, REJECTED, "-o", page).code == 0
    assert REJECTED.name in page.read_text(encoding="utf-8")
    whole = here("commands", "--format", "jsonl", NATIVE, PREPARED).rows()
    assert here("commands", "--format", "jsonl", "-Y", "mysql", NATIVE, PREPARED).rows() == whole
    ada = here("commands", "--format", "jsonl", "-Y", 'mysql.row.text == "Ada"', NATIVE).rows()
    assert [row["statement"] for row in ada] == ["SELECT id, name, born, score FROM people ORDER BY id"]
    assert [row["rows"] for row in ada] == [4]
    late = here("commands", "--format", "jsonl", "-Y", 'handshark.user == "app" && mysql.command == 1', NATIVE).rows()
    assert [row["command"] for row in late] == ["quit"]
    assert not here("commands", "--format", "jsonl", "-Y", 'handshark.user == "root"', NATIVE).rows()


def test_several_processes_say_the_same(tmp_path: Path) -> None:
    merged = tmp_path / "all.pcapng"
    many = sorted(SAMPLES.glob("mysql97_raw_[a-f]*.pcapng"))[:12]
    frames = [frame for path in many for frame in frames_in(path.read_bytes())]
    merged.write_bytes(pcapng(frames))
    for words in (
        ["dissect", "-T", "fields", "-e", "frame.number", "-e", "mysql.command", "-e", "handshark.record"],
        ["dissect", "-T", "json"],
        ["dissect", "-Y", "mysql.query"],
        ["analyze", "--format", "jsonl"],
        ["analyze", "--format", "jsonl", "-Y", "mysql.query || mysql.error_code == 1045"],
        ["commands", "--format", "jsonl"],
        ["commands", "--format", "jsonl", "-Y", "mysql.row.text && handshark.tls == False"],
    ):
        alone = here(*words, "--jobs", "1", merged)
        together = run(*words, "--jobs", "2", merged)
        assert alone.out == together.out, words
        assert alone.out.count("\n") > 1, words


def test_wrong_filters_and_fields_are_usage() -> None:
    done = here("dissect", "-Y", "mysql.usr == 1", NATIVE)
    assert done.code == 2
    assert "column 1: mysql.usr is no field; is it mysql.user" in done.err
    assert "  mysql.usr == 1\n  ^^^^^^^^^" in done.err
    for words, reason in [
        (["-T", "fields"], "needs at least one -e"),
        (["-e", "mysql.user"], "-e needs -T fields, json, jsonl or ek"),
        (["-T", "fields", "-e", "mysql.usr"], "'mysql.usr' is no field; is it mysql.user"),
        (["-T", "fields", "-e", "mysql.user", "-E", "quote=x"], "quote is d, s or n"),
        (["-T", "fields", "-e", "mysql.user", "-E", "colour=red"], "is no setting"),
        (["-c", "0"], "is no number from 1 up"),
    ]:
        done = here("dissect", *words, NATIVE)
        assert done.code == 2, words
        assert reason in done.err, words
    done = here("dissect", "-Y", "(" * 100_000, NATIVE)
    assert done.code == 2
    assert "20,000 are the most" in done.err
    assert here("dissect", "no such file.pcap").code == 3


def test_standard_input() -> None:
    out = run("dissect", "-", "-T", "fields", "-e", "mysql.query", stdin=NATIVE.read_bytes()).out
    assert "SELECT 1" in out


def test_inside_tls() -> None:
    out = here("dissect", "-T", "fields", "-e", "mysql.user", "-e", "handshark.encrypted", TLS).out
    assert "app\t1" in out or "\t1" in out
    assert "app" in out.replace("\n", "\t").split("\t")


# -- the field list ----------------------------------------------------------------------------------------------------


def test_the_list_of_fields() -> None:
    everything = here("fields").out.splitlines()
    assert len(everything) == len(FIELDS)
    assert [line.split()[0] for line in everything] == sorted(FIELDS)
    flags = here("fields", "mysql.caps.*").out.splitlines()
    assert len(flags) > 25
    assert all(line.startswith("mysql.caps.") for line in flags)
    gone = here("fields", "--unavailable").out
    assert "mysql.fragment.count" in gone
    assert "mysql.user " not in gone
    none = here("fields", "nothing has this")
    assert none.code == 1
    assert "no field has that" in none.err


# -- whatever comes ----------------------------------------------------------------------------------------------------


def dissected(path: Path, keep: RowRequest | None = None) -> int:
    """Shows every packet in every way; returns their number."""
    columns = FieldColumns(
        [name for name, info in FIELDS.items() if info.unavailable is None], "\t", "a", ",", "d", True
    )

    def render(group: object) -> int:
        assert isinstance(group, list)
        for text in (PacketLines()(group), Tree()(group), hex_dump(group), columns(group)):
            assert all(character.isprintable() or character in "\n\t" for character in text)
        assert columns(group).count("\n") == 1
        JsonRows(None, True)(group)
        return len(group)

    harvest = RowCollector(keep or RowRequest(None, None, True, raw=True), RowRendering(render))
    try:
        return sum(collected(path, harvest))
    except AnalyzerError:
        return -1


@pytest.mark.parametrize("seed", range(12))
def test_changed_captures_are_shown_all_the_same(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    paths = [path for path in sorted(SAMPLES.glob("*.pcapng")) if path.stat().st_size < 1 << 14]
    shown = 0
    for path in chance.sample(paths, 3):
        changed = tmp_path / path.name
        changed.write_bytes(pcapng(changed_frames(frames_in(path.read_bytes()), chance)))
        shown += max(0, dissected(changed))
    assert shown >= 0


def test_samples_are_shown_in_every_way() -> None:
    for path in (NATIVE, PREPARED, PAM, SAMPLES / "mariadb118_raw_zlib-tls12.pcapng"):
        assert dissected(path) > 10


@pytest.mark.parametrize("mark", [pytest.param("lab", marks=needs_corpus)])
def test_statements_are_those_that_were_sent(mark: str) -> None:
    """Every statement that a truth lists is in some mysql.query."""
    checked = 0
    for case in cases():
        found = [path for path in LAB.glob(f"{case}.pcap*") if path.suffix != ".json"]
        if not found or found[0].stat().st_size > 60_000:
            continue
        wanted = [
            statement["sql"]
            for connection in truth(case).get("connections", ())
            for statement in connection.get("statements", ())
            if isinstance(statement.get("sql"), str) and not re.search(r"[?%]|[.][.]", statement["sql"])
        ]
        if not wanted or truth(case).get("expect") not in (None, "same"):
            continue
        keys = LAB / f"{case}.keys"
        words = ["--keylog", str(keys)] if keys.exists() else []
        rows = json.loads(
            here(
                "dissect", "-T", "json", "-e", "mysql.query", "-Y", "mysql.query", "--port", "33097", *words, found[0]
            ).out
        )
        sent = "\n".join(text for row in rows for text in row["_source"]["layers"]["mysql.query"])
        missing = [sql for sql in wanted if sql.strip() not in sent]
        if missing and (truth(case)["connections"][0].get("tls") and not keys.exists()):
            continue
        assert not missing, f"{case}: {missing[:3]}"
        checked += 1
        if checked == 25:
            break
    assert checked >= 20


QUICK = [
    "mysql.query",
    "mysql.error_code || mysql.query",
    "!mysql.query && frame.number > 8",
    "mysql.row.text && !mysql.query",
    "handshark.latency > 0.0001 && mysql.num_fields",
    "handshark.latency && mysql.response_code",
    'handshark.record == "TextRow" xor mysql.field.name',
    "mysql.command and tcp.stream == 0",
    "mysql.packet_number == 3",
    'mysql.binlog.event_header.event_type == "Rotate"',
    "mysql.message",
]


@pytest.mark.parametrize("text", QUICK)
def test_what_is_passed_over_could_not_match(text: str) -> None:
    """Rows, and records that can not have what a filter asks for, are not looked at: with the same result."""
    for path in (NATIVE, PREPARED, PAM):
        same_without_short_cuts(path, text)


@pytest.mark.parametrize("text", [pytest.param(text, marks=needs_corpus) for text in QUICK])
def test_events_are_not_passed_over_where_they_could_match(text: str) -> None:
    for case in ("m97_mysqlbinlog_remote", "m10_mariadbbinlog_remote", "m97_pymysql_commands"):
        path = LAB / f"{case}.pcap"
        if path.exists():
            same_without_short_cuts(path, text)
    assert (LAB / "m97_mysqlbinlog_remote.pcap").exists()


def same_without_short_cuts(path: Path, text: str) -> None:
    names = ["frame.number", "mysql.query", "mysql.field.name", "handshark.latency"]
    columns = FieldColumns(names, "\t", "a", ",", "n", False)
    for by_frame in (False, True):
        slow = RowRequest(compile_filter(text), frozenset(names), by_frame)
        slow.rows = True
        fast = RowRequest(compile_filter(text), frozenset(names), by_frame)
        assert rows_of(path, slow, columns, sieve=False) == rows_of(path, fast, columns)


def rows_of(path: Path, wanted: RowRequest, columns: FieldColumns, sieve: bool = True) -> list[str]:
    harvest = RowCollector(wanted, RowRendering(columns))
    if not sieve:
        harvest.sieve = None
    return collected(path, harvest)

"""No output shows a secret: over every subcommand and format, the bytes that were sent are looked for in every form."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

import analyzer
from analyzer.analysis import AnalysisOptions
from analyzer.analysis.dissection.dissector import RowRequest
from analyzer.analysis.dissection.followed import followed
from analyzer.analysis.dissection.packet import Dissection
from analyzer.analysis.model.packet import FollowedPacket
from analyzer.assistant.answers import Answers
from analyzer.assistant.bounds import MOST
from analyzer.assistant.sql import SqlAnswers
from analyzer.cli import MODULES, main
from analyzer.engine.row_collector import RowCollector, RowRendering
from analyzer.engine.run import Run
from analyzer.engine.shelf import Shelf
from analyzer.report.jsonl import encode
from analyzer.report.prose.session import SessionScript
from analyzer.report.text.follow import SessionText, hex_dump
from analyzer.tables.schema import TABLES
from tests.secrets.planted import MARK, all_of_it
from tests.secrets.search import around, forms, unpacked
from tests.secrets.statements import ORDINARY, VISIBLE
from tests.serve.support import serving, whole
from tests.wire.files import pcap
from tests.wire.mysql import ok, query
from tests.wire.script import ACCEPTED, conversation

# Subcommand -> all ways in which it shows what is in a capture. {} stands for the capture, {o} for a file.
OUTPUTS: dict[str, tuple[str, ...]] = {
    "analyze": (
        *("-vvv --color never {}", "--format json {}", "--format jsonl {}", "--format csv {}", "--summary {}", "-v {}"),
        *("-vvv --merge {} {}",),
    ),
    "commands": (
        *("--width 4000 {}", "--format jsonl {}", "--format csv {}", "--group --width 4000 {}", "--top 5000 {}"),
        *("--group --format jsonl {}", "--group --format csv {}", "--top 5000 --format jsonl {}"),
        *("--format jsonl -Y mysql.query {}", "--format jsonl -Y mysql.error_code {}"),
        *("--format slowlog {}", "--format sql {}", "--sort bytes --format jsonl {}", "--group --top 5000 {}"),
    ),
    "explain": ("{}",),
    "follow": ("--stream 0 {}", "--stream 0 --hex {}", "--stream 0 --format json {}"),  # all of them: see below
    "stats": (
        *("--width 4000 --top 5000 {}", "--format jsonl --top 5000 {}", "--format csv --top 5000 {}"),
        *("--by error --by statement --format jsonl --top 5000 {}", "--format json --top 5000 {}", "--diff {} {}"),
    ),
    "dissect": (
        *("{}", "-V {}", "-x {}", "-V -x -Y mysql.query {}", "-T json -x {}", "-T jsonl {}", "-T fields {all} {}"),
        *("-T ek {}", "-T pdml {}", "-T psml {}", "-T tabs -t dd {}", "-T fields -e _ws.col.Info {}"),
        *("-T fields -e mysql.query {}", "-T fields -e mysql.error.message {}", "-T fields -e handshark.statement {}"),
        *("-T fields -e handshark.summary -e mysql.query --by record {}", "-T jsonl -e mysql.query -e mysql {}"),
        *("-T fields -e mysql.query -e handshark.outcome {}", "-Y mysql.error_code -V {}"),
    ),
    "report": ("--limit 5000 {} -o {o}", "--format md {} -o {o}", "--diff {} {} -o {o}"),
    "export": tuple(f"{{}} --table {table} -o {{o}}.csv" for table in ("connections", "commands", "findings")),
    "sql": (
        *("'SELECT * FROM commands' {} --format csv", "'SELECT * FROM connections' {} --format json"),
        *("'SELECT * FROM findings' {} --width 4000", "'SELECT * FROM attributes' {} --format csv"),
        *("'SELECT * FROM authentication_steps' {} --format csv", "slowest-statements {} --format csv"),
    ),
}
# Subcommands that show nothing of a capture's packets.
SILENT = {
    "findings": "lists what there is",
    "fields": "lists what there is",
    "interfaces": "lists what there is",
    "tui": "is a screen: see tests/tui/test_hostile.py",
    "live": "shows what analyze shows: see the test of its page; what it writes is a capture",
    "inject-keys": "writes a capture",
    "serve": "is pages: see test_a_browser_is_told_no_secret",
    "mcp": "answers an assistant: see test_an_assistant_is_told_no_secret",
    "extract": "writes a capture",
    "redact": "writes a capture without secrets: see tests/sharing",
    "corpus": "compares what analyze says with golden files",
    "verify": "compares what analyze says with what is known",
}
NOTEBOOK = "_repr_html_"  # what a notebook calls to show a record
WAYS = [(name, way) for name, ways in OUTPUTS.items() for way in ways]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames, names = all_of_it()
    path = tmp_path_factory.mktemp("planted") / "planted.pcap"
    path.write_bytes(pcap(frames))
    whole = path.read_bytes()
    # What is looked for was sent: all but what was lost, compressed or cut.
    assert sum(name.encode() in whole for name in names) > 0.95 * len(names)
    return path


def output(name: str, way: str, capture: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> bytes:
    """All that a subcommand writes."""
    target = capture.with_suffix(".out")
    made = (target, target.with_name(target.name + ".csv"))
    for file in made:
        file.unlink(missing_ok=True)
    words: list[str] = []
    for word in shlex.split(way):
        if word == "{all}":
            words += [part for field in field_names(capsysbinary) for part in ("-e", field)]
        else:
            words.append(word.format(str(capture), o=target) if word == "{}" else word.format(o=target))
    assert main([name, *words]) in (0, 1)
    done = capsysbinary.readouterr()
    return done.out + done.err + b"".join(file.read_bytes() for file in made if file.exists())


def field_names(capsysbinary: pytest.CaptureFixture[bytes]) -> list[str]:
    capsysbinary.readouterr()
    assert main(["fields"]) == 0
    lines = capsysbinary.readouterr().out.decode().splitlines()
    return [line.split()[0] for line in lines if line and "." in line.split()[0]]


def test_every_subcommand_is_here() -> None:
    assert set(OUTPUTS) | set(SILENT) == set(MODULES)
    assert not set(OUTPUTS) & set(SILENT)


@pytest.mark.parametrize(("name", "way"), WAYS, ids=[f"{name} {way}" for name, way in WAYS])
def test_no_output_shows_a_secret(
    name: str, way: str, capture: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    shown = output(name, way, capture, capsysbinary)
    assert shown
    assert around(shown, MARK.encode()) == []


def test_an_assistant_is_told_no_secret(capture: Path) -> None:
    shelf = Shelf([str(capture)])
    asked = Answers(shelf, AnalysisOptions())
    name = capture.name
    told: list[object] = [asked.summary(name)]
    streams = [one["stream"] for one in asked.connections(name, None, MOST, 0)["connections"]]
    told += [asked.connection(name, stream) for stream in streams[:40]]
    told += [asked.packets(name, stream, MOST, 0) for stream in streams[:40:5]]
    page, more = 0, True
    while more:
        found = asked.commands(name, None, 0, MOST, page * MOST)
        told.append(found)
        page, more = page + 1, found["more"]
    with closing(SqlAnswers(shelf, AnalysisOptions())) as in_sql:
        told += [in_sql.sql([name], f"FROM {table}", MOST) for table in TABLES]
    shown = json.dumps(told).encode()
    assert len(shown) > 100_000
    assert around(shown, MARK.encode()) == []


def test_a_browser_is_told_no_secret(capture: Path) -> None:
    shown: list[bytes] = []
    with serving([str(capture)]) as visitor:
        said = whole(visitor, "/captures/1/events")
        shown += [json.dumps(said).encode(), visitor.ask("/").body, visitor.ask("/captures/1").body]
        shown += [visitor.ask(f"/captures/1/connections/{number}").body for number in list(said["rows"])[:40]]
        shown.append(visitor.ask("/compare?before=1&after=1").body)
    assert sum(map(len, shown)) > 300_000
    assert around(b"\n".join(shown), MARK.encode()) == []


@pytest.mark.parametrize(
    ("name", "way", "least"),
    [
        ("commands", "--format jsonl {}", 400),
        ("commands", "--format csv {}", 400),
        ("dissect", "-V {}", 500),
        ("dissect", "-x {}", 400),
        ("analyze", "-vvv {}", 400),
        ("report", "--limit 5000 {} -o {o}", 400),
    ],
)
def test_who_asks_for_secrets_sees_them(
    name: str, way: str, least: int, capture: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The search finds what is there: the same outputs, with --show-secrets, hold most of what was planted."""
    shown = unpacked(output(name, f"--show-secrets {way}", capture, capsysbinary))
    _, names = all_of_it()
    assert sum(any(form in shown for form in forms(word.encode())) for word in names) >= least


def test_followed_sessions_show_no_secret(capture: Path) -> None:
    """All connections at once: the command follows one at a time."""
    collector = partial(RowCollector, RowRequest(None, None, False, raw=True), RowRendering(_numbered))
    sessions: dict[int, SessionScript] = {}
    parts: list[str] = []
    text = SessionText(parts.append, 4000)
    for number, packet in Run[tuple[int, FollowedPacket]](AnalysisOptions(), collector, 1).items(str(capture)):
        parts += hex_dump(packet)
        for turn in sessions.setdefault(number, SessionScript(5000)).feed(packet):
            text.turn(turn)
            parts.append(encode(turn).decode())
    for session in sessions.values():
        for turn in session.end():
            text.turn(turn)
            parts.append(encode(turn).decode())
    content = "\n".join(parts).encode("utf-8", "replace")
    assert len(sessions) > 400
    assert len(content) > 100_000
    assert around(unpacked(content), MARK.encode()) == []


def _numbered(group: Sequence[Dissection]) -> tuple[int, FollowedPacket]:
    return group[0].scene.tcp.number, followed(group, data=True)


def test_scripts_see_no_secret(capture: Path) -> None:
    told = [
        analyzer.to_json(analyzer.connections(str(capture))),
        analyzer.to_json(analyzer.commands(str(capture))),
        analyzer.to_json(analyzer.packets(str(capture))),
    ]
    for text in told:
        content = text.encode()
        assert len(content) > 1000
        assert around(content, MARK.encode()) == []
    shown = [getattr(connection, NOTEBOOK)() for connection in analyzer.connections(str(capture))]
    assert around("".join(shown).encode(), MARK.encode()) == []


def ordinary(tmp_path: Path) -> Path:
    """A capture of statements that hold no secret, or some beside what is none."""
    script = [step for text in ORDINARY for step in (("c", query(text)), ("s", ok(1)))]
    path = tmp_path / "ordinary.pcap"
    path.write_bytes(pcap(conversation([*ACCEPTED, *script])))
    return path


@pytest.mark.parametrize(
    ("name", "way"),
    [("commands", "--format jsonl {}"), ("dissect", "-T fields -e mysql.query {}"), ("commands", "--width 4000 {}")],
)
def test_what_is_no_secret_stays(
    name: str, way: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    shown = output(name, way, ordinary(tmp_path), capsysbinary)
    assert shown.count(VISIBLE.encode()) == sum(text.count(VISIBLE) for text in ORDINARY)

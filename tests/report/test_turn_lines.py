"""Lines of plain turns, written from templates, against those of commands as they are."""

from __future__ import annotations

import json
import struct
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.conversation.session_facts import MOST_OPENING
from analyzer.capture import CaptureSource, open_capture
from analyzer.engine.collectors import Collector
from analyzer.engine.command_collectors import EachCommand, EachTurn
from analyzer.engine.reading import Reading
from analyzer.report.jsonl import encode
from analyzer.report.turn_lines import TurnLines
from tests.analysis.conversation.prepared import COLUMN, talks
from tests.bench import recorded
from tests.bench.different import different
from tests.bench.oltp import oltp
from tests.corpus import REPOSITORY
from tests.reading import BatchSource
from tests.wire.files import pcap
from tests.wire.frames import FIN, Frame, batches
from tests.wire.mysql import QUIT, eof, err, ok, packet, query
from tests.wire.script import ACCEPTED, GOODBYE, Say, conversation

SAMPLES = REPOSITORY / "samples"
# With prepared statements, several results, other character sets, secrets in statements, many commands.
KINDS = ("prepared", "several-results", "change-user", "charset", "killed", "cli_fast-auth", "error")
NAMES = sorted(path.name for path in SAMPLES.glob("*.pcap*") if any(kind in path.name for kind in KINDS))


def _told(analysis: Analysis, source: CaptureSource, collector: Collector[bytes]) -> list[bytes]:
    """Lines, which one of two collectors gives many at once."""
    items = Reading(analysis, source).collected(collector)
    return b"".join(item for _, item in items).splitlines()


def _lines(capture: Path, collector: Collector[bytes], show_secrets: bool) -> list[bytes]:
    options = collector.options(AnalysisOptions(show_secrets=show_secrets))
    with open_capture(str(capture)) as source:
        return _told(Analysis(capture.name, options), source, collector)


def _same(capture: Path, slow_ns: int = 0) -> int:
    found = 0
    for show_secrets in (False, True):
        turns = _lines(capture, EachTurn(slow_ns, TurnLines), show_secrets)
        assert turns == _lines(capture, EachCommand(slow_ns, encode), show_secrets)
        found += len(turns)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_samples(name: str) -> None:
    _same(SAMPLES / name)


@pytest.mark.parametrize("base", [recorded.CONNECTOR_C, *recorded.MIXED.values()])
def test_what_drivers_said(base: Path) -> None:
    assert _same(base) > 500


@pytest.mark.parametrize("write", [partial(oltp, transactions=3, connections=4), partial(different, steps=20)])
def test_made_traffic(tmp_path: Path, write: partial[int]) -> None:
    capture = tmp_path / "made.pcap"
    write(SAMPLES, capture)
    every = _same(capture)
    lines = _lines(capture, EachTurn(0, TurnLines), False)
    took = sorted(duration for line in lines if (duration := json.loads(line)["duration_ns"]) is not None)
    assert 0 < _same(capture, slow_ns=took[len(took) // 2]) < every


# Told apart from a template's own: percent signs, its marks, quotes, bytes that are no text, secrets, a USE.
STATEMENTS = (
    "SELECT 1",
    "SELECT 2",
    "SELECT '%d%b%%' LIKE '%'",
    'SELECT "\\"quoted\\""',
    "SELECT '\x01\x02\x036' + 9114860736610959360",
    b"SELECT '\xff\xfe'",
    "SET PASSWORD = 'secret'",
    "CREATE USER u IDENTIFIED BY 'secret'",
    "use `100%d`",
    "SELECT 3",
    "SELECT 4",
    "SELECT 5",
    "SET @a = 1",
    "SET @a = 2",
    "SET NAMES latin1",
    b"SELECT '\xe9'",
)


def test_statements_that_are_hard_to_write(tmp_path: Path) -> None:
    steps = []
    for statement in STATEMENTS:
        steps += [("c", query(statement)), ("s", ok(1))]
    capture = tmp_path / "hard.pcap"
    capture.write_bytes(pcap(conversation([*ACCEPTED, *steps, ("c", QUIT), Say("c", flags=FIN), Say("s", flags=FIN)])))
    assert _same(capture) == 2 * (len(STATEMENTS) + 1)
    told = _lines(capture, EachTurn(0, TurnLines), False)
    assert b"secret" not in b"".join(told)


ROW = packet(1, b"\x01") + packet(2, COLUMN) + eof(3) + packet(4, b"\x011") + eof(5)
UNKNOWN = err(1, 1054, "Unknown column 'x'")
PREPARE, PREPARED = packet(0, b"\x16select 1"), packet(1, b"\0\1" + bytes(10))
# What is said behind logins of one shape: their machines are made where something of the session changes.
SAID = (
    [(query("SELECT 1"), ROW), (query("SELECT 2"), ROW)],
    [(query("SELECT 1"), ROW), (query("SELECT x"), UNKNOWN), (query("use other"), ok(1)), (query("SELECT 2"), ROW)],
    [
        (query("SELECT 1"), ROW),
        (query("SET NAMES latin1"), ok(1)),
        (query(b"SELECT '\xe9'"), ROW),
        (query("x"), UNKNOWN),
    ],
    [(query("SELECT 1"), ROW), (PREPARE, PREPARED), (query("SELECT 2"), ROW)],
)


@given(chosen=st.lists(st.sampled_from(SAID), min_size=4, max_size=8), size=st.sampled_from([0, 1, 5, 30]))
def test_logins_of_one_shape(chosen: list[list[tuple[bytes, bytes]]], size: int) -> None:
    frames: list[Frame] = []
    for number, pairs in enumerate(chosen):
        said = [step for asked, answer in pairs for step in (("c", asked), ("s", answer))]
        client = ("10.0.0.1", 50_000 + number)
        frames += conversation([*ACCEPTED, *said, *GOODBYE], client=client, start_ns=(1 + number) * 10**12)
    told: list[list[bytes]] = []
    for collector, shapes in ((EachTurn(0, TurnLines), True), (EachCommand(0, encode), False)):
        options = collector.options(AnalysisOptions(shapes=shapes))
        analysis = Analysis("made", options)
        told.append(_told(analysis, BatchSource("made", batches(frames, size)), collector))
        assert (analysis.shapes is not None and analysis.shapes.found > 0) == shapes
    assert told[0] == told[1]
    assert len(told[0]) == sum(len(pairs) + 1 for pairs in chosen)


@given(start_ns=st.sampled_from([0, 1, 999, 1000, 999_999, 10**6, 10**18 - 1, 1 << 62]) | st.integers(0, 1 << 62))
def test_numbers_of_any_size(start_ns: int) -> None:
    said = [step for _ in range(20) for step in (("c", query("SELECT 1")), ("s", ROW))]
    frames = conversation([*ACCEPTED, *said, *GOODBYE], start_ns=start_ns)
    told = []
    for collector in (EachTurn(0, TurnLines), EachCommand(0, encode)):
        analysis = Analysis("made", collector.options(AnalysisOptions()))
        told.append(_told(analysis, BatchSource("made", batches(frames, 0)), collector))
    assert told[0] == told[1]
    assert len(told[0]) == 21


def _double(value: float) -> bytes:
    return packet(0, b"\x17\1\0\0\0\0\1\0\0\0" + b"\0\1" + b"\x05\0" + struct.pack("<d", value))


@given(values=st.lists(st.floats() | st.integers(-(1 << 54), 1 << 54).map(float), min_size=8, max_size=40))
def test_doubles_as_they_are_bound(values: list[float]) -> None:
    prepare, prepared = packet(0, b"\x16select ?"), packet(1, b"\0\1\0\0\0\0\0\1\0\0\0\0") + packet(2, COLUMN) + eof(3)
    pairs = [(prepare, prepared), *[(_double(value), ok(1)) for value in [*values, 0.0, -0.0, 1e16, 0.5]]]
    said = [step for asked, answer in pairs for step in (("c", asked), ("s", answer))]
    frames = conversation([*ACCEPTED, *said, *GOODBYE])
    told = []
    for collector in (EachTurn(0, TurnLines), EachCommand(0, encode)):
        analysis = Analysis("made", collector.options(AnalysisOptions()))
        told.append(_told(analysis, BatchSource("made", batches(frames, 0)), collector))
    assert told[0] == told[1]
    shown = [line["parameters"][0] for line in map(json.loads, told[0]) if line["command"] == "stmt_execute"]
    assert [float(value) for value in shown[-4:]] == [0.0, 0.0, 1e16, 0.5]
    assert len(shown) == len(values) + 4


@given(frames=talks(), size=st.sampled_from([0, 1, 5]))
def test_prepared_statements_in_any_order(frames: list[Frame], size: int) -> None:
    told = []
    for collector in (EachTurn(0, TurnLines), EachCommand(0, encode)):
        source = BatchSource("made", batches(frames, size))
        options = collector.options(AnalysisOptions())
        told.append(_told(Analysis("made", options), source, collector))
    assert told[0] == told[1]
    assert len(told[0]) > MOST_OPENING

"""Lines of plain turns, written from templates or from their bytes, against those of commands as they are."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analysis import Analysis, AnalysisOptions
from analyzer.analysis.commands.turn_tracker import TurnRenderer
from analyzer.analysis.conversation.session_facts import MOST_OPENING
from analyzer.analysis.model.command import Command
from analyzer.capture import CaptureSource, open_capture
from analyzer.engine.collectors import Collector
from analyzer.engine.command_collectors import EachCommand, EachTurn
from analyzer.engine.reading import Reading
from analyzer.report.jsonl import encode
from analyzer.report.prose.clock import clock_named
from analyzer.report.text.commands import CommandLayout, csv_line
from analyzer.report.text.turn_texts import TurnTexts
from analyzer.report.turn_csv import TurnCsv
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


NARROW = CommandLayout()
WIDE = CommandLayout(180, True, clock_named("+05:30"))
MEDIUM = CommandLayout(105)
# How each turn is written, and what is made of its command.
FORMS: dict[str, tuple[Callable[..., TurnRenderer], Callable[[Command], bytes]]] = {
    "jsonl": (TurnLines, encode),
    "csv": (TurnCsv, lambda command: csv_line(command).encode()),
    "text": (partial(TurnTexts, NARROW), NARROW.dated),
    "medium": (partial(TurnTexts, MEDIUM), MEDIUM.dated),
    "wide": (partial(TurnTexts, WIDE), WIDE.dated),
}


def _told(analysis: Analysis, source: CaptureSource, collector: Collector[bytes]) -> list[bytes]:
    """Lines, which one of two collectors gives many at once."""
    items = Reading(analysis, source).collected(collector)
    return b"".join(item for _, item in items).split(b"\n")[:-1]


def _lines(capture: Path, collector: Collector[bytes], show_secrets: bool) -> list[bytes]:
    options = collector.options(AnalysisOptions(show_secrets=show_secrets))
    with open_capture(str(capture)) as source:
        return _told(Analysis(capture.name, options), source, collector)


def _same(capture: Path, slow_ns: int = 0) -> int:
    found = 0
    for name, (renderer, made) in FORMS.items():
        for show_secrets in (False, True):
            turns = _lines(capture, EachTurn(slow_ns, renderer), show_secrets)
            assert turns == _lines(capture, EachCommand(slow_ns, made), show_secrets), name
            found += len(turns) if name == "jsonl" else 0
    return found


def _same_lines(frames: list[Frame], size: int = 0, shapes: tuple[bool, ...] = ()) -> list[bytes]:
    """The JSON lines of frames, in batches of `size`. In each form those of turns are those of commands.

    `shapes`: whether logins of known shapes are taken as such for either, which some are where they are.
    """
    for renderer, made in reversed(FORMS.values()):
        told: list[list[bytes]] = []
        collectors: tuple[Collector[bytes], ...] = (EachTurn(0, renderer), EachCommand(0, made))
        for number, collector in enumerate(collectors):
            known = AnalysisOptions(shapes=shapes[number]) if shapes else AnalysisOptions()
            analysis = Analysis("made", collector.options(known))
            told.append(_told(analysis, BatchSource("made", batches(frames, size)), collector))
            if shapes:
                assert (analysis.shapes is not None and analysis.shapes.found > 0) == shapes[number]
        assert told[0] == told[1]
    return told[0]


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


class _CountedTexts(TurnTexts):
    count = 0

    def command(self, command: Command) -> bytes:
        _CountedTexts.count += 1
        return super().command(command)


class _CountedCsv(TurnCsv):
    count = 0

    def command(self, command: Command) -> bytes:
        _CountedCsv.count += 1
        return super().command(command)


@pytest.mark.parametrize("base", [recorded.CONNECTOR_C, *recorded.MIXED.values()])
def test_most_lines_are_written_from_their_bytes(base: Path) -> None:
    _CountedTexts.count = _CountedCsv.count = 0
    rows = _lines(base, EachTurn(0, partial(_CountedTexts, NARROW)), False)
    table = _lines(base, EachTurn(0, _CountedCsv), False)
    assert _CountedTexts.count * 4 < len(rows)
    assert _CountedCsv.count * 4 < len(table)


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
    # For tables and for narrow terminals: commas, quotes, formulas, white space, length.
    "SELECT 1, 2",
    "SELECT \"a\", 'b'",
    "=1+1",
    "-- nothing, but a remark\nSELECT 1",
    "@x",
    "  SELECT\t1\r\n\n  FROM   t  ",
    "",
    "   ",
    "SELECT \x1b[31m, \x1c 1",
    "SELECT " + "a, " * 40,
    "SELECT" + " " * 400 + "'far'",
    "SELECT '" + "x" * 300 + "é'",
    "é" * 100,
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
    told = _same_lines(frames, size, shapes=(True, False))
    assert len(told) == sum(len(pairs) + 1 for pairs in chosen)


@given(start_ns=st.sampled_from([0, 1, 999, 1000, 999_999, 10**6, 10**18 - 1, 1 << 62]) | st.integers(0, 1 << 62))
def test_numbers_of_any_size(start_ns: int) -> None:
    said = [step for _ in range(20) for step in (("c", query("SELECT 1")), ("s", ROW))]
    frames = conversation([*ACCEPTED, *said, *GOODBYE], start_ns=start_ns)
    told = _same_lines(frames)
    assert len(told) == 21


# What spreadsheets, terminals and JSON take for something else.
TEXTS = ("", "a,b", 'say "x"', "=1", "+1", "@x", "a\nb", "a  b", "back\\slash", "semi;colon", "\x1b[0m", "é", "x" * 249)


def _double(value: float) -> bytes:
    return packet(0, b"\x17\1\0\0\0\0\1\0\0\0" + b"\0\1" + b"\x05\0" + struct.pack("<d", value))


@given(values=st.lists(st.floats() | st.integers(-(1 << 54), 1 << 54).map(float), min_size=8, max_size=40))
def test_doubles_as_they_are_bound(values: list[float]) -> None:
    prepare, prepared = packet(0, b"\x16select ?"), packet(1, b"\0\1\0\0\0\0\0\1\0\0\0\0") + packet(2, COLUMN) + eof(3)
    pairs = [(prepare, prepared), *[(_double(value), ok(1)) for value in [*values, 0.0, -0.0, 1e16, 0.5]]]
    said = [step for asked, answer in pairs for step in (("c", asked), ("s", answer))]
    frames = conversation([*ACCEPTED, *said, *GOODBYE])
    told = _same_lines(frames)
    shown = [line["parameters"][0] for line in map(json.loads, told) if line["command"] == "stmt_execute"]
    assert [float(value) for value in shown[-4:]] == [0.0, 0.0, 1e16, 0.5]
    assert len(shown) == len(values) + 4


@given(frames=talks(), size=st.sampled_from([0, 1, 5]))
def test_prepared_statements_in_any_order(frames: list[Frame], size: int) -> None:
    told = _same_lines(frames, size)
    assert len(told) > MOST_OPENING


VALUES = st.none() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=40) | st.sampled_from(TEXTS)


def _bound(values: list[int | str | None]) -> bytes:
    kinds = b"".join(b"\x08\0" if isinstance(value, int) else b"\xfd\0" for value in values)
    nulls = sum((value is None) << place for place, value in enumerate(values))
    said = b""
    for value in values:
        if isinstance(value, int):
            said += value.to_bytes(8, "little", signed=True)
        elif value is not None:
            text = value.encode("utf-8", "surrogateescape")
            said += bytes((len(text),)) + text
    head = b"\x17\1\0\0\0\0\1\0\0\0" + nulls.to_bytes((len(values) + 7) // 8, "little")
    return packet(0, head + b"\1" + kinds + said)


@given(rows=st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=8))
def test_values_as_they_are_bound(rows: list[list[int | str | None]]) -> None:
    count = packet(1, b"\0\1\0\0\0\0\0\3\0\0\0\0")
    prepared = count + b"".join(packet(2 + place, COLUMN) for place in range(3)) + eof(5)
    pairs = [(packet(0, b"\x16select ?, ?,\t?"), prepared), *[(_bound(row), ok(1)) for row in rows]]
    said = [step for asked, answer in pairs for step in (("c", asked), ("s", answer))]
    frames = conversation([*ACCEPTED, *said, *GOODBYE])
    told = _same_lines(frames)
    shown = [line["parameters"] for line in map(json.loads, told) if line["command"] == "stmt_execute"]
    assert len(shown) == len(rows)


def test_a_row_whose_number_is_wider_than_its_column(tmp_path: Path) -> None:
    """Of ten thousand connections the last ones push what stands behind their numbers to the right."""
    syn = conversation([], client=("10.9.0.1", 20_000), start_ns=10**9)[0]
    port = syn.data.index((20_000).to_bytes(2, "big"))
    ports = [(20_000 + number).to_bytes(2, "big") for number in range(10_000)]
    others = [syn._replace(data=syn.data[:port] + each + syn.data[port + 2 :]) for each in ports]
    said = [step for text in ("SELECT 1", "SELECT " + "a, " * 40) for step in (("c", query(text)), ("s", ROW))]
    frames = conversation([*ACCEPTED, *said, *GOODBYE], client=("10.0.0.1", 50_000), start_ns=10**12)
    capture = tmp_path / "many.pcap"
    capture.write_bytes(pcap([*others, *frames]))
    assert _same(capture) == 6
    short, long, _ = _lines(capture, EachTurn(0, FORMS["text"][0]), False)
    assert b" 10000 " in short
    assert b" 10000 " in long
